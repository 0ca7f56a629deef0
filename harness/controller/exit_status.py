"""Which exit status each error that is foreseen earns."""

from harness.errors import (
    EXIT_LAB,
    EXIT_OPERATOR,
    EXIT_STOPPED,
    Interrupted,
    LabError,
    OperatorError,
    RunError,
)
from metrics.model.run_folder import RunError as BadRunFolder
from node.config import ConfigError

FORESEEN = (OperatorError, ConfigError, LabError, RunError, BadRunFolder, Interrupted)
"""What a command may end with in one line."""


def status_of(error: BaseException) -> int:
    """Return the exit status of a command that ended so."""
    match error:
        case OperatorError() | ConfigError():
            return EXIT_OPERATOR
        case LabError():
            return error.exit_status
        case Interrupted() | KeyboardInterrupt():
            return EXIT_STOPPED
        case _:
            return EXIT_LAB
