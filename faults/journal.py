"""agent.jsonl: one line a change of a fault's state, for the report; asked beside what was read
back.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import msgspec

from faults.boottime import boot_id, boottime_ns, read_clocks

LINES_MAX = 1_000
State = Literal[
    "armed", "applied", "installed", "skipped", "indeterminate", "healed", "failed", "started"
]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One line; t_ns and between_ns count from T0 and are None before a trial is armed."""

    v: int = 1
    host: str
    boot: str
    trial: str
    fault: str
    kind: str
    state: State
    mono_ns: int
    wall_ns: int
    t_ns: int | None
    between_ns: tuple[int, int] | None
    asked: dict[str, object]
    read_back: dict[str, object]
    how: str
    reason: str


class Journal:
    """Appends records to one host's agent.jsonl."""

    def __init__(self, path: Path, host: str) -> None:
        self.path = path
        self.host = host
        self.trial = ""
        self.t0_boottime_ns: int | None = None
        self._boot = boot_id()
        self._end_torn_line()

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
        self._append(msgspec.json.encode(record) + b"\n")
        return record

    def lines(self, from_line: int) -> list[str]:
        """Return at most LINES_MAX lines from the given one on (0 is the first)."""
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        return text.splitlines()[from_line : from_line + LINES_MAX]

    def clear(self) -> None:
        """Return nothing; lines of earlier trials are gone."""
        self.path.unlink(missing_ok=True)

    def _end_torn_line(self) -> None:
        if self.path.exists() and not self.path.read_bytes().endswith(b"\n"):
            self._append(b"\n")

    def _append(self, data: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self.path, flags, 0o640)
        try:
            os.write(descriptor, data)
        finally:
            os.close(descriptor)


def _since(t0_ns: int | None, between: tuple[int, int] | None) -> tuple[int, int] | None:
    return None if t0_ns is None or between is None else (between[0] - t0_ns, between[1] - t0_ns)
