"""The event file of one process: one record a line, appended in order, numbered without gaps.

It knows the envelope and nothing of what the records mean. Lines are kept in memory until `flush`,
which the owner of the loop calls once a turn; nothing is fsynced. Where a tail may be lost (half a
line or NUL bytes at the end, or a writer of an earlier boot that never stopped), nobody knows how
many numbers it had: one is left out, so that readers see that lines are missing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

import msgspec

from node.events import SCHEMA_VERSION, Envelope

_TAIL_BYTES = 64 * 1024
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class EventLogError(Exception):
    """The machine cannot keep the event file: disk full, read-only, no rights; one line says it."""


class Stamps(Protocol):
    """What an event needs of a clock."""

    def pair(self) -> tuple[int, int]:
        """Return the node's wall clock and CLOCK_MONOTONIC_RAW of one instant."""


def boot_id() -> str:
    """Return the kernel's boot id, which tells apart two runs of the monotonic clock."""
    return _BOOT_ID.read_text(encoding="ascii").strip()


class EventLog:
    """Appends events to path; seq goes on from the last whole line, or leaves a gap behind it.

    Raises:
        EventLogError: the file cannot be opened, read or (in flush) written.
    """

    def __init__(self, path: Path, host: str, node: str, boot: str, clock: Stamps) -> None:
        self._path = path
        self._clock = clock
        self._buffer = bytearray()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
            self._seq, torn = _continue_from(self._fd, boot)
        except OSError as error:
            raise EventLogError(f"{path}: {error.strerror}") from error
        if torn:
            self._buffer += b"\n"
        identity = {"host": host, "node": node, "boot": boot}
        inner = msgspec.json.encode(identity)[1:-1]
        self._head = b'{"v":%d,%s,"seq":' % (SCHEMA_VERSION, inner)

    @property
    def next_seq(self) -> int:
        """Return the number the next record will carry."""
        return self._seq

    @property
    def pending(self) -> bool:
        """Return whether a flush has something to do."""
        return bool(self._buffer)

    def write(self, record: msgspec.Struct) -> None:
        """Add one record, a Struct tagged with `kind`, stamped now."""
        body = msgspec.json.encode(record)
        assert body.startswith(b'{"kind":'), "a record is a Struct with tag_field='kind'"
        wall_ns, mono_ns = self._clock.pair()
        self._buffer += b'%s%d,"wall_ns":%d,"mono_ns":%d,%s\n' % (
            self._head, self._seq, wall_ns, mono_ns, body[1:],
        )  # fmt: skip
        self._seq += 1

    def flush(self) -> None:
        """Hand the lines so far to the kernel; what could not be written stays pending."""
        buffer = self._buffer
        try:
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
            os.close(self._fd)
            self._fd = -1


def _continue_from(fd: int, boot: str) -> tuple[int, bool]:
    """Return the next seq and whether the last line is torn, looking back as far as needed.

    A process that was killed lost nothing that is not torn: the kernel kept what it had written.
    """
    size = os.fstat(fd).st_size
    if size == 0:
        return 0, False
    torn = os.pread(fd, 1, size - 1) != b"\n"
    window = _TAIL_BYTES
    while True:
        start = max(0, size - window)
        lines = os.pread(fd, size - start, start).split(b"\n")
        whole = lines[:-1] if start == 0 else lines[1:-1]
        for line in reversed(whole):
            try:
                last = msgspec.json.decode(line, type=Envelope)
                gap = torn or (last.boot != boot and last.kind != "stopped")
                return last.seq + 1 + int(gap), torn
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
        if start == 0:
            return int(torn), torn
        window *= 8
