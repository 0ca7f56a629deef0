"""Carries out what `gossip` decides of blocks: pushes, announces, asks, and answers who asks.

A peer that knows nearly all of a block's transactions is sent a brief of it, and after that what it
still lacks; where that does not do, within a moment, it asks for the block whole.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from node.chain.chain import Chain
from node.chain.model.block import SignedBlock
from node.chain.model.codec import BlockCodec
from node.network import briefs, wire
from node.network.gossip import FEW_HOLDERS, NO_HOLDER, Gossip, KnownIds, wait_ns
from node.network.peer_answers import Answers

RECENT_MAX = 16
"""So many of the newest blocks are sent in brief, and what they are made of is at hand."""
BRIEFED_MAX = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What the spread of blocks needs: ways to send and to hand on, and clocks.

    send returns whether the frame was queued; flush sends what else waits to be sent.
    """

    send: Callable[[str, bytes], bool]
    ready: Callable[[], list[str]]
    take_block: Callable[[str, SignedBlock, bytes], object]
    flush: Callable[[], None]
    mono_ns: Callable[[], int]
    wall_ns: Callable[[], int]


@dataclass(frozen=True)
class _Forms:
    """A block's frames, each made when it is first needed. block: None where no brief can be."""

    block: SignedBlock | None
    raw: bytes
    codec: BlockCodec

    @cached_property
    def ids(self) -> list[bytes]:
        """Return the ids of the transactions that a brief names."""
        return [] if self.block is None else [one.id for one in self.block.transactions]

    @cached_property
    def whole(self) -> bytes:
        """Return the frame of the block itself."""
        return wire.encode(wire.BlockBody(self.raw))

    @cached_property
    def brief(self) -> bytes:
        """Return the frame of its brief, or the whole where there is none."""
        brief = None if self.block is None else briefs.cut(self.block, self.codec)
        return self.whole if brief is None else wire.encode(brief)


