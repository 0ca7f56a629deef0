"""Transactions on their way to peers: what comes soon after a frame waits, to go in one with more.

One frame a peer at a time, all at once.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from node.chain.model.transaction import Transaction
from node.network import wire

GATHER_S = 0.04
"""What comes so soon after the last frames waits; what comes alone goes at once."""
BODIES_BYTES_MAX = 32 * 1024
"""A frame that holds so much goes at once."""


@dataclass(slots=True)
class _Frame:
    """What the next frame to one peer will hold, by id."""

    bodies: dict[bytes, bytes] = field(default_factory=dict)
    size_bytes: int = 0

    def add(self, transaction: Transaction) -> bool:
        """Take a transaction; return whether there is room for more."""
        self.bodies[transaction.id] = transaction.raw
        self.size_bytes += transaction.size_bytes
        return len(self.bodies) < wire.MAX_BODIES and self.size_bytes < BODIES_BYTES_MAX


class Outbox:
    """Mutable: a frame in the making for each peer, and the time at which all of them go.

    send returns whether a frame was queued; lost hears what was in one that was not.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, send: Callable[[str, bytes], bool],
        lost: Callable[[str, Iterable[bytes]], None],
    ) -> None:  # fmt: skip
        self._loop = loop
        self._send = send
        self._lost = lost
        self._frames: dict[str, _Frame] = {}
        self._due: asyncio.TimerHandle | None = None
        self._went_s = loop.time() - GATHER_S

    def add(self, peer: str, transactions: Sequence[Transaction]) -> int:
        """Let transactions go with the next frames to peer; return how many, the first, may do so.

        From the first frame on that is not queued, they are lost.
        """
        for count, transaction in enumerate(transactions, start=1):
            frame = self._frames.get(peer)
            if frame is None:
                frame = self._frames[peer] = _Frame()
            if not frame.add(transaction) and not self.flush(peer):
                return max(0, count - len(frame.bodies))
        if self._due is None and self._frames:
            wait_s = max(0, self._went_s + GATHER_S - self._loop.time())
            self._due = self._loop.call_later(wait_s, self.flush_all)
        return len(transactions)

    def flush(self, peer: str) -> bool:
        """Send what is gathered for peer; return whether there was nothing or it is on its way."""
        frame = self._frames.pop(peer, None)
        if frame is None or self._send(peer, wire.encode(wire.TxBodies([*frame.bodies.values()]))):
            return True
        self._lost(peer, frame.bodies)
        return False

    def flush_all(self) -> None:
        """Send what is gathered for each peer."""
        self.close()
        self._went_s = self._loop.time()
        for peer in list(self._frames):
            self.flush(peer)

    def forget(self, peer: str) -> None:
        """Drop what is gathered for peer."""
        self._frames.pop(peer, None)

    def close(self) -> None:
        """Let nothing go by itself any more, until more is added."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
