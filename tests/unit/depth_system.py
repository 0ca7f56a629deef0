"""A third, small consensus system: absolute turns, the longest chain, final below a round.

test_additions puts it into a copy of the product as `node/chain/depth/profile.py`. Its blocks are
EOSIO's, bytes and ids; what it adds are its own rules.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from node.chain import genesis as genesis_file
from node.chain.eosio.codec import EosioCodec
from node.chain.eosio.header import ZERO_ID, BlockHeader
from node.chain.eosio.roots import transaction_mroot
from node.chain.model.block import Header
from node.chain.model.errors import BlockRejected, Reason
from node.chain.model.operation import OpenBlock
from node.chain.model.schedule import ProducerKey, built_on_by_half
from node.chain.model.slot import SlotClock, producer_index
from node.chain.model.transaction import Transaction
from node.chain.model.voice import Voice
from node.chain.model.watermark import Watermark
from node.chain.profile import (
    ChainState,
    Executed,
    Finality,
    Rows,
    System,
    TransactionRules,
    Unowned,
)
from node.chain.state.state import State, Table
from node.events import Schedule

NAME = "depth"
CODEC = EosioCodec()


class PlainContracts:
    """Fills `Contracts` of the seam where nothing happens around transactions; no state."""

    __slots__ = ()

    @property
    def tables(self) -> tuple[Table[Any, Any], ...]:
        """Return none."""
        return ()

    def found(self, genesis: genesis_file.Genesis, state: State) -> None:
        """Do nothing."""

    def open(self, parent: ChainState, block: OpenBlock) -> None:
        """Do nothing."""

    def apply(self, transaction: Transaction, block: OpenBlock) -> None:
        """Do what the operations say, in order.

        Raises:
            TransactionRejected: the state does not allow one of them.
        """
        for operation in transaction.operations:
            operation.apply(block)

    def close(self, parent: ChainState, block: OpenBlock) -> None:
        """Do nothing."""

    def unowned(self, tables: Rows) -> Unowned:
        """Return none: accounts have it all."""
        return Unowned({})


TRANSACTION_RULES = TransactionRules(
    form=CODEC.transactions,
    order=("expiry", "tapos", "accounts", "duplicate", "content", "signature"),
    contracts=PlainContracts(),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthState:
    """Fills `ChainState` of the seam."""

    producers: tuple[ProducerKey, ...]
    blocks_per_turn: int
    num: int
    id: bytes
    slot: int
    signing_key: bytes = b""
    signing_digest: bytes = b""
    newest: tuple[int, ...] = ()
    precommit_num: None = None
    changes: tuple[Schedule, ...] = ()

    @property
    def next_slot(self) -> int:
        """Return the slot after the block's."""
        return self.slot + 1

    @property
    def lib_num(self) -> int:
        """Return the number of the block a round below this one."""
        return max(0, self.num - len(self.producers) * self.blocks_per_turn)

    @property
    def safe_num(self) -> int:
        """Return the last block that half of the producers have built on."""
        return built_on_by_half(self.newest)

    @property
    def schedule(self) -> tuple[str, ...]:
        """Return the producers, whose order never changes."""
        return tuple(producer.name for producer in self.producers)

    def producer_for(self, slot: int) -> ProducerKey:
        """Return who may sign in slot."""
        return self.producers[producer_index(slot, len(self.producers), self.blocks_per_turn)]

    def draft(
        self, slot: int, watermark: Watermark | None, executed: Executed, voice: Voice | None = None
    ) -> BlockHeader:
        """Return the header of a child; blocks confirm nothing."""
        return BlockHeader(
            slot=slot, producer=self.producer_for(slot).name, confirmed=0, previous=self.id,
            transaction_mroot=executed.transaction_mroot, action_mroot=ZERO_ID, schedule_version=0,
        )  # fmt: skip

    def rebuild(self, header: Header, executed: Executed) -> BlockHeader:
        """Return the header of a child in that slot."""
        return self.draft(header.slot, None, executed)

    def child(self, header: Header) -> DepthState:
        """Return the state after a child, whose slot and producer must be right."""
        assert isinstance(header, BlockHeader)
        if header.slot <= self.slot:
            raise BlockRejected(Reason.SLOT_NOT_AFTER_PARENT, header.num)
        producer = self.producer_for(header.slot)
        if header.producer != producer.name:
            raise BlockRejected(Reason.WRONG_PRODUCER, header.num)
        newest = [
            header.num if own is producer else last
            for own, last in zip(self.producers, self.newest, strict=True)
        ]
        return dataclasses.replace(
            self, num=header.num, id=header.block_id(b""), slot=header.slot, newest=tuple(newest),
            signing_key=producer.key, signing_digest=header.digest(),
        )  # fmt: skip

    def with_id(self, block_id: bytes) -> DepthState:
        """Return this state: the id does not cover the signature."""
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthProfile:
    """Fills `Profile` of the seam."""

    clock: SlotClock
    chain_id: bytes
    genesis_state: DepthState
    name: str = NAME
    codec: EosioCodec = CODEC
    future_limit_ns: int = 7_000_000_000
    transaction_rules: TransactionRules = TRANSACTION_RULES

    @staticmethod
    def of(genesis: genesis_file.Genesis) -> DepthProfile:
        """Return the profile for a genesis."""
        genesis_file.check(genesis)
        chain_id = genesis_file.chain_id(genesis)
        state = DepthState(
            producers=genesis_file.schedule(genesis).producers,
            blocks_per_turn=genesis.blocks_per_turn, newest=(0,) * len(genesis.producers),
            num=1, id=(1).to_bytes(4, "big") + chain_id[4:], slot=genesis.initial_slot,
        )  # fmt: skip
        clock = SlotClock(genesis.slot_ns)
        return DepthProfile(clock=clock, chain_id=chain_id, genesis_state=state)

    def max_block_bytes(self, parent: ChainState) -> int:
        """Return a size that no block of a test has."""
        return 1 << 20

    def transaction_mroot(self, transactions: Sequence[Transaction]) -> bytes:
        """Return the root over the transactions."""
        return transaction_mroot(transactions)

    def transaction_time_ns(self, parent: ChainState, at_ns: int) -> int:
        """Return the block's own time."""
        return at_ns

    def prefers(
        self, new: ChainState, head: ChainState, ancestor: Callable[[], ChainState]
    ) -> bool:
        """Return whether new is longer."""
        return new.num > head.num

    def keep_above(self, lib_num: int) -> int:
        """Return lib_num."""
        return lib_num

    def refusal(
        self, head: ChainState, slot: int, now_ns: int, watermark: Watermark | None
    ) -> str | None:
        """Return why a producer must not sign a slot twice."""
        signed = watermark is not None and watermark.slot >= slot
        return Reason.WATERMARK_SLOT if signed else None


def expected(producers: int, blocks_per_turn: int) -> Finality:
    """Return what finality takes: a round of blocks above one, whosever they are."""
    depth = producers * blocks_per_turn
    return Finality(stages=1, quorum=1, lag_blocks=(depth, depth))


SYSTEM = System(name=NAME, build=DepthProfile.of, finality=expected)
