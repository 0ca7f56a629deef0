"""Ctrl-C: once means stop early but heal, collect and report; twice means heal and go."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from harness.errors import Interrupted


class Stop:
    """Catches SIGINT and SIGTERM while it is entered; `asked` is set by the first.

    The second raises Interrupted where the program happens to be, unless `shielded` (healing); no
    later one does, so that whoever catches it can heal in peace.
    """

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.shielded = False
        self._count = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Stop:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._caught)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def wait(self, seconds: float) -> bool:
        """Return whether stopping was asked for, after at most so long."""
        return self.asked.wait(max(0.0, seconds))

    @property
    def twice(self) -> bool:
        """Whether the operator insisted."""
        return self._count > 1

    def _caught(self, number: int, frame: FrameType | None) -> None:
        self._count += 1
        self.asked.set()
        if self._count == 2 and not self.shielded:
            raise Interrupted("stopped by the operator")


@contextmanager
def shielded() -> Iterator[None]:
    """Let neither Ctrl-C nor SIGTERM break off the block: it removes what must not stay."""
    before = {n: signal.signal(n, signal.SIG_IGN) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
