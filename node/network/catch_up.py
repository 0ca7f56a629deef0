"""Carries out catch-up: asks, and feeds what came to the chain in small slices.

Whom to ask and when `sync` decides, but nothing is asked while this node builds a block, and drops
what comes. Slices, because a hundred blocks at once would keep the loop from the next slot.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from node.chain.chain import Chain
from node.chain.encoding.pack import DecodeError
from node.chain.model.block import SignedBlock
from node.events import Peer, Rejected
from node.network import wire
from node.network.sync_rules import MAX_LOCATOR, Sync, Tip, locator

SLICE_NS = 8_000_000


class CatchUp:
    """The request under way and the blocks that came but are not applied yet."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, chain: Chain, *,
        send: Callable[[str, wire.Message], bool],
        take_block: Callable[[str, SignedBlock, bytes], bool],
        emit: Callable[[Peer | Rejected], None],
        mono_ns: Callable[[], int], wall_ns: Callable[[], int],
    ) -> None:  # fmt: skip
        """take_block returns whether the chain has one block more."""
        self.sync = Sync()
        self._loop = loop
        self._chain = chain
        self._send, self._take_block, self._emit = send, take_block, emit
        self._mono_ns, self._wall_ns = mono_ns, wall_ns
        self._inbox: deque[bytes] = deque()
        self._answer: wire.SyncBlocks | None = None
        self._answerer = ""
        self._new_blocks = 0
        self._stopped = False

    @property
    def feeding(self) -> bool:
        """Return whether blocks of an answer are being applied."""
        return self._answer is not None

    def stop(self) -> None:
        """Apply nothing more."""
        self._stopped = True
        self._inbox.clear()

    def poll(self) -> None:
        """Ask somebody, if it is time to."""
        if self._is_at_work():
            return
        ask = self.sync.poll(Tip.of(self._chain), self._chain.has_block, self._mono_ns())
        head, lib, news = self._chain.head.num, self._chain.lib.num, self.sync.news()
        if news is not None:
            self._emit(Peer(peer=news[0], state=news[1], head_num=head, lib_num=lib))
        if ask is not None:
            ids = locator(self._chain.branch_ids(lib), MAX_LOCATOR)
            self._send(ask.peer, wire.SyncRequest(ask.request, ids))

    def take(self, peer: str, answer: wire.SyncBlocks) -> None:
        """Begin to apply an answer, if it is the one we wait for."""
        if self._answer is None and self.sync.answered(peer, answer.request):
            self._answer, self._answerer, self._new_blocks = answer, peer, 0
            self._inbox.extend(answer.blocks)
            self._feed()

    def _feed(self) -> None:
        """Apply blocks for a few milliseconds, then let others have their turn."""
        if self._stopped:
            return
        until_ns, cut = time.monotonic_ns() + SLICE_NS, False
        while self._inbox:
            if self._is_at_work():
                self._inbox.clear()
                cut = True
                break
            raw = self._inbox.popleft()
            try:
                block = self._chain.codec.decode(raw)
            except DecodeError:
                self._emit(Rejected(what="frame", reason="bad_block", from_=self._answerer))
                self._inbox.clear()
                break
            self._new_blocks += self._take_block(self._answerer, block, raw)
            if time.monotonic_ns() >= until_ns:
                self._loop.call_soon(self._feed)
                return
        answer = self._answer
        if answer is None:
            return
        self._answer = None
        now_ns = self._mono_ns()
        self.sync.applied(blocks=self._new_blocks, more=answer.more, now_ns=now_ns, cut=cut)
        self.poll()

    def _is_at_work(self) -> bool:
        return self._chain.at_work(self._wall_ns()) is not None
