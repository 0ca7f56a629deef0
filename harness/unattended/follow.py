"""Looks on while an entry is carried out: what its drivers say, as they say it."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from harness.errors import Interrupted, RunError
from harness.unattended.entry import OVER, Entry
from harness.unattended.queue import Queue
from harness.unattended.unit import name_of

POLL_S = 0.3
BEFORE_BYTES = 4000
"""How much of what was said before is shown."""
ALONE_S = 60.0
"""So long may nobody work on it: a unit that died is started again, a machine boots."""


def follow(queue: Queue, n: int, show: Callable[[str], None]) -> Entry:
    """Return the entry once it is over; until then each line of its drivers is shown.

    Raises:
        RunError: nobody works on it.
        Interrupted: Ctrl-C; it goes on.
    """
    try:
        return _follow(queue, n, show)
    except KeyboardInterrupt:
        raise Interrupted(
            "it goes on without you; look again with slotlab attach, end it with slotlab queue"
            f" cancel {n}"
        ) from None


def _follow(queue: Queue, n: int, show: Callable[[str], None]) -> Entry:
    said = _Lines(queue.log(n), show)
    alone_since = time.monotonic()
    waited_for = 0
    while True:
        entry = queue.entry(n)  # before what it said: so nothing that it said is left out
        said.more()
        if entry.state in OVER:
            return entry
        if entry.state == "waiting" and (now := queue.next()) is not None and now.n != waited_for:
            waited_for = now.n
            show(f"entry {n} waits; entry {now.n} is run")
        if queue.is_worked:
            alone_since = time.monotonic()
        elif time.monotonic() - alone_since > ALONE_S:
            resume = f"; slotlab run --resume {entry.run} goes on here" if entry.run else ""
            raise RunError(f"nobody works on it: see systemctl status {name_of(queue)}{resume}")
        time.sleep(POLL_S)


class _Lines:
    """Mutable: shows the whole lines of a file that grows, from near its end."""

    def __init__(self, path: Path, show: Callable[[str], None]) -> None:
        self._file = path.open("rb")
        self._show = show
        start = max(0, self._file.seek(0, os.SEEK_END) - BEFORE_BYTES)
        self._file.seek(start)
        if start:
            self._file.readline()

    def more(self) -> None:
        """Show what has come since the last time."""
        while line := self._file.readline():
            if not line.endswith(b"\n"):
                self._file.seek(-len(line), os.SEEK_CUR)
                return
            self._show(line.decode(errors="replace").rstrip("\n"))
