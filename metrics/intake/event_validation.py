"""What every event line must pass before anything is measured from it."""

import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from metrics.intake import event_lines
from metrics.model.run_folder import BROKEN
from node import events

ROLES = ("", ".probe", ".client")


class Stamp(NamedTuple):
    """When and what a line said, without its content; digest tells contents apart."""

    kind: str
    boot: str
    wall_ns: int
    mono_ns: int
    digest: int


@dataclass(frozen=True, slots=True)
class Loss:
    """Events of one writer that are missing: seq jumped from after to before."""

    host: str
    node: str
    after_seq: int
    before_seq: int
    mono_from_ns: int
    mono_to_ns: int

    @property
    def count(self) -> int:
        """Return how many events are missing, at least: what knows the numbers given (the mark
        beside a writer's file) goes with a host's power like the lines.
        """
        return self.before_seq - self.after_seq - 1


@dataclass(slots=True)
class Intake:
    """Mutable: what came in for one trial.

    findings: what is damaged or missing, each `<host>: ...`; each makes the trial invalid, notes do
    not. hosts: those of which any event passed. written: for each (host, writer), its lines by
    number, until they are judged.
    """

    lines: int = 0
    hosts: list[str] = field(default_factory=list)
    written: dict[tuple[str, str], dict[int, Stamp]] = field(default_factory=dict)
    chains: dict[str, set[str]] = field(default_factory=dict)
    rejected: Counter[str] = field(default_factory=Counter)
    repeated: Counter[str] = field(default_factory=Counter)
    zeroed: Counter[str] = field(default_factory=Counter)
    unknown_kinds: Counter[str] = field(default_factory=Counter)
    losses: list[Loss] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def damaged(self) -> frozenset[str]:
        """Return the hosts whose records are not what they wrote, or not all of it."""
        named = {finding.partition(":")[0] for finding in self.findings}
        return frozenset(named | {loss.host for loss in self.losses})


def gather(folder: Path, out: BinaryIO) -> Intake:
    """Return what passed of a trial's folder after writing those lines, typed anew, to out."""
    found = Intake()
    for path in sorted(path for path in (folder / "hosts").glob("*") if path.is_dir()):
        for file in event_lines.files_of(path):
            _file(found, path.name, file, out)
    found.hosts = sorted({host for host, _ in found.written})
    return found


def _file(found: Intake, host: str, path: Path, out: BinaryIO) -> None:
    """Take in one file; what is wrong with it as a whole is a finding."""
    name, count = f"hosts/{host}/{path.name}", 0
    writers = [host + role for role in ROLES]
    strangers: Counter[str] = Counter()
    twice: dict[str, int] = {}
    try:
        for raw in event_lines.read(path):
            count += 1
            line = raw.replace(b"\0", b"")
            found.zeroed[host] += len(line) != len(raw)
            if not line.strip():
                continue
            decoded = _decoded(line)
            if decoded is None:
                found.rejected[host] += 1
                continue
            envelope, record = decoded
            node, seq = envelope.node, envelope.seq
            if envelope.host != host or node not in writers:
                strangers[node if envelope.host == host else envelope.host] += 1
                continue
            kind, boot = sys.intern(envelope.kind), sys.intern(envelope.boot)
            stamp = Stamp(kind, boot, envelope.wall_ns, envelope.mono_ns, digest=hash(line))
            first = found.written.setdefault((host, node), {}).setdefault(seq, stamp)
            if first is stamp:
                _take(found, envelope, record)
                out.write(_written(envelope, record))
            elif first == stamp:
                found.repeated[host] += 1
            else:
                twice.setdefault(node, seq)
    except event_lines.Damage as error:
        found.findings.append(f"{host}: {name} is damaged after {count} lines: {error}")
    for other, many in sorted(strangers.items()):
        found.findings.append(f"{host}: {name} holds {many} events of {other}")
    for node, seq in sorted(twice.items()):
        found.findings.append(f"{host}: {name}: number {seq} of {node} was given twice")


def _take(found: Intake, envelope: events.Envelope, record: events.Event | None) -> None:
    """Count an event that passed."""
    found.lines += 1
    if record is None:
        found.unknown_kinds[envelope.kind] += 1
    elif isinstance(record, events.Started) and record.chain_id:
        found.chains.setdefault(envelope.host, set()).add(record.chain_id)


def _decoded(line: bytes) -> tuple[events.Envelope, events.Event | None] | None:
    """Return envelope and record, no record for an unknown kind, None for what is no event."""
    try:
        return events.decode(line)
    except BROKEN:
        pass
    try:
        envelope = events.decode_envelope(line)
    except BROKEN:
        return None
    return (envelope, None) if envelope.kind not in events.KINDS else None


def _written(envelope: events.Envelope, record: events.Event | None) -> bytes:
    """Return one line with the fields of envelope and record, each once."""
    head = msgspec.json.encode(envelope)
    if record is None:
        return head + b"\n"
    fields = msgspec.structs.asdict(envelope)
    del fields["kind"]
    return msgspec.json.encode(fields)[:-1] + b"," + msgspec.json.encode(record)[1:] + b"\n"
