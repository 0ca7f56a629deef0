"""summary.json of a run, read again."""

from pathlib import Path
from typing import Any, Literal

import msgspec

from metrics.model.run_folder import RunError
from metrics.results.trial_figures import Figure


class _Trial(msgspec.Struct):
    n: int
    figures: dict[str, dict[str, Figure]]


class _Cell(msgspec.Struct):
    n: int
    params: dict[str, Any]
    trials: list[_Trial]


class _Compared(msgspec.Struct):
    """What sweeps and comparisons read of a summary; whoever else reads one, made it."""

    schema: Literal["slotlab.summary/v1"]
    verdict: Literal["pass", "fail", "invalid"]
    cells: list[_Cell]


def load(run: Path) -> dict[str, Any]:
    """Return the summary of a run.

    Raises:
        RunError: it has none, or one of another version.
    """
    path = run / "summary.json"
    try:
        found: dict[str, Any] = msgspec.json.decode(path.read_bytes())
        msgspec.convert(found, _Compared)
    except OSError as error:
        raise RunError(f"{path}: {error.strerror}; write it with slotlab report {run}") from error
    except msgspec.DecodeError as error:
        raise RunError(f"{path}: {error}; write it again with slotlab report {run}") from error
    return found
