"""Spreads blocks and transactions: pushes, announces, asks for what was announced, offers.

Whom to tell is decided by `gossip`; what was told is noted there. It never changes the chain.
"""

import asyncio
from collections.abc import Callable, Iterable

from node.chain.chain import Chain
from node.chain.model.block import SignedBlock
from node.chain.model.codec import encode_transaction
from node.chain.model.transaction import Transaction
from node.network import wire
from node.network.gossip import KNOWN_BLOCKS_MAX, KNOWN_TRANSACTIONS_MAX, Gossip, KnownIds


class Broadcaster:
    """The blocks and transactions seen so far, and the announced blocks that are waited for."""

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
        self.seen_blocks = KnownIds(KNOWN_BLOCKS_MAX)
        self.seen_transactions = KnownIds(KNOWN_TRANSACTIONS_MAX)
        self._wants_timer: asyncio.TimerHandle | None = None

    def close(self) -> None:
        """Ask nobody any more."""
        if self._wants_timer is not None:
            self._wants_timer.cancel()

    def push_block(self, block: SignedBlock, raw: bytes) -> None:
        """Push a block of ours to all peers that lack it."""
        self.seen_blocks.add(block.id)
        frame = wire.encode(wire.BlockBody(raw))
        for peer in self._gossip.lacking_block(self._ready(), block.id):
            if self._send(peer, frame):
                self._gossip.has_block(peer, block.id)

    def announce_block(self, block: SignedBlock, source: str) -> None:
        """Tell the id of another's block to the peers that lack it, but for its source."""
        frame = wire.encode(wire.Have(block.num, block.id))
        for peer in self._gossip.lacking_block(self._ready(), block.id):
            if peer != source:
                self._send(peer, frame)

    def relay(self, transaction: Transaction, source: str | None) -> None:
        """Push a transaction to the peers that lack it and that its source is not linked to."""
        self.seen_transactions.add(transaction.id)
        if source is not None:
            self._gossip.came(transaction.id, source)
        self._push(transaction, self._gossip.lacking_transaction(self._ready(), transaction.id))

    def announced(self, peer: str, block_id: bytes) -> None:
        """Ask for a block that peer has, if we lack it and it does not come by itself."""
        self._gossip.announced(peer, block_id, self._mono_ns())
        self._arm_wants()

    def offer(self, peer: str) -> None:
        """Send what waits to a peer that is owed it.

        Only once both have caught up: before, blocks may still be undone here whose transactions
        then wait, and the peer may lack the block that a transaction refers to.
        """
        if not self._gossip.owes(peer) or peer not in self._ready():
            return
        offered = self._gossip.offer(
            peer, self._chain.mempool,
            now_ns=self._wall_ns(), bytes_max=self._burst_bytes_max,
        )  # fmt: skip
        if offered.whole:
            self._gossip.settled(peer)
        for transaction in offered.transactions:
            if not self._push(transaction, [peer]):
                return

    def _push(self, transaction: Transaction, peers: Iterable[str]) -> bool:
        """Return whether the transaction went to all of peers; who did not get it is owed."""
        frame = wire.encode(wire.TxBody(encode_transaction(transaction)))
        whole = True
        for peer in peers:
            if self._send(peer, frame):
                self._gossip.has_transaction(peer, transaction.id)
            else:
                self._gossip.owe(peer)
                whole = False
        return whole

    def _arm_wants(self) -> None:
        due_ns = self._gossip.next_due_ns()
        if due_ns is None or self._wants_timer is not None:
            return
        wait_s = max(0, due_ns - self._mono_ns()) / 1e9
        self._wants_timer = self._loop.call_later(wait_s, self._ask_wanted)

    def _ask_wanted(self) -> None:
        now_ns = self._wall_ns()
        slot = self._chain.at_work(now_ns)
        if slot is not None:
            # What came before our own block is out would be dropped.
            wait_s = (self._chain.slot_clock.wake_ns(slot) - now_ns) / 1e9
            self._wants_timer = self._loop.call_later(wait_s, self._ask_wanted)
            return
        self._wants_timer = None
        for peer, ids in self._gossip.due(self._mono_ns()).items():
            self._send(peer, wire.encode(wire.Want(ids)))
        self._arm_wants()
