"""What every line of the agents' journals must pass: typed, of its own host, and of this trial.

A host's agent may tell of another campaign's trial, too: it had been armed before this one began,
or somebody armed it meanwhile. Such records are no evidence for a fault of this trial.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from faults.model.record import PROVIDER, Record, Time
from metrics.intake.record_completeness import Zeros, armed_t0
from metrics.model.plan import Count, Plan
from metrics.model.run_folder import BROKEN, TrialFile

_BEGUN = ("applied", "installed", "indeterminate", "failed")
_MEDDLING = ("armed", "started")
"""What an agent writes of itself when somebody prepares or arms a trial."""
_NAME_MAX = 60


class _ReadBack(msgspec.Struct, frozen=True, kw_only=True):
    """What figures are made of in a record's read_back; the rest is for people."""

    t0_mono_ns: Time | None = None
    freq_before_ppb: Time | None = None
    step_ns: Time | None = None
    drift_ppb: Time | None = None
    ntp_offset_ns: Time | None = None
    dropped: dict[str, Count] | None = None
    seen: Count | None = None
    ntp_after: dict[str, Any] | None = None


@dataclass(slots=True)
class Journals:
    """Mutable: the records that count, by time since T0, and what is wrong with the others.

    findings make the trial invalid; notes do not.
    """

    records: list[Record] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def load(folder: Path, plan: Plan, file: TrialFile) -> Journals:
    """Return what the agents' journals in a trial's folder tell of that trial."""
    found = Journals()
    for path in [*sorted(folder.glob("hosts/*/agent.jsonl")), folder / PROVIDER / "agent.jsonl"]:
        owner, name = path.parent.name, f"{path.parent.name}: {path.relative_to(folder)}"
        if not path.exists():
            continue
        try:
            text = path.read_bytes()
        except OSError as error:
            found.findings.append(f"{name}: {error.strerror}")
            continue
        records = _records(text, name, found)
        strangers = Counter(record.host for record in records if record.host != owner)
        for other, count in sorted(strangers.items()):
            found.findings.append(f"{name} holds {count} records of {other[:_NAME_MAX]}")
        records = [record for record in records if record.host == owner]
        own = [record for record in records if record.trial == file.label]
        found.records += own
        _refuse(
            [r for r in records if r.trial != file.label], name, armed_t0(own), plan, file, found
        )
    found.records.sort(key=lambda r: (r.t_ns is not None, r.t_ns or 0, r.host, r.mono_ns))
    return found


def _records(text: bytes, name: str, found: Journals) -> list[Record]:
    """Return the records of one file; what of it is broken is one finding."""
    records: list[Record] = []
    broken: list[int] = []
    for number, line in enumerate(text.split(b"\n"), start=1):
        if not line.strip(b"\0 \t\r"):
            continue
        try:
            record = msgspec.json.decode(line.strip(b"\0"), type=Record)
            msgspec.convert(record.read_back, _ReadBack)
            records.append(record)
        except BROKEN:
            broken.append(number)
    if broken:
        more = f", and {len(broken) - 1} more are" if len(broken) > 1 else ""
        found.findings.append(f"{name}: line {broken[0]} is broken{more}")
    return records


def _refuse(
    foreign: list[Record], name: str, zeros: Zeros, plan: Plan, file: TrialFile, found: Journals
) -> None:
    """Say of each other trial in one file how many records it has, and whether it disturbed."""
    by_trial: dict[str, list[tuple[int, Record]]] = defaultdict(list)
    for record in foreign:
        mono_ns = zeros.get((record.host, record.boot))
        wall_ns = record.wall_ns - file.t0_wall_ns
        t_ns = wall_ns if mono_ns is None else record.mono_ns - mono_ns
        by_trial[record.trial].append((t_ns, record))
    for trial, records in sorted(by_trial.items()):
        line = f"{name}: {len(records)} records of another trial ({trial[:_NAME_MAX]}) were refused"
        disturbing = list(dict.fromkeys(_disturbing(records, plan.end_ns)))
        if disturbing:
            names = ", ".join(disturbing[:3]) + (", …" if len(disturbing) > 3 else "")
            found.findings.append(f"{line}: {names} disturbed this one")
        else:
            found.notes.append(line)


def _disturbing(records: list[tuple[int, Record]], end_ns: int) -> Iterator[str]:
    """Yield by name what of another trial was in force, or done, from T0 to the end.

    records: with the time since T0, by the clock of its own agent, else by wall time. What began is
    in force until a record says that it was healed.
    """
    in_force: dict[str, None] = {}
    for t_ns, record in records:
        name = record.fault[:_NAME_MAX] or "its agent"
        if record.state == "healed":
            in_force.pop(name, None)
            if t_ns >= 0:
                yield name
        elif record.state in _BEGUN and t_ns < end_ns:
            in_force[name] = None
        elif record.state in _MEDDLING and 0 <= t_ns < end_ns:
            yield name
    yield from in_force
