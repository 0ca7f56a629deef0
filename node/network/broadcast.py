"""Carries out what `gossip` decides: pushes, announces, asks for what was announced, offers."""

import asyncio
from collections.abc import Callable

from node.chain.chain import Chain
from node.chain.model.block import SignedBlock
from node.chain.model.codec import encode_transaction
from node.chain.model.transaction import Transaction
from node.network import wire
from node.network.gossip import Gossip, Send
from node.network.outbox import Outbox


class Broadcaster:
    """Frames for peers, and the time of the next look at announced blocks that did not come."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, chain: Chain, *,
        send: Callable[[str, bytes], bool], ready: Callable[[], list[str]],
        mono_ns: Callable[[], int], wall_ns: Callable[[], int],
        gossip: Gossip, burst_bytes_max: int,
    ) -> None:  # fmt: skip
        """send returns whether the frame was queued."""
        self._loop = loop
        self._chain = chain
        self._send, self._ready = send, ready
        self._mono_ns, self._wall_ns = mono_ns, wall_ns
        self._burst_bytes_max = burst_bytes_max
        self._gossip = gossip
        self._outbox = Outbox(loop, send=send, lost=gossip.lost)
        self._look: asyncio.TimerHandle | None = None
        self._look_ns = 0

    def close(self) -> None:
        """Ask and tell nobody any more."""
        self._outbox.close()
        self._stop_looking()

    def forget(self, peer: str) -> None:
        """Start anew with peer: what was in flight to it, or is about to go, is lost."""
        self._outbox.forget(peer)
        self._gossip.forget(peer)

    def flush(self) -> None:
        """Send the transactions that are gathered; a moment later they would go by themselves."""
        self._outbox.flush_all()

    def _stop_looking(self) -> None:
        if self._look is not None:
            self._look.cancel()

    def push_block(self, block: SignedBlock, raw: bytes) -> None:
        """Push a block of ours to all peers that lack it."""
        frame = wire.encode(wire.BlockBody(raw))
        self._gossip.seen_blocks.add(block.id)
        self._gossip.push_block(block.id, self._ready(), lambda peer: self._send(peer, frame))

    def announce_block(self, block: SignedBlock, source: str) -> None:
        """Tell the id of another's block to the peers that lack it, but for its source."""
        frame, ready = wire.encode(wire.Have(block.num, block.id)), self._ready()
        self._gossip.announce_block(block.id, ready, source, lambda peer: self._send(peer, frame))

    def relay(self, transaction: Transaction, source: str | None) -> None:
        """Push a transaction to the peers that lack it and that its source is not linked to."""
        self._gossip.relay(transaction.id, self._ready(), source, self._sender(transaction))

    def offer(self, peer: str) -> None:
        """Send what waits to a peer that is owed it and can take it, until its queue is full."""
        if peer not in self._ready() or not self._outbox.flush(peer):
            return
        waiting, now_ns = self._chain.mempool, self._wall_ns()
        for transaction in self._gossip.offer(
            peer, waiting, now_ns=now_ns, bytes_max=self._burst_bytes_max
        ):
            if not self._gossip.push(transaction.id, peer, self._sender(transaction)):
                return
        self._outbox.flush(peer)

    def look(self) -> None:
        """Ask for announced blocks that did not come by themselves, as soon as they are due."""
        due_ns = self._gossip.next_due_ns()
        if due_ns is not None and (self._look is None or due_ns < self._look_ns):
            self._look_at(due_ns)

    def _look_at(self, at_ns: int) -> None:
        self._stop_looking()
        self._look_ns = at_ns
        wait_s = max(0, at_ns - self._mono_ns()) / 1e9
        self._look = self._loop.call_later(wait_s, self._ask)

    def _ask(self) -> None:
        now_ns, mono_ns = self._wall_ns(), self._mono_ns()
        slot = self._chain.at_work(now_ns)
        if slot is not None:
            # What came before our own block is out would be dropped.
            self._look_at(mono_ns + self._chain.slot_clock.wake_ns(slot) - now_ns)
            return
        self._look = None
        for peer, ids in self._gossip.due(mono_ns).items():
            self._send(peer, wire.encode(wire.Want(ids)))
        self.look()

    def _sender(self, transaction: Transaction) -> Send:
        raw = b""

        def send(peer: str) -> bool:
            nonlocal raw
            raw = raw or encode_transaction(transaction)
            return self._outbox.add(peer, transaction.id, raw)

        return send
