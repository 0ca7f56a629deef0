"""The event files of one host: its lines as rows by kind, and when each writer wrote what.

A host whose files are as they should be is read in large pieces. Of one where anything is not, be
it a NUL byte, a line that is no event or a number given twice, each line is looked at by itself.
"""

import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from metrics.intake import event_lines
from metrics.intake.event_rows import DECODER, ENCODER, HEAD, ROWS, WORDS
from metrics.intake.offset_bounds import Ints
from metrics.model.run_folder import BROKEN
from node import events

ROLES = ("", ".probe", ".client")
PIECE = 10_000
"""So many rows are written at once where each line is looked at."""
Row = Any
"""A row of `event_rows`, or the envelope of a line of an unknown kind."""


class Stamp(NamedTuple):
    """When and what a line said, without its content."""

    kind: str
    boot: str
    wall_ns: int
    mono_ns: int


@dataclass(frozen=True, slots=True)
class Written:
    """The lines of one writer in the order of its file; kind and boot are indices into names."""

    seq: Ints
    kind: Ints
    boot: Ints
    wall_ns: Ints
    mono_ns: Ints
    names: list[str]

    def at(self, index: int) -> Stamp:
        """Return one line."""
        return Stamp(
            self.names[self.kind[index]],
            self.names[self.boot[index]],
            int(self.wall_ns[index]),
            int(self.mono_ns[index]),
        )

    def kinds(self) -> Counter[tuple[str, str]]:
        """Return how many lines there are of each (boot, kind)."""
        pairs, counts = np.unique(np.stack([self.boot, self.kind]), axis=1, return_counts=True)
        found = Counter[tuple[str, str]]()
        for boot, kind, count in zip(*pairs.tolist(), counts.tolist(), strict=True):
            found[self.names[boot], self.names[kind]] = count
        return found

    def begins_and_ends(self) -> list[int]:
        """Return the index of each line that comes before a begin or is an end."""
        word = np.asarray(self.names)[self.kind]
        return np.flatnonzero((word[1:] == "started") | (word[:-1] == "stopped")).tolist()

    def ordered(self) -> "Written":
        """Return the same lines by number."""
        columns = np.stack([self.seq, self.kind, self.boot, self.wall_ns, self.mono_ns])
        return _of_columns(columns[:, np.argsort(self.seq, kind="stable")], self.names)


def _of_columns(columns: Ints, names: list[str]) -> Written:
    seq, kind, boot, wall_ns, mono_ns = columns
    return Written(seq, kind, boot, wall_ns, mono_ns, names)


@dataclass(slots=True)
class HostLines:
    """Mutable: what came in of one host.

    written: by writer, in the order in which they came first. findings are without its name.
    """

    written: dict[str, Written] = field(default_factory=dict)
    chains: set[str] = field(default_factory=set)
    rejected: int = 0
    repeated: int = 0
    zeroed: int = 0
    findings: list[str] = field(default_factory=list)


def take(folder: Path, spare: Path) -> HostLines:
    """Return what came in of a host's folder after writing its rows to spare, a file a kind."""
    return _whole(folder, spare) or _line_by_line(folder, spare)


