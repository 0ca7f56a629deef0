"""What can go wrong outside the system under test, and which exit status it earns.

Operator errors (exit 2) are one line that names the file, the key and the remedy; lab errors
(exit 3) say which host or machine failed. Neither ever shows a traceback.
"""

import difflib
from collections.abc import Sequence

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_OPERATOR = 2
EXIT_LAB = 3
EXIT_STOPPED = 130
"""As a shell has it of what Ctrl-C ended."""
EXIT_CODES = {
    EXIT_OK: "All that was asked for is so: every check of a run holds.",
    EXIT_FAILED: "The system under test failed a check.",
    EXIT_OPERATOR: "What the operator wrote is wrong: one line says file, key and remedy.",
    EXIT_LAB: "The lab failed, or what was measured cannot be trusted.",
    EXIT_STOPPED: "Ctrl-C ended it.",
}
"""What each exit status says."""
EXIT_BY_VERDICT = {"pass": EXIT_OK, "fail": EXIT_FAILED, "invalid": EXIT_LAB}
"""What the verdict of a reported run earns."""


class OperatorError(Exception):
    """The operator's input is wrong: file, key, remedy in one line."""


class CampaignError(OperatorError):
    """The campaign file is wrong."""


class PlanError(OperatorError):
    """The campaign cannot be run on this inventory, or would be unsafe."""


class UsageError(OperatorError):
    """The command line is wrong, or asks for what does not exist yet."""


class RunError(Exception):
    """The lab failed during a run; the result, if any, is invalid."""


class StoreError(RunError):
    """The run folder cannot be written or read."""


class LockError(RunError):
    """Another campaign owns this lab."""


class LabError(Exception):
    """This machine cannot make, reach or remove a lab; the command ends with exit_status."""

    exit_status = EXIT_LAB


class LabInputError(LabError):
    """The operator asked for a lab that cannot be: a bad name, count or host."""

    exit_status = EXIT_OPERATOR


class Interrupted(Exception):
    """The operator pressed Ctrl-C; faults are healed before this travels on."""


def nearest(word: str, known: Sequence[str]) -> str:
    """Return the part of a message that names the known word most like word, or all of them."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(known) or 'none'}"
