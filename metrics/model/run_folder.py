"""What a run folder's plan and trial files say, as values; knows paths, nothing of events."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

T = TypeVar("T")
_BROKEN = (msgspec.MsgspecError, ValueError, RecursionError)
"""What decoding raises for text that is not what was written."""
Time = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
Positive = Annotated[int, msgspec.Meta(gt=0, le=2**62)]
PROVIDER = "provider"
"""Whose journal it is that tells of faults done to hosts from outside."""


class RunError(Exception):
    """The run folder cannot be read; the message names the file, the key and the remedy."""


class PlannedHost(msgspec.Struct, frozen=True, kw_only=True):
    """A host of the lab and the producers it signs for."""

    host: str
    address: str = ""
    zone: str = ""
    producers: list[str] = []


class PlannedFault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault as drawn by the plan, in force from at_ns to end_ns since T0.

    for_ns None: it has no deadline of its own, so it ends with the trial.
    """

    id: str
    fault: str
    at_ns: Count
    end_ns: Count
    for_ns: Count | None = None
    targets: list[str] = []
    asked: dict[str, Any] = {}
    how: str = ""
    pairs: list[list[str]] | None = None
    groups: list[list[str]] | None = None

    @property
    def open(self) -> bool:
        """Return whether nothing ends it but the end of the trial."""
        return self.for_ns is None

    @property
    def acting(self) -> list[str]:
        """Return the hosts that something is done on: a cut is made where packets arrive."""
        if self.groups is not None:
            return [host for group in self.groups for host in group]
        if self.pairs is None:
            return self.targets
        ends = [pair[1:] if self.fault == "cut" else pair for pair in self.pairs]
        return list(dict.fromkeys(host for pair in ends for host in pair))


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """A named stretch of a trial, [start_ns, end_ns) from T0."""

    name: str
    start_ns: Count
    end_ns: Count


class Quorum(msgspec.Struct, frozen=True, kw_only=True):
    """Live producers against those needed, for a stretch of the trial."""

    from_ns: Count
    to_ns: Count
    live: Count
    needed: Count
    finality_expected: bool


class PlannedTrial(msgspec.Struct, frozen=True, kw_only=True):
    """One trial of the plan."""

    n: int
    cell: int
    seed: int = 0
    faults: list[PlannedFault] = []
    phases: list[Phase] = []
    quorum: list[Quorum] = []


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One combination of matrix values."""

    n: int
    params: dict[str, Any] = {}
    rate_milli: Count = 0


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Smallest and largest value of something."""

    min: Count
    max: Count


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules predict for an undisturbed chain."""

    finality_lag_blocks: Bounds | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """plan.json, as far as metrics need it; unknown keys are ignored."""

    schema: str = "slotlab.plan/v1"
    campaign: str
    title: str = ""
    lab: str = ""
    seed: int = 0
    profile: str = ""
    slot_ns: Positive
    blocks_per_turn: Positive
    clock_limit_ns: Count | None = None
    warmup_ns: Count = 0
    end_ns: Positive
    hosts: Annotated[list[PlannedHost], msgspec.Meta(min_length=1)]
    producers: Annotated[list[str], msgspec.Meta(min_length=1)]
    expect: dict[str, Any] = {}
    cells: list[Cell]
    trials: list[PlannedTrial]
    prediction: Prediction = Prediction()

    @property
    def simulated(self) -> bool:
        """Return whether there were no hosts: nodes on virtual time."""
        return self.lab == "sim"

    @property
    def two_stage(self) -> bool:
        """Return whether finality takes a pre-commit and a commit, with confirmed ranges."""
        return self.profile != "bitshares"

    @property
    def quorum(self) -> int:
        """Return how many producers must stand behind a block: two thirds and one, or 70 %."""
        n = len(self.producers)
        return n * 2 // 3 + 1 if self.two_stage else n - 3 * n // 10

    @property
    def round_slots(self) -> int:
        """Return the slots of one full round."""
        return len(self.producers) * self.blocks_per_turn

    def producer_for(self, slot: int) -> str:
        """Return whose slot it is (PROTOCOL A.1: an absolute mapping)."""
        return self.producers[slot % self.round_slots // self.blocks_per_turn]

    def host_of(self, producer: str) -> str:
        """Return the host that signs for producer, or an empty word."""
        return next((h.host for h in self.hosts if producer in h.producers), "")


class TrialFile(msgspec.Struct, frozen=True, kw_only=True):
    """trial.json: T0, the first slot and how the trial ended."""

    n: int
    seed: int = 0
    t0_wall_ns: Count
    chain_id: str = ""
    state: str = "complete"
    reason: str = ""
    started_ns: int = 0
    ended_ns: int | None = 0
    genesis_slot: Count


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
