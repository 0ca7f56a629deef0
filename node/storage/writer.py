"""The thread that writes to the disk: batches in order, and long work in slices between them.

What is handed over is done in that order. Batches that wait together are one commit. Long work
(a snapshot) goes on only while no batch waits, a slice at a time, so that no block of ours waits
for more than a slice of it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import Literal

from node.storage.database import Batch

Wake = Callable[[Callable[[], None]], object]
"""Has the owner's thread call something soon."""


class Writer:
    """Mutable: what waits, how many batches are done, what made the thread give up.

    settle is called on the owner's thread, by way of wake, when a final mark is durable or the
    thread has given up.
    """

    def __init__(
        self, write: Callable[[Sequence[Batch]], None], *, wake: Wake, settle: Callable[[], None]
    ) -> None:
        self.done = 0
        self._handed = 0
        self._works_handed = self._works_done = 0
        self._write = write
        self._wake, self._settle = wake, settle
        self._failure: BaseException | None = None
        self._failure_told = False
        self._changed = threading.Condition()
        self._waiting: SimpleQueue[Batch | Iterator[None] | Literal["end"]] = SimpleQueue()
        self._works: deque[Iterator[None]] = deque()
        self._thread = threading.Thread(target=self._run, name="disk", daemon=True)
        self._thread.start()

    # ------------------------------------------------------------ on the owner's thread

    def hand(self, batch: Batch) -> int:
        """Have a batch written; return its number, which `done` reaches when it is durable.

        Raises:
            StoreError: the disk failed, now or before.
        """
        self.check()
        self._handed += 1
        self._waiting.put(batch)
        return self._handed

    def work(self, slices: Iterator[None]) -> None:
        """Have long work done after what was handed over before, whenever there is time."""
        self._works_handed += 1
        self._waiting.put(slices)

    @property
    def works(self) -> bool:
        """Return whether long work is not done yet."""
        return self._works_done < self._works_handed

    def wait(self) -> None:
        """Wait until every batch is durable.

        Raises:
            StoreError: the disk failed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.done == self._handed or self._failure is not None)
        self.check()

    def check(self) -> None:
        """Raise what made the thread give up, if anything did."""
        if self._failure is not None:
            self._failure_told = True
            raise self._failure

    def close(self) -> None:
        """Do all that was handed over, then end the thread.

        Raises:
            StoreError: the disk failed, and nobody was told.
        """
        self._waiting.put("end")
        self._thread.join()
        if not self._failure_told:
            self.check()

    # ------------------------------------------------------------ on the thread itself

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        except BaseException as failure:
            with self._changed:
                self._failure = failure
                self._changed.notify_all()
            self._wake(self._settle)

    def _turn(self) -> bool:
        """Do what waits, or else a slice of long work; return False at the end."""
        batches: list[Batch] = []
        try:
            while True:
                item = self._waiting.get(block=not batches and not self._works)
                if isinstance(item, Batch):
                    batches.append(item)
                    continue
                self._commit(batches)
                if item == "end":
                    while self._works:
                        self._slice()
                    return False
                self._works.append(item)
                return True
        except Empty:
            pass
        if batches:
            self._commit(batches)
        else:
            self._slice()
        return True

    def _slice(self) -> None:
        if next(self._works[0], "over") == "over":
            self._works.popleft()
            self._works_done += 1

    def _commit(self, batches: list[Batch]) -> None:
        if not batches:
            return
        self._write(batches)
        with self._changed:
            self.done += len(batches)
            self._changed.notify_all()
        if any(batch.final is not None for batch in batches):
            self._wake(self._settle)
