"""Transactions on their way to peers: gathered for some milliseconds, then one frame a peer."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from node.network import wire

GATHER_S = 0.005
BODIES_BYTES_MAX = 32 * 1024
"""A frame that holds so much goes at once."""


@dataclass(slots=True)
class _Frame:
    """What the next frame to one peer will hold."""

    ids: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    size_bytes: int = 0


class Outbox:
    """Mutable: a frame in the making for each peer, and the time at which all of them go.

    send returns whether a frame was queued; lost hears what was in one that was not.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, send: Callable[[str, bytes], bool],
        lost: Callable[[str, list[bytes]], None],
    ) -> None:  # fmt: skip
        self._loop = loop
        self._send = send
        self._lost = lost
        self._frames: dict[str, _Frame] = {}
        self._due: asyncio.TimerHandle | None = None

    def add(self, peer: str, tx_id: bytes, raw: bytes) -> bool:
        """Let a transaction go with the next frame to peer; return whether that is not lost yet."""
        frame = self._frames.get(peer)
        if frame is None:
            frame = self._frames[peer] = _Frame()
        frame.ids.append(tx_id)
        frame.bodies.append(raw)
        frame.size_bytes += len(raw)
        if len(frame.ids) >= wire.MAX_BODIES or frame.size_bytes >= BODIES_BYTES_MAX:
            return self.flush(peer)
        if self._due is None:
            self._due = self._loop.call_later(GATHER_S, self.flush_all)
        return True

    def flush(self, peer: str) -> bool:
        """Send what is gathered for peer; return whether there was nothing or it is on its way."""
        frame = self._frames.pop(peer, None)
        if frame is None or self._send(peer, wire.encode(wire.TxBodies(frame.bodies))):
            return True
        self._lost(peer, frame.ids)
        return False

    def flush_all(self) -> None:
        """Send what is gathered for each peer."""
        self.close()
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
