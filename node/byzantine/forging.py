"""What a lying node remembers of the chain and can forge: blocks signed with its own keys.

Pure: it learns from the effects of the correct chain under the liar, and knows the header rules
from the profile; bodies are only as good as whoever forges makes them.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from node.chain.encoding.crypto import PrivateKey, sign
from node.chain.model.block import Header, SignedBlock
from node.chain.model.errors import BlockRejected
from node.chain.model.messages import Effect, Emit, Finalize, Persist, Relay
from node.chain.model.transaction import Transaction
from node.chain.model.watermark import Watermark
from node.chain.profile import ChainState, Profile
from node.events import Applied


@dataclass(frozen=True, slots=True, kw_only=True)
class SendTo:
    """Send the block to these hosts only; the liar's own host among them: to its own chain."""

    block: SignedBlock
    peers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """Carry these out, as they are, when the node's wall clock shows at_ns."""

    at_ns: int
    acts: tuple[Act, ...]


Act = Effect | SendTo | Later


@dataclass(frozen=True, slots=True, kw_only=True)
class Self:
    """Who lies: its host, rules, signing keys, and how long it keeps blocks back."""

    host: str
    profile: Profile
    keys: Mapping[str, PrivateKey]
    by_ns: int = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When and to whom: the node's wall clock, its neighbours, its random stream."""

    now_ns: int
    peers: tuple[str, ...]
    rng: random.Random


class Memory:
    """Mutable: the reversible blocks a liar has seen or forged, with the states they lead to."""

    def __init__(self, who: Self) -> None:
        root = who.profile.genesis_state
        self.who = who
        self.head_id = root.id
        self.twins: dict[bytes, bytes] = {}
        self.withheld: dict[bytes, int] = {}
        self.transaction: Transaction | None = None
        self._states: dict[bytes, ChainState] = {root.id: root}
        self._blocks: dict[bytes, SignedBlock] = {}

    def note(self, effect: Effect) -> None:
        """Remember what an effect of the correct chain tells."""
        match effect:
            case Persist():
                self.add(effect.block)
            case Relay():
                self.transaction = effect.transaction
            case Emit(record=Applied() as applied):
                self.head_id = bytes.fromhex(applied.id)
            case Finalize():
                self._forget(effect.num, effect.id)

    def add(self, block: SignedBlock) -> None:
        """Remember a block if its parent is known and its header keeps the rules."""
        parent = self._states.get(block.previous)
        if parent is None or block.id in self._states:
            return
        try:
            state = parent.child(block.header)
        except BlockRejected:
            return
        self._states[block.id] = state.with_id(block.id)
        self._blocks[block.id] = block
        if block.transactions:
            self.transaction = block.transactions[-1]

    def line(self, block_id: bytes) -> Iterator[SignedBlock]:
        """Yield the remembered block and its ancestors, newest first."""
        block = self._blocks.get(block_id)
        while block is not None:
            yield block
            block = self._blocks.get(block.previous)

    def tips(self) -> list[bytes]:
        """Return the newest blocks of all branches, longest first."""
        parents = {block.previous for block in self._blocks.values()}
        ends = [block for block in self._blocks.values() if block.id not in parents]
        return [b.id for b in sorted(ends, key=lambda b: (-b.num, b.id))]

    def last_own(self, producer: str, block_id: bytes) -> int:
        """Return the number of the producer's newest block on a branch, else where it begins."""
        oldest = 0
        for block in self.line(block_id):
            if block.producer == producer:
                return block.num
            oldest = block.num - 1
        return oldest

    def forge(
        self,
        producer: str,
        slot: int,
        parent_id: bytes,
        transactions: Sequence[Transaction],
        watermark_num: int,
    ) -> SignedBlock | None:
        """Return a signed block that keeps the header rules, None where there can be none."""
        parent = self._states.get(parent_id)
        key = self.who.keys.get(producer)
        if parent is None or key is None or slot < parent.next_slot:
            return None
        if parent.producer_for(slot).name != producer:
            return None
        watermark = Watermark(producer=producer, num=watermark_num, slot=0)
        root = self.who.profile.transaction_mroot(transactions)
        header = parent.draft(slot, watermark, root, transactions)
        try:
            state = parent.child(header)
        except BlockRejected:
            return None
        block = SignedBlock(header, sign(key, state.signing_digest), tuple(transactions))
        self.add(block)
        return block

    def resign(self, header: Header, block: SignedBlock) -> SignedBlock:
        """Return the block with another header, signed as well as a broken header can be."""
        parent = self._states.get(header.previous)
        digest = sha256(header.packed_for_id(b"")).digest()
        if parent is not None:
            with contextlib.suppress(BlockRejected):
                digest = parent.child(header).signing_digest
        return SignedBlock(header, sign(self.who.keys[block.producer], digest), block.transactions)

    def _forget(self, num: int, block_id: bytes) -> None:
        """Drop what is below the irreversible block num, and whatever is beside it."""
        self._blocks = {i: b for i, b in self._blocks.items() if b.num > num}
        keep = {*self._blocks, block_id}
        self._states = {i: state for i, state in self._states.items() if i in keep}
        self.twins = {old: new for old, new in self.twins.items() if new in keep}
        self.withheld = {i: until for i, until in self.withheld.items() if i in keep}
