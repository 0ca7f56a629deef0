"""The floor of whatever is punctual: a thread that only sleeps until a moment, and how late it is.

It has real-time priority where that is allowed, as fault agents have.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from faults.host.boottime import boottime_ns


class BareTimer:
    """Sleeps until each of some moments on the boot clock, beside whatever else goes on."""

    def __init__(self, due_ns: Sequence[int]) -> None:
        self.late_ms: list[float] = []
        self._due_ns = sorted(due_ns)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        for due_ns in self._due_ns:
            time.sleep(max(0, due_ns - boottime_ns()) / 1e9)
            self.late_ms.append((boottime_ns() - due_ns) / 1e6)

    def end(self) -> list[float]:
        """Return how late it woke each time, in ms, once the last moment is over."""
        self._thread.join()
        return self.late_ms
