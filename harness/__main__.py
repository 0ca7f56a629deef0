"""The slotlab command: commands in, exit status out (0 ok, 1 check failed, 2 operator, 3 lab).

Nothing but the error table is here; the commands are in commands.py.
"""

import signal
import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from harness.cli import commands
from harness.controller.exit_status import FORESEEN, status_of
from harness.controller.state_dir import remedy
from harness.controller.version import version
from harness.errors import EXIT_LAB, EXIT_OPERATOR, EXIT_STOPPED
from metrics.model.printable import printable_lines

app = commands.group_of(
    cls=commands.Lazy,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
commands.add_to(app)


def _print_version(asked: bool) -> None:
    if asked:
        print(version())
        raise typer.Exit


@app.callback()
def slotlab(
    _: Annotated[
        bool,
        typer.Option(
            "--version", help="Print version and revision.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Proof-of-stake chains on real machines, with faults, clocks and error bars."""


def main(words: Sequence[str] | None = None) -> NoReturn:
    """Run the command line; every foreseen error is one line and an exit status.

    SIGTERM ends a command as Ctrl-C does, so that what it made is taken away again.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        status = app(words, prog_name="slotlab", standalone_mode=False)
        sys.exit(status or 0)
    except typer.TyperException as error:
        _fail(_mistyped(error), EXIT_OPERATOR)
    except (typer.Abort, KeyboardInterrupt):
        _fail("stopped by the operator", EXIT_STOPPED)
    except FORESEEN as error:
        _fail(error, status_of(error))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}{remedy(error)}", EXIT_LAB)


def _mistyped(error: typer.TyperException) -> str:
    """Return what is wrong with the words typed; empty where the help was printed instead."""
    text = " ".join(error.format_message().split()).rstrip(".?")
    where = getattr(error, "ctx", None)
    return f"{text}; see `{where.command_path} --help`" if text and where else text


def _fail(error: object, status: int) -> NoReturn:
    from harness.controller import console  # help and completion do without a terminal's library

    console.end_live()
    if text := printable_lines(str(error).strip()):
        print(f"slotlab: {text}", file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    main()
