"""What a lying node remembers of the chain and can forge: blocks signed with its own keys.

Pure: it learns from the effects of the correct chain under the liar, and knows the header rules
from the profile; bodies are only as good as whoever forges makes them.
"""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from node.chain.encoding.crypto import PrivateKey, sign
from node.chain.execution import move_head
from node.chain.fork_db import ForkDB, ForkItem
from node.chain.genesis import Genesis
from node.chain.ledger.ledger import Ledger
from node.chain.model.block import Header, SignedBlock
from node.chain.model.errors import BlockRejected, TransactionRejected
from node.chain.model.messages import Effect, Emit, Finalize, Persist, Relay
from node.chain.model.transaction import Transaction
from node.chain.model.voice import Voice
from node.chain.model.watermark import Watermark
from node.chain.profile import ChainState, Executed, Profile
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
    """Who lies: its host, rules and signing keys."""

    host: str
    genesis: Genesis
    profile: Profile
    keys: Mapping[str, PrivateKey]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When and to whom: the node's wall clock, its neighbours, its random stream."""

    now_ns: int
    peers: tuple[str, ...]
    rng: random.Random


class Memory:
    """Mutable: the reversible blocks a liar has seen or forged, and a ledger that it moves to any.

    A forged header must say what execution gives, as a correct one: without the state at its parent
    there is none.
    """

    def __init__(self, who: Self) -> None:
        root = who.profile.genesis_state
        self.who = who
        self.by_ns = 0
        """How long it keeps blocks back."""
        self.accounts: frozenset[str] = frozenset()
        """Whom it censors; nobody named: everybody."""
        self.head_id = root.id
        self.twins: dict[bytes, bytes] = {}
        self.withheld: dict[bytes, int] = {}
        self.transaction: Transaction | None = None
        self._tree = ForkDB(root, rivals_max=sys.maxsize)
        rules = who.profile.transaction_rules
        self._ledger = Ledger(
            who.genesis, chain_id=who.profile.chain_id, genesis_id=root.id, rules=rules
        )

    def note(self, effect: Effect) -> None:
        """Remember what an effect of the correct chain tells."""
        match effect:
            case Persist():
                self.add(effect.block)
            case Relay():
                self.transaction = effect.transactions[-1]
            case Emit(record=Applied() as applied):
                self.head_id = bytes.fromhex(applied.id)
            case Finalize():
                self.forget(effect.num)

    def add(self, block: SignedBlock) -> None:
        """Remember a block if its parent is known and its header keeps the rules."""
        parent = self._tree.get(block.previous)
        if parent is None or self._tree.get(block.id) is not None:
            return
        try:
            state = parent.state.child(block.header)
        except BlockRejected:
            return
        self._tree.add(state.with_id(block.id), block)
        if block.transactions:
            self.transaction = block.transactions[-1]

    def line(self, block_id: bytes) -> Iterator[SignedBlock]:
        """Yield the remembered block and its ancestors, newest first."""
        item = self._tree.get(block_id)
        while item is not None and item.parent is not None:
            yield item.signed
            item = item.parent

    def tips(self) -> list[bytes]:
        """Return the newest blocks of all branches, longest first."""
        ends = self._tree.tips()
        return [item.id for item in sorted(ends, key=lambda item: (-item.num, item.id))]

    def shown_top(self) -> SignedBlock | None:
        """Return the newest remembered block that is not withheld, nor stands on one that is."""
        best: SignedBlock | None = None
        for tip in self.tips():
            line = list(self.line(tip))
            hidden = [at for at, block in enumerate(line) if block.id in self.withheld]
            shown = line[hidden[-1] + 1 :] if hidden else line
            if shown and (best is None or shown[0].num > best.num):
                best = shown[0]
        return best

    def random_after(self, block_id: bytes) -> bytes:
        """Return the random number after a remembered block, b"" where there are none."""
        number: bytes = getattr(self.state(block_id), "random", b"")
        return number

    def state(self, block_id: bytes) -> ChainState | None:
        """Return the state after a remembered block, None where there is none."""
        item = self._tree.get(block_id)
        return None if item is None else item.state

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
        parent = self._tree.get(parent_id)
        if parent is None or slot < parent.state.next_slot:
            return None
        if parent.state.producer_for(slot).name != producer:
            return None
        watermark = Watermark(producer=producer, num=watermark_num, slot=0)
        return self._signed(parent, slot, watermark, transactions)

    def moved(self, block: SignedBlock, slots: int) -> SignedBlock | None:
        """Return a block of ours again, so many slots later; None where the rules forbid that.

        Where slots are seconds of the chain, a producer's interval has several of them.
        """
        parent = self._tree.get(block.previous)
        if parent is None:
            return None
        watermark = Watermark(producer=block.producer, num=block.num - 1, slot=0)
        return self._signed(parent, block.slot + slots, watermark, block.transactions)

    def _signed(
        self, parent: ForkItem, slot: int, watermark: Watermark, transactions: Sequence[Transaction]
    ) -> SignedBlock | None:
        """A child of parent by the watermark's producer, None where the rules allow none."""
        executed = self._executed(parent, slot, transactions)
        key = self.who.keys.get(watermark.producer)
        if executed is None or key is None:
            return None
        header = parent.state.draft(slot, watermark, executed, Voice(key=key))
        if header.producer != watermark.producer:
            return None
        try:
            state = parent.state.child(header)
        except BlockRejected:
            return None
        block = SignedBlock(header, sign(key, state.signing_digest), tuple(transactions))
        self.add(block)
        return block

    def resign(self, header: Header, block: SignedBlock) -> SignedBlock:
        """Return the block with another header, signed as well as a broken header can be."""
        parent = self._tree.get(header.previous)
        digest = sha256(header.packed_for_id(b"")).digest()
        if parent is not None:
            with contextlib.suppress(BlockRejected):
                digest = parent.state.child(header).signing_digest
        return SignedBlock(header, sign(self.who.keys[block.producer], digest), block.transactions)

    def _executed(
        self, parent: ForkItem, slot: int, transactions: Sequence[Transaction]
    ) -> Executed | None:
        """What execution gives a child of parent; None where a block before it cannot be executed.

        A transaction that cannot be is left to whoever receives it.
        """
        profile, ledger = self.who.profile, self._ledger
        if not self._stand_on(parent):
            return None
        at_ns = profile.transaction_time_ns(parent.state, profile.clock.time_ns(slot))
        ledger.begin(parent.state, slot, at_ns)
        ledger.forget_expired()
        for transaction in transactions:
            with contextlib.suppress(TransactionRejected):
                ledger.execute(transaction, None)
        executed = ledger.finish(profile.transaction_mroot(transactions))
        ledger.abort()
        return executed

    def _stand_on(self, item: ForkItem) -> bool:
        """Move the ledger to a block; return whether all before it could be executed."""
        try:
            move_head(self._tree, self._ledger, item, self.who.profile, lambda _: None)
        except BlockRejected:
            return False
        return True

    def forget(self, num: int) -> None:
        """Drop what is below the irreversible block num, and whatever is beside it."""
        head = self._tree.get(self.head_id)
        if head is None or head.num < num or not self._stand_on(head):
            return
        self._ledger.commit(num)
        if num > self._tree.root.num:
            self._tree.advance_root(self._ledger.id_at(num))
        self.twins = {old: new for old, new in self.twins.items() if self._tree.get(new)}
        self.withheld = {i: until for i, until in self.withheld.items() if self._tree.get(i)}
