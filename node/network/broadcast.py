"""Carries out what `gossip` decides of transactions: relays, offers."""

import asyncio
from collections.abc import Callable, Sequence

from node.chain.chain import Chain
from node.chain.model.transaction import Transaction
from node.network.gossip import Gossip
from node.network.outbox import Outbox

PassesOn = Callable[[Sequence[Transaction]], Sequence[Transaction]]


class Broadcaster:
    """Frames of transactions for peers."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, chain: Chain, *,
        send: Callable[[str, bytes], bool], ready: Callable[[], list[str]],
        wall_ns: Callable[[], int], passes_on: PassesOn,
        gossip: Gossip, burst_bytes_max: int,
    ) -> None:  # fmt: skip
        """send returns whether the frame was queued; passes_on what of an offer is really sent."""
        self._loop = loop
        self._chain = chain
        self._send, self._ready = send, ready
        self._wall_ns, self._passes_on = wall_ns, passes_on
        self._burst_bytes_max = burst_bytes_max
        self._gossip = gossip
        self._outbox = Outbox(loop, send=send, lost=gossip.lost)

    def close(self) -> None:
        """Tell nobody any more."""
        self._outbox.close()

    def forget(self, peer: str) -> None:
        """Start anew with peer: what was in flight to it, or is about to go, is lost."""
        self._outbox.forget(peer)
        self._gossip.forget(peer)

    def flush(self) -> None:
        """Send the transactions that are gathered; a moment later they would go by themselves."""
        self._outbox.flush_all()

    def relay(self, transactions: Sequence[Transaction], source: str | None) -> None:
        """Push each transaction to the peers that lack it and that source is not linked to."""
        self._gossip.relay(transactions, self._ready(), source, self._outbox.add)

    def offer(self, peer: str) -> None:
        """Send what waits to a peer that is owed it and can take it, until its queue is full."""
        if peer not in self._ready() or not self._outbox.flush(peer):
            return
        waiting, now_ns = self._chain.mempool, self._wall_ns()
        offered = self._gossip.offer(peer, waiting, now_ns=now_ns, bytes_max=self._burst_bytes_max)
        if self._gossip.push(self._passes_on(offered), peer, self._outbox.add):
            self._outbox.flush(peer)
