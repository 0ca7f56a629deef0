"""A closed loop: for each transaction that ends, the next begins; and how a node tells of ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice

import msgspec

from node.events import Txs
from node.events.load_shape import Closed

ENDS = frozenset(("irreversible", "expired", "rejected"))
"""Steps after which nothing more is told of a transaction."""
KEPT_MAX = 16_384
TOLD_MAX = 1_024
"""So many ends are told at once."""


class Ends:
    """Mutable: the latest of a client's transactions that ended, for who asked for them once."""

    def __init__(self) -> None:
        self._asked = False
        self._latest: deque[str] = deque(maxlen=KEPT_MAX)
        self._count = 0

    def see(self, record: msgspec.Struct) -> None:
        """Take a record that the node writes."""
        if self._asked and isinstance(record, Txs) and record.state in ENDS:
            self._latest.extend(record.ids)
            self._count += len(record.ids)

    def since(self, count: int) -> tuple[list[str], int]:
        """Return ids that ended after so many had, and how many had with them.

        Of a node that began anew, and of what is no longer kept, from the first that there is.
        """
        self._asked = True
        oldest = self._count - len(self._latest)
        first = count - oldest if oldest <= count <= self._count else 0
        ids = list(islice(self._latest, first, first + TOLD_MAX))
        return ids, oldest + first + len(ids)


class ClosedLoop:
    """Mutable: the transactions of a closed loop that are under way; none where there is no loop.

    One ends when it is irreversible, or accepted where that is enough; when it was refused; and
    when it can no longer be in a block.
    """

    def __init__(self, closed: Closed | None) -> None:
        self._closed = closed
        self._open: dict[str, int] = {}

    def room(self, waiting: int, now_ns: int) -> int:
        """Return how many may begin, beside so many that wait to be sent."""
        if self._closed is None:
            return 0
        while self._open and next(iter(self._open.values())) < now_ns:
            del self._open[next(iter(self._open))]
        return max(0, self._closed.in_flight - len(self._open) - waiting)

    def sent(self, ids: Iterable[str], until_ns: int) -> None:
        """Note transactions that were sent, and may be in a block until then."""
        if self._closed is not None:
            self._open |= dict.fromkeys(ids, until_ns)

    def ends_with(self, *, accepted: bool) -> bool:
        """Return whether a transaction ends with the node's answer."""
        closed = self._closed
        return closed is not None and (not accepted or closed.until == "accepted")

    def ended(self, ids: Iterable[str]) -> None:
        """Note transactions that ended; others than those under way do not count."""
        for name in ids:
            self._open.pop(name, None)

    def lost(self) -> None:
        """Note that the node is gone, and with it what it would have told."""
        self._open.clear()
