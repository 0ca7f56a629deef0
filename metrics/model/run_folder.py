"""The files of a run folder beside plan.json, as values, and where they are; nothing of events.

The orchestrator writes trial.json with what is declared here, metrics reads it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from faults.model.record import Record
from metrics.model.plan import Count, Plan

T = TypeVar("T")
BROKEN = (msgspec.MsgspecError, ValueError, RecursionError)
"""What decoding raises for text that is not what was written."""


class RunError(Exception):
    """The run folder cannot be read; the message names the file, the key and the remedy."""


State = Literal["complete", "failed", "interrupted"]
"""How a trial ended."""


class TrialFile(msgspec.Struct, frozen=True, kw_only=True):
    """trial.json: which chain a trial was, when T0 was, and how it ended."""

    n: int
    label: str
    """The name by which the hosts' agents know the trial: no two trials of a lab share one."""
    seed: int
    t0_wall_ns: Count
    chain_id: str
    state: State
    reason: str
    started_ns: Count
    ended_ns: Count
    genesis_slot: Count
    problems: list[str] = []
    """What was wrong beside the system under test: a host not as before, a file not collected."""


def load_plan(run: Path) -> Plan:
    """Return the plan of the run.

    Raises:
        RunError: missing, not JSON, or a key of the wrong type.
    """
    return _decode(run / "plan.json", Plan)


def trial_folder(run: Path, n: int) -> Path:
    """Return where trial n's raw files are."""
    return run / "trials" / str(n)


def load_trial(run: Path, n: int) -> TrialFile | None:
    """Return trial.json of trial n, or None when the trial never started."""
    path = trial_folder(run, n) / "trial.json"
    return _decode(path, TrialFile) if path.exists() else None


def write_faults(folder: Path, records: list[Record]) -> None:
    """Write the trial's faults.jsonl: the agents' journals merged."""
    lines = [msgspec.json.encode(record) + b"\n" for record in records]
    (folder / "faults.jsonl").write_bytes(b"".join(lines))


def load_json(path: Path) -> Any:
    """Return what a JSON file holds, or None when there is none or it is broken."""
    try:
        return msgspec.json.decode(path.read_bytes())
    except (OSError, *BROKEN):
        return None


def _decode(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise RunError(f"{path}: {error.strerror}; name a run, see `slotlab runs`") from error
    except BROKEN as error:
        raise RunError(f"{path}: {error}; the run is damaged or of another version") from error
