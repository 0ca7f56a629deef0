"""The event files of one host: its lines as rows by kind, and what is wrong with them.

A host whose files are as they should be is read in large pieces. Of one where anything is not, be
it a NUL byte, a line that is no event or a number given twice, each line is looked at by itself.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from metrics.intake.lines import event_lines
from metrics.intake.lines.event_frames import PLACE, Frame, Frames, Row
from metrics.intake.lines.event_rows import DECODER, Writer
from metrics.model.run_folder import BROKEN
from node import events

ROLES = ("", ".probe", ".client")
PIECE = 10_000
"""So many rows are taken at once where each line is looked at."""


@dataclass(slots=True)
class HostLines:
    """Mutable: what came in of one host, its rows as a frame for each kind, and who wrote them.

    findings are without its name.
    """

    frames: dict[str, Frame] = field(default_factory=dict)
    writers: list[Writer] = field(default_factory=list)
    rejected: int = 0
    repeated: int = 0
    zeroed: int = 0
    findings: list[str] = field(default_factory=list)


def take(folder: Path) -> HostLines:
    """Return what came in of a host's folder."""
    return _whole(folder) or _line_by_line(folder)


def _whole(folder: Path) -> HostLines | None:
    """Take in a host's files in large pieces; None where anything is not as it should be."""
    frames = Frames()
    try:
        for path in event_lines.files_of(folder):
            for piece in event_lines.pieces(path):
                rows = DECODER.decode_lines(piece)
                # A row may have come of two lines, and none of an empty one.
                each = len(rows) == piece.count(b"\n") + (not piece.endswith(b"\n"))
                frames.add(rows)
                if not each or b"\0" in piece:
                    return None
    except (event_lines.Damage, *BROKEN):
        return None
    found = HostLines(frames.by_kind, frames.writers)
    own = [folder.name + role for role in ROLES]
    strange = any(each.host != folder.name or each.node not in own for each in found.writers)
    return None if strange or _twice(found) else found


def _twice(found: HostLines) -> bool:
    """Return whether a writer seems to have given a number twice; it may where some are huge."""
    roles = np.asarray([ROLES.index(own.node.removeprefix(own.host)) for own in found.writers])
    numbers = [
        seq * len(ROLES) + roles[place]
        for frame in found.frames.values()
        for seq, place in zip(frame["seq"], frame[PLACE], strict=True)
    ]
    every = np.sort(np.concatenate(numbers)) if numbers else roles
    return bool((every[1:] == every[:-1]).any())


def _line_by_line(folder: Path) -> HostLines:
    """Take in a host's files; what is wrong with one as a whole is a finding."""
    frames, found = Frames(), HostLines()
    digests: dict[tuple[str, int], int] = {}
    for path in event_lines.files_of(folder):
        passing = _passing(folder.name, path, found, digests)
        while some := [*islice(passing, PIECE)]:
            frames.add(some)
    found.frames, found.writers = frames.by_kind, frames.writers
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
