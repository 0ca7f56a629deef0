"""The command that is run when a run has ended: by its words, never by a shell."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import UsageError

WITHIN_S = 60.0


def parsed(command: str) -> list[str]:
    """Return the words of a command, its program by its path; none of an empty one.

    Raises:
        UsageError: quotes are left open, or there is no such program.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--notify {command!r}: {error}; quote it as for a shell") from error
    if not words:
        return []
    program = shutil.which(words[0])
    if program is None:
        raise UsageError(f"--notify {command!r}: no program {words[0]}; give its whole path")
    return [os.path.abspath(program), *words[1:]]


def tell(
    words: Sequence[str],
    *,
    run: str,
    status: int,
    verdict: str,
    folder: str = ".",
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> str:
    """Run the command with RUN, STATUS, VERDICT and REPORT in its environment.

    Return "", or in a line what was wrong with it. log: where its output goes, else to ours.
    """
    report = Path(run) / "report.html"
    facts = {
        "RUN": run,
        "STATUS": str(status),
        "VERDICT": verdict,
        "REPORT": str(report) if run and verdict and report.exists() else "",
    }
    try:
        with open(log or os.devnull, "ab") as file:
            done = subprocess.run(
                words, cwd=folder, env=os.environ | dict(environment or {}) | facts,
                stdin=subprocess.DEVNULL, stdout=file if log else None,
                stderr=file if log else None, timeout=WITHIN_S, check=False,
            )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"notify: {words[0]} did not end within {WITHIN_S:.0f} s"
    except OSError as error:
        return f"notify: {error.filename or words[0]}: {error.strerror}"
    return f"notify: {words[0]} ended with status {done.returncode}" if done.returncode else ""
