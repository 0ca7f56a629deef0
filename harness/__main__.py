"""The slotlab command: commands in, exit status out (0 ok, 1 check failed, 2 operator, 3 lab).

Nothing but the error table is here; the commands are in the modules cli_*.
"""

from __future__ import annotations

import sys

import typer

from harness import cli_fuzz, cli_hosts, cli_lab, cli_look, cli_run
from harness.errors import EXIT_LAB, EXIT_OPERATOR, Interrupted, OperatorError, RunError
from harness.inspect import InspectError
from harness.labs.errors import LabError
from metrics.model.printable import printable_lines
from metrics.model.run_folder import RunError as BadRunFolder
from node.config import ConfigError

app = typer.Typer(
    name="slotlab",
    help="Proof-of-stake chains on real machines, with faults, clocks and error bars.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
cli_run.add(app)
cli_lab.add(app)
cli_hosts.add(app)
cli_look.add(app)
cli_fuzz.add(app)

STOPPED = 130


def main() -> None:
    """Run the command line; every foreseen error is one line and an exit status."""
    try:
        app()
    except (OperatorError, ConfigError, InspectError) as error:
        _fail(error, EXIT_OPERATOR)
    except LabError as error:
        _fail(error, error.exit_status)
    except (RunError, BadRunFolder) as error:
        _fail(error, EXIT_LAB)
    except Interrupted as error:
        _fail(error, STOPPED)
    except KeyboardInterrupt:
        _fail("stopped by the operator", STOPPED)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}", EXIT_LAB)


def _fail(error: object, status: int) -> None:
    print(f"slotlab: {printable_lines(str(error).strip())}", file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    main()
