"""agent.jsonl: one line a change of a fault's state, for the report; asked beside what was read
back.

A full disk neither stops healing nor loses lines unseen: space for a trial's lines is reserved when
it is armed, lines that still do not fit wait in memory, and what has to be dropped is counted and
said.
"""

import contextlib
import ctypes
import errno
import os
import threading
from collections import deque
from collections.abc import Iterable
from pathlib import Path

import msgspec

from faults.host.boottime import boot_id, boottime_ns, read_clocks
from faults.model.record import Record, State

LINES_MAX = 1_000
WAITING_MAX = 2_000
RESERVED_BYTES_A_FAULT = 16 * 1024
"""For what a fault's records say beside what was asked."""
RECORDS_A_FAULT = 5
"""armed, applied, installed, healed, and one that tells of lost lines."""
_KEEP_SIZE = 1


class Journal:
    """Appends records to one host's agent.jsonl."""

    def __init__(self, path: Path, host: str) -> None:
        self.path = path
        self.host = host
        self.trial = ""
        self.t0_boottime_ns: int | None = None
        self._boot = boot_id()
        self._waiting: deque[bytes] = deque()
        self._dropped = 0
        self._lock = threading.Lock()
        with contextlib.suppress(OSError):  # a line that was torn is ended
            if path.exists() and not path.read_bytes().endswith(b"\n"):
                self._append(b"\n")

    def follow(self, trial: str, t0_boottime_ns: int | None) -> None:
        """Write of this trial from now on; t0_boottime_ns None: it is not armed in this boot."""
        self.trial, self.t0_boottime_ns = trial, t0_boottime_ns

    def write(
        self,
        state: State,
        *,
        fault: str = "",
        kind: str = "agent",
        how: str = "",
        between: tuple[int, int] | None = None,
        asked: dict[str, object] | None = None,
        read_back: dict[str, object] | None = None,
        reason: str = "",
    ) -> Record:
        """Return the record appended; between holds boot times, made relative to T0 here."""
        now, t0 = read_clocks(), self.t0_boottime_ns
        record = Record(
            host=self.host, boot=self._boot, trial=self.trial, fault=fault, kind=kind, state=state,
            mono_ns=now.mono_ns, wall_ns=now.wall_ns,
            t_ns=None if t0 is None else boottime_ns() - t0,
            between_ns=_since(t0, between),
            asked=asked or {}, read_back=read_back or {}, how=how, reason=reason,
        )  # fmt: skip
        with self._lock:
            self._waiting.append(msgspec.json.encode(record) + b"\n")
            self._flush(record)
        return record

    def lines(self, from_line: int) -> list[str]:
        """Return at most LINES_MAX lines from the given one on (0 is the first)."""
        with self._lock:
            waiting = [line.decode().rstrip("\n") for line in self._waiting]
            try:
                text = self.path.read_text(encoding="utf-8", errors="replace")
            except FileNotFoundError:
                text = ""
        written = [line for line in text.split("\n") if line]  # no other sign ends a record
        return [*written, *waiting][from_line : from_line + LINES_MAX]

    def reserve(self, asked: Iterable[dict[str, object]]) -> None:
        """Reserve room on the disk for the lines of faults for which so much is asked.

        What is read back may tell of as many peers as what was asked.

        Raises:
            OSError: it has not.
        """
        descriptor = self._open()
        try:
            size = os.fstat(descriptor).st_size
            sizes = [len(msgspec.json.encode(each)) for each in asked]
            wanted = RESERVED_BYTES_A_FAULT * (len(sizes) + 1) + RECORDS_A_FAULT * sum(sizes)
            libc = ctypes.CDLL(None, use_errno=True)
            done = libc.fallocate(
                descriptor, _KEEP_SIZE, ctypes.c_int64(size), ctypes.c_int64(wanted)
            )
            number = ctypes.get_errno()
            if done and number not in (errno.EOPNOTSUPP, errno.ENOSYS):
                raise OSError(number, os.strerror(number), str(self.path))
        finally:
            os.close(descriptor)

    def clear(self) -> None:
        """Remove the lines of earlier trials."""
        with self._lock:
            self._waiting.clear()
            self.path.unlink(missing_ok=True)

    def _flush(self, newest: Record) -> None:
        """Append what waits, as far as the disk takes it; say first what had to be dropped."""
        while len(self._waiting) > WAITING_MAX:
            self._waiting.popleft()
            self._dropped += 1
        with contextlib.suppress(OSError):
            if self._dropped:
                lost = msgspec.structs.replace(
                    newest, fault="", kind="agent", state="failed", between_ns=None, asked={},
                    read_back={}, how="", reason=f"journal: {self._dropped} lines lost, disk full",
                )  # fmt: skip
                self._append(msgspec.json.encode(lost) + b"\n")
                self._dropped = 0
            while self._waiting:
                self._append(self._waiting[0])
                self._waiting.popleft()

    def _append(self, data: bytes) -> None:
        """Write one whole line or none of it."""
        descriptor = self._open()
        try:
            size = os.fstat(descriptor).st_size
            written = os.write(descriptor, data)
            if written < len(data):
                os.ftruncate(descriptor, size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(self.path, flags, 0o640)


def _since(t0_ns: int | None, between: tuple[int, int] | None) -> tuple[int, int] | None:
    return None if t0_ns is None or between is None else (between[0] - t0_ns, between[1] - t0_ns)