class BlockSpread:
    """Blocks to and from peers, and the time of the next look at those that did not come."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, chain: Chain, gossip: Gossip, answers: Answers,
        outside: Outside, *, bytes_max: int,
    ) -> None:  # fmt: skip
        """bytes_max: how long a block may ever be here."""
        self._loop = loop
        self._chain = chain
        self._gossip = gossip
        self._answers = answers
        self._outside = outside
        self._briefs = briefs.Briefs(chain, bytes_max=bytes_max)
        self._briefed = KnownIds(BRIEFED_MAX)
        self._recent: dict[bytes, SignedBlock] = {}
        self._telling: dict[bytes, asyncio.TimerHandle] = {}
        self._look: asyncio.TimerHandle | None = None
        self._look_ns = 0

    def close(self) -> None:
        """Tell and ask nobody any more."""
        for telling in self._telling.values():
            telling.cancel()
        self._stop_looking()

    def forget(self, peer: str) -> None:
        """Start anew with peer: what was in flight from it is lost."""
        self._briefs.forget(peer)

    # ------------------------------------------------------------ to peers

    def push(self, block: SignedBlock, raw: bytes) -> None:
        """Push a block of ours to all peers that lack it."""
        self._outside.flush()
        self._keep(block)
        self._gossip.seen_blocks.add(block.id)
        forms, ready = _Forms(block, raw, self._chain.codec), self._outside.ready()
        self._gossip.push_block(block.id, ready, lambda peer: self._send_block(peer, forms))

    def announce(self, block: SignedBlock) -> None:
        """Tell the id of another's block to the peers that lack it, those at once who need it."""
        self._keep(block)
        self._tell(block, NO_HOLDER)
        wait_s = wait_ns(self._gossip.host, block.id) / 1e9
        self._telling[block.id] = self._loop.call_later(wait_s, self._tell, block, FEW_HOLDERS)

    def _tell(self, block: SignedBlock, unless: int) -> None:
        self._telling.pop(block.id, None)
        frame, ready = wire.encode(wire.Have(block.num, block.id)), self._outside.ready()
        self._gossip.announce_block(
            block.id, ready, lambda peer: self._outside.send(peer, frame), unless=unless
        )

    def on_want(self, peer: str, want: wire.Want) -> None:
        """Send the blocks that peer asks for, in brief where it may be and we can."""
        for block_id in want.ids:
            raw = self._answers.raw(block_id)
            if raw is None:
                continue
            block = None if want.whole else self._recent.get(block_id)
            if self._send_block(peer, _Forms(block, raw, self._chain.codec)):
                self._gossip.has_block(peer, block_id)

    def on_want_parts(self, peer: str, want: wire.WantParts) -> None:
        """Send what a brief of ours left open, or the whole block where that is too much.

        Raises:
            DecodeError: the block has no such transactions.
        """
        block = self._recent.get(want.id)
        if block is None:
            return
        found = briefs.parts(block, want.positions)
        if found is None:
            raw = self._chain.codec.encode(block)
            self._outside.send(peer, wire.encode(wire.BlockBody(raw)))
        else:
            raws = [transaction.raw for transaction in found]
            self._outside.send(peer, wire.encode(wire.BlockParts(want.id, raws)))

    def _send_block(self, peer: str, forms: _Forms) -> bool:
        """Send a block, in brief if that can be and peer knows what it holds; return if queued."""
        in_brief = bool(forms.ids) and self._gossip.can_name(peer, forms.ids)
        return self._outside.send(peer, forms.brief if in_brief else forms.whole)

    def _keep(self, block: SignedBlock) -> None:
        self._recent[block.id] = block
        self._briefs.keep(block)
        if len(self._recent) > RECENT_MAX:
            self._briefs.let_go(self._recent.pop(next(iter(self._recent))))

    # ------------------------------------------------------------ from peers

    def came(self, peer: str, block_id: bytes) -> None:
        """Note that a block came from peer."""
        self._briefs.drop(block_id)
        self._gossip.came(peer, block_id)

    def on_have(self, peer: str, block_id: bytes) -> None:
        """Note that peer has a block; if we lack it, it will be asked for."""
        self._gossip.has_block(peer, block_id)
        if not self._chain.has_block(block_id):
            self._gossip.announced(peer, block_id, self._outside.mono_ns())
            self.look()

    def on_brief(self, peer: str, brief: wire.BlockBrief) -> None:
        """Take a block of which peer says that we have its transactions; ask for what we have not.

        Raises:
            DecodeError: it is no brief.
        """
        shell, shorts = self._briefs.read(brief)
        self._gossip.has_block(peer, shell.id)
        if self._chain.has_block(shell.id):
            return
        self._briefed.add(shell.id)
        now_ns = self._outside.mono_ns()
        try:
            found = self._briefs.open(peer, shell, shorts, now_ns)
        except briefs.Unfit:
            self._expect(peer, shell.id, now_ns)
            return
        if isinstance(found, SignedBlock):
            self._take(peer, found)
            return
        self._expect(peer, shell.id, now_ns + briefs.WAIT_NS)
        self._outside.send(peer, wire.encode(wire.WantParts(shell.id, found)))

    def on_parts(self, peer: str, answer: wire.BlockParts) -> None:
        """Take the block that an answer to us makes whole; one that nobody asked for is nothing.

        Raises:
            DecodeError: there is something else than transactions in it.
        """
        try:
            block = self._briefs.fill(peer, answer)
        except briefs.Unfit:
            self._expect(peer, answer.id, self._outside.mono_ns())
            return
        if block is not None:
            self._take(peer, block)

    def _take(self, peer: str, block: SignedBlock) -> None:
        self._outside.take_block(peer, block, self._chain.codec.encode(block))

    def _expect(self, peer: str, block_id: bytes, by_ns: int) -> None:
        self._gossip.promised(peer, block_id, by_ns)
        self.look()

    # ------------------------------------------------------------ asking

    def look(self) -> None:
        """Ask for announced blocks that did not come by themselves, as soon as they are due."""
        due_ns = self._gossip.next_due_ns()
        if due_ns is not None and (self._look is None or due_ns < self._look_ns):
            self._look_at(due_ns)

    def _stop_looking(self) -> None:
        if self._look is not None:
            self._look.cancel()

    def _look_at(self, at_ns: int) -> None:
        self._stop_looking()
        self._look_ns = at_ns
        wait_s = max(0, at_ns - self._outside.mono_ns()) / 1e9
        self._look = self._loop.call_later(wait_s, self._ask)

    def _ask(self) -> None:
        now_ns, mono_ns = self._outside.wall_ns(), self._outside.mono_ns()
        slot = self._chain.at_work(now_ns)
        if slot is not None:
            # What came before our own block is out would be dropped.
            self._look_at(mono_ns + self._chain.slot_clock.wake_ns(slot) - now_ns)
            return
        self._look = None
        for peer, ids in self._gossip.due(mono_ns).items():
            for whole in (False, True):
                asked = [block_id for block_id in ids if (block_id in self._briefed) == whole]
                if asked:
                    self._outside.send(peer, wire.encode(wire.Want(asked, whole)))
        self.look()
