"""The files of a run folder beside plan.json, as values, and where they are; nothing of events.

The harness writes trial.json and seal.json with what is declared here, metrics reads them.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import msgspec

from faults.model.record import Record
from metrics.model import plan_checks
from metrics.model.plan import Count, Plan

T = TypeVar("T")
BROKEN = (msgspec.MsgspecError, ValueError, RecursionError)
"""What decoding raises for text that is not what was written."""
_DAMAGED = "; the run is damaged or of another version"


class RunError(Exception):
    """The run folder cannot be read; the message names the file, the key and the remedy."""


State = Literal["complete", "failed", "interrupted", "cancelled"]
"""How a trial ended; cancelled: by itself, and the run went on."""
COMPLETE: Final = "complete"
"""It ran to its end; in any other state its nodes were stopped before theirs."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What one step before T0 took on the host that was slowest in it."""

    step: str
    host: str
    took_ns: Count


class Lead(msgspec.Struct, frozen=True, kw_only=True):
    """How T0 was set: lead_ns after the last of so many attempts began, by what steps had taken."""

    lead_ns: Count
    attempts: Count
    steps: list[Step] = []


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
    lead: Lead | None = None
    """None where nobody waits for hosts: in a simulation."""
    problems: list[str] = []
    """What was wrong beside the system under test: a host not as before, a file not collected."""


SEAL = "seal.json"


class SealedFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a file was when its trial was sealed."""

    bytes: Count
    sha256: str


class Seal(msgspec.Struct, frozen=True, kw_only=True):
    """seal.json, written last: what a trial was planned as, and its raw files, by their paths."""

    n: int
    planned: str
    files: dict[str, SealedFile]


HOLDS: Final = "holds"
VIOLATED: Final = "violated"
UNKNOWN: Final = "unknown"
WITNESSES_MAX = 20
"""So many witnesses of one breach are kept."""
GENESIS = "genesis.json"
"""What the chain of a trial began with, as its nodes had it."""
HEADERS = "verify.json"
FAULTS = "faults.jsonl"
MADE_AGAIN = (HEADERS, FAULTS)
"""What a report writes into a trial's folder, from its raw files."""


class Violation(msgspec.Struct, frozen=True, omit_defaults=True):
    """One breach: what in one line, and the heights, block ids, hosts and times it is seen in."""

    text: str
    nums: tuple[int, ...] = ()
    ids: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    t_ns: tuple[float, ...] = ()


class HeadersFile(msgspec.Struct, frozen=True, kw_only=True):
    """verify.json: what the recomputation of a trial's headers found."""

    verdict: Literal["holds", "violated", "unknown"]
    evidence: str
    details: tuple[Violation, ...] = ()


PREDICTION = "prediction.json"


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """What n simulated trials had of a figure: the ends, None where longer than anything seen."""

    low: float | None
    high: float | None
    n: Count


class CellBands(msgspec.Struct, frozen=True, kw_only=True):
    """The bands of a cell: by phase, then by the figure's path."""

    cell: Count
    params: dict[str, Any]
    phases: dict[str, dict[str, Band]]


class Foreseen(msgspec.Struct, frozen=True, kw_only=True):
    """A prediction of a campaign: with which seed, when it was written, and its cells."""

    campaign: str
    seed: int
    written_ns: Count
    cells: list[CellBands]


class PredictionFile(msgspec.Struct, frozen=True, kw_only=True):
    """prediction.json: a prediction, and the digest of its JSON with keys in order."""

    sha256: str
    foreseen: Foreseen


def load_plan(run: Path, check: Callable[[Plan], str] = lambda _: "") -> Plan:
    """Return the plan of the run; check says what else in it cannot be.

    Raises:
        RunError: missing, not JSON, a key of the wrong type, or names that do not fit together.
    """
    path = run / "plan.json"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RunError(f"{path}: {error.strerror}; name a run, see `slotlab runs`") from error
    plan = _decode(data, str(path), Plan)
    wrong = plan_checks.problem(plan) or check(plan)
    if wrong:
        raise RunError(f"{path}: {wrong}{_DAMAGED}")
    return plan


def trial_folder(run: Path, n: int) -> Path:
    """Return where trial n's raw files are."""
    return run / "trials" / str(n)


def load_trial(run: Path, n: int) -> TrialFile | None:
    """Return trial.json of trial n, or None when the trial never started.

    Raises:
        RunError: it cannot be read, or is another trial's; the message names the file in the run.
    """
    path = trial_folder(run, n) / "trial.json"
    name = str(path.relative_to(run))
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunError(f"{name}: {error.strerror}") from error
    file = _decode(data, name, TrialFile)
    if file.n != n:
        raise RunError(f"{name}: it is of trial {file.n}")
    return file


def load_prediction(run: Path) -> PredictionFile | None:
    """Return what was predicted before the run, None where nothing was.

    Raises:
        RunError: prediction.json is not what was written.
    """
    try:
        return _decode((run / PREDICTION).read_bytes(), PREDICTION, PredictionFile)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunError(f"{PREDICTION}: {error.strerror}") from error


def write_faults(folder: Path, records: list[Record]) -> None:
    """Write the trial's faults.jsonl: the agents' journals merged."""
    lines = [msgspec.json.encode(record) + b"\n" for record in records]
    (folder / FAULTS).write_bytes(b"".join(lines))


def write_headers(folder: Path, found: HeadersFile) -> None:
    """Write the trial's verify.json, whole or not at all."""
    draft = folder / f".{HEADERS}.draft"
    draft.write_text(json.dumps(msgspec.to_builtins(found), indent=1) + "\n")
    draft.replace(folder / HEADERS)


def load_json(path: Path) -> Any:
    """Return what a JSON file holds, or None when there is none or it is broken."""
    try:
        return msgspec.json.decode(path.read_bytes())
    except (OSError, *BROKEN):
        return None


def _decode(data: bytes, name: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except BROKEN as error:
        raise RunError(f"{name}: {error}{_DAMAGED}") from error
