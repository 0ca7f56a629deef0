"""The files of a run folder beside plan.json, as values, and where they are; nothing of events.

The orchestrator writes trial.json with what is declared here, metrics reads it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from metrics.model.plan import Count, Plan

T = TypeVar("T")
_BROKEN = (msgspec.MsgspecError, ValueError, RecursionError)
"""What decoding raises for text that is not what was written."""
Time = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]
PROVIDER = "provider"
"""Whose journal it is that tells of faults done to hosts from outside."""


class RunError(Exception):
    """The run folder cannot be read; the message names the file, the key and the remedy."""


State = Literal["complete", "failed", "interrupted"]
"""How a trial ended."""


class TrialFile(msgspec.Struct, frozen=True, kw_only=True):
    """trial.json: which chain a trial was, when T0 was, and how it ended."""

    n: int
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


class AgentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One line of agent.jsonl: a fault (or the agent) changed state on a host."""

    v: int = 1
    host: str
    boot: str = ""
    trial: str | int = ""
    fault: str = ""
    kind: str = ""
    state: str = ""
    mono_ns: Time = 0
    wall_ns: Time = 0
    t_ns: Time | None = None
    between_ns: Annotated[list[Time], msgspec.Meta(min_length=2, max_length=2)] | None = None
    asked: dict[str, Any] | None = None
    read_back: dict[str, Any] | None = None
    how: str = ""
    reason: str = ""

    @property
    def fault_id(self) -> str:
        """Return the plan's id of the fault: a provider's agent has one entry a host."""
        return self.fault.partition(".")[0] if self.host == PROVIDER else self.fault

    @property
    def acted_on(self) -> str:
        """Return the host the change was made to."""
        return str((self.asked or {}).get("host", "")) if self.host == PROVIDER else self.host


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


def load_agents(folder: Path) -> tuple[list[AgentRecord], list[str]]:
    """Return every agent record of a trial by time since T0, and what of them is broken."""
    records: list[AgentRecord] = []
    broken: list[str] = []
    for path in [*sorted(folder.glob("hosts/*/agent.jsonl")), folder / PROVIDER / "agent.jsonl"]:
        if not path.exists():
            continue
        name = path.relative_to(folder)
        try:
            found = path.read_bytes().split(b"\n")
        except OSError as error:
            broken.append(f"{path.parent.name}: {name}: {error.strerror}")
            continue
        for number, line in enumerate(found, start=1):
            if not line.strip(b"\0 \t\r"):
                continue
            try:
                records.append(msgspec.json.decode(line.strip(b"\0"), type=AgentRecord))
            except _BROKEN:
                broken.append(f"{path.parent.name}: {name}: line {number} is broken")
    records.sort(key=lambda r: (r.t_ns is not None, r.t_ns or 0, r.host, r.mono_ns))
    return records, broken


def write_faults(folder: Path, records: list[AgentRecord]) -> None:
    """Write the trial's faults.jsonl: the agents' journals merged."""
    lines = [msgspec.json.encode(record) + b"\n" for record in records]
    (folder / "faults.jsonl").write_bytes(b"".join(lines))


def load_json(path: Path) -> Any:
    """Return what a JSON file holds, or None when there is none or it is broken."""
    try:
        return msgspec.json.decode(path.read_bytes())
    except (OSError, *_BROKEN):
        return None


def _decode(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise RunError(f"{path}: {error.strerror}; name a run, see `slotlab runs`") from error
    except _BROKEN as error:
        raise RunError(f"{path}: {error}; the run is damaged or of another version") from error
