"""The event file of one process: one record a line, appended in order, numbered without gaps.

It knows the envelope and nothing of what the records mean. Lines are kept in memory until `flush`,
which the owner of the loop calls once a turn; no line is fsynced. A mark beside the file knows
which numbers were given. Where lines are gone (the file is shorter than the mark says), their
numbers are left out; where lines may be gone (half a line or NUL bytes at the end, no mark that can
be read, or a writer of an earlier boot that never stopped), one is: readers see the gap.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import msgspec

from node import events
from node.config import NodeConfig
from node.events import Envelope
from node.storage.event_mark import Mark, MarkFile

_TAIL_BYTES = 64 * 1024
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

Pair: TypeAlias = tuple[int, int]
"""The node's wall clock and CLOCK_MONOTONIC_RAW of one instant."""


class EventLogError(Exception):
    """The machine cannot keep the event file: disk full, read-only, no rights; one line says it."""


class Stamps(Protocol):
    """What an event needs of a clock."""

    def pair(self) -> Pair:
        """Return what both clocks show."""


def boot_id() -> str:
    """Return the kernel's boot id, which tells apart two runs of the monotonic clock."""
    return _BOOT_ID.read_text(encoding="ascii").strip()


def open_log(
    config: NodeConfig, role: Literal["node", "probe", "client"], clock: Stamps
) -> EventLog:
    """Return the event file of one of a host's processes.

    Raises:
        EventLogError: see EventLog.
    """
    host = config.host
    node = host if role == "node" else f"{host}.{role}"
    path = Path(config.events_dir) / f"{role}.jsonl"
    return EventLog(path, host, node, boot_id(), clock, config.event_kinds)


class EventLog:
    """Appends events to path; seq goes on from the last whole line, or leaves a gap behind it.

    kinds: those that are written; None: all.

    Raises:
        EventLogError: the file or its mark cannot be opened, read or (in flush) written.
    """

    def __init__(
        self,
        path: Path,
        host: str,
        node: str,
        boot: str,
        clock: Stamps,
        kinds: Iterable[str] | None = None,
    ) -> None:
        self._kinds = None if kinds is None else frozenset(kinds)
        self._path = path
        self._clock = clock
        self._buffer = bytearray()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            is_new = not path.exists()
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
            self._mark_file = MarkFile(path)
            tail = _tail(self._fd)
            if is_new and self._mark_file.is_new:
                self._seq = 0
            else:
                self._seq = _first_seq(tail, self._mark_file.read(), boot)
            self._mark = Mark(self._seq, self._seq, boot)
            self._mark_file.begin(self._mark)
        except OSError as error:
            raise EventLogError(f"{path}: {error.strerror}") from error
        if tail.open:
            self._buffer += b"\n"
        self._head = events.line_head(host=host, node=node, boot=boot)

    @property
    def next_seq(self) -> int:
        """Return the number the next record will carry."""
        return self._seq

    @property
    def pending(self) -> bool:
        """Return whether a flush has something to do."""
        return bool(self._buffer)

    def write(self, record: msgspec.Struct, pair: Pair | None = None) -> None:
        """Add one record, a Struct tagged with `kind`, if its kind is written.

        Stamped now, or with a pair of the clock that was read after the last record was written.
        """
        if self._kinds is not None and record.__struct_config__.tag not in self._kinds:
            return
        self._buffer += events.line_of(self._head, self._seq, *(pair or self._clock.pair()), record)
        self._seq += 1

    def flush(self) -> None:
        """Hand the lines so far to the kernel; what could not be written stays pending.

        The mark goes first: at no moment does the file hold more lines than it names.
        """
        buffer = self._buffer
        try:
            if self._mark.next_seq != self._seq:
                self._mark = replace(self._mark, next_seq=self._seq)
                self._mark_file.put(self._mark)
            while buffer:
                written = os.write(self._fd, buffer)
                del buffer[:written]
        except OSError as error:
            raise EventLogError(f"{self._path}: {error.strerror}") from error

    def close(self) -> None:
        """Flush and close; closing twice is harmless."""
        if self._fd < 0:
            return
        try:
            self.flush()
        finally:
            self._mark_file.close()
            os.close(self._fd)
            self._fd = -1


@dataclass(frozen=True, slots=True)
class _Tail:
    """How an event file ends. last: its last line; junk: something behind it is none, or holds NUL
    bytes; open: the end of the last line is missing.
    """

    last: Envelope | None
    junk: bool
    open: bool


def _tail(fd: int) -> _Tail:
    """Return how the file ends, looking back as far as needed."""
    size = os.fstat(fd).st_size
    is_open = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
    window = _TAIL_BYTES
    while True:
        start = max(0, size - window)
        lines = os.pread(fd, size - start, start).split(b"\n")
        junk = False
        for line in reversed(lines if start == 0 else lines[1:]):
            text = line.replace(b"\0", b"")
            junk |= text != line
            try:
                return _Tail(msgspec.json.decode(text, type=Envelope), junk, is_open)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                junk |= bool(text.strip())
        if start == 0:
            return _Tail(None, junk, is_open)
        window *= 8


def _first_seq(tail: _Tail, mark: Mark | None, boot: str) -> int:
    """Return the number to go on with, in a kernel's boot, behind what the file and the mark say.

    A process that was killed lost no line that the kernel had: the file is as long as the mark
    says. A machine that went down may have lost any end of either, but the mark of how its last
    life began.
    """
    after = 0 if tail.last is None else tail.last.seq + 1
    if mark is None:
        return after + 1
    stopped = tail.last is not None and tail.last.kind == "stopped"
    ended = stopped and after > mark.began_seq
    unsure = tail.junk or (mark.boot != boot and not ended)
    return max(after + int(unsure), mark.next_seq)