class _Rows:
    """Mutable: rows on their way to a file for each kind, and the stamps of all."""

    def __init__(self, spare: Path) -> None:
        shutil.rmtree(spare, ignore_errors=True)
        spare.mkdir(parents=True)
        self.chains: set[str] = set()
        self._spare = spare
        self._codes: dict[str, int] = {}
        self._columns: list[Ints] = []

    def add(self, rows: list[Row]) -> None:
        """Take rows that passed."""
        by_kind: dict[str, list[Row]] = defaultdict(list)
        words = [WORDS.get(type(row)) or row.kind for row in rows]
        for word, row in zip(words, rows, strict=True):
            by_kind[word].append(row)
        _, nodes, boots, seq, wall_ns, mono_ns = zip(*map(HEAD, rows), strict=True)
        named = [[*map(self._code, column)] for column in (nodes, words, boots)]
        self._columns.append(
            np.asarray([named[0], seq, *named[1:], wall_ns, mono_ns], dtype=np.int64)
        )
        for word, own in by_kind.items():
            self.chains.update(row.chain_id for row in own if word == "started" and row.chain_id)
            if word in ROWS:
                with (self._spare / f"{word}.jsonl").open("ab") as out:
                    out.write(ENCODER.encode_lines(own))

    def _code(self, name: str) -> int:
        return self._codes.setdefault(name, len(self._codes))

    def written(self) -> dict[str, Written]:
        """Return the stamps of all rows, by writer."""
        if not self._columns:
            return {}
        names = [*self._codes]
        node, *columns = np.concatenate(self._columns, axis=1)
        codes, first = np.unique(node, return_index=True)
        return {
            names[code]: _of_columns(np.stack(columns)[:, node == code], names)
            for code in codes[np.argsort(first)]
        }


def _whole(folder: Path, spare: Path) -> HostLines | None:
    """Take in a host's files in large pieces; None where anything is not as it should be."""
    rows, host = _Rows(spare), folder.name
    writers = {host + role for role in ROLES}
    try:
        for path in event_lines.files_of(folder):
            for piece in event_lines.pieces(path):
                found = DECODER.decode_lines(piece)
                strange = {row.host for row in found} != {host} or not {
                    row.node for row in found
                } <= writers
                if strange or b"\0" in piece:
                    return None
                rows.add(found)
    except (event_lines.Damage, *BROKEN):
        return None
    written = rows.written()
    if any(len(np.unique(own.seq)) < len(own.seq) for own in written.values()):
        return None
    return HostLines(written, rows.chains)


def _line_by_line(folder: Path, spare: Path) -> HostLines:
    """Take in a host's files; what is wrong with one as a whole is a finding."""
    rows, found = _Rows(spare), HostLines()
    digests: dict[tuple[str, int], int] = {}
    for path in event_lines.files_of(folder):
        passing = _passing(folder.name, path, found, digests)
        while some := [*islice(passing, PIECE)]:
            rows.add(some)
    found.written, found.chains = rows.written(), rows.chains
    return found


def _passing(
    host: str, path: Path, found: HostLines, digests: dict[tuple[str, int], int]
) -> Iterator[Row]:
    """Yield the rows of a file that pass; digests: of each (writer, number) that of its line."""
    count, name = 0, f"hosts/{host}/{path.name}"
    writers = [host + role for role in ROLES]
    strangers: Counter[str] = Counter()
    twice: dict[str, int] = {}
    try:
        for raw in event_lines.read(path):
            count += 1
            line = raw.replace(b"\0", b"")
            found.zeroed += len(line) != len(raw)
            if not line.strip():
                continue
            row = _decoded(line)
            if row is None:
                found.rejected += 1
            elif row.host != host or row.node not in writers:
                strangers[row.node if row.host == host else row.host] += 1
            elif (row.node, row.seq) not in digests:
                digests[row.node, row.seq] = hash(line)
                yield row
            elif digests[row.node, row.seq] == hash(line):
                found.repeated += 1
            else:
                twice.setdefault(row.node, row.seq)
    except event_lines.Damage as error:
        found.findings.append(f"{name} is damaged after {count} lines: {error}")
    for other, many in sorted(strangers.items()):
        found.findings.append(f"{name} holds {many} events of {other}")
    for node, seq in sorted(twice.items()):
        found.findings.append(f"{name}: number {seq} of {node} was given twice")


def _decoded(line: bytes) -> Row | None:
    """Return the row of a line, its envelope for an unknown kind, None for what is no event."""
    try:
        return DECODER.decode(line)
    except BROKEN:
        pass
    try:
        envelope = events.decode_envelope(line)
    except BROKEN:
        return None
    return envelope if envelope.kind not in events.KINDS else None
