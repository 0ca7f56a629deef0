"""EOSIO/FIO header state: the transition from parent to child, and two-stage finality.

`next_tally` is the rule itself: pure, without headers or signatures, so that it can be simulated by
itself. `HeaderState` binds it to headers, ids and the signature digest.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from node.chain.encoding.merkle import Frontier
from node.chain.eosio.header import BlockHeader, block_id
from node.chain.eosio.roots import action_mroot
from node.chain.model.block import Header
from node.chain.model.errors import BlockRejected, Reason
from node.chain.model.messages import Schedule, Watermark
from node.chain.model.schedule import ProducerKey, ProducerSchedule, Proposal
from node.chain.model.slot import producer_index
from node.chain.model.transaction import Transaction

MAX_CONFIRM_COUNTS = 1024
MAX_CONFIRMED = 65_535


@dataclass(frozen=True, slots=True)
class PendingSchedule:
    """The latest schedule that became pending: in which block, its hash, itself until active."""

    lib_num: int
    digest: bytes
    schedule: ProducerSchedule | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What finality and schedule know after a block.

    proposed_irb: highest block with a quorum of first confirmations. last_produced and
    last_implied_irb map producers to their newest block and to the proposed_irb it implies.
    confirm_counts: one counter for each recent block that still lacks confirmations, oldest first,
    the newest being this block's.
    """

    num: int
    slot: int
    blocks_per_turn: int
    active: ProducerSchedule
    pending: PendingSchedule
    proposed_irb: int = 0
    lib_num: int = 0
    last_produced: Mapping[str, int]
    last_implied_irb: Mapping[str, int]
    confirm_counts: bytes = b""
    promoted: bool = False

    def producer_for(self, slot: int) -> ProducerKey:
        """Return who may sign the next block in slot."""
        producers = self.active.producers
        return producers[producer_index(slot, len(producers), self.blocks_per_turn)]


def genesis_tally(*, slot: int, schedule: ProducerSchedule, blocks_per_turn: int) -> Tally:
    """Return the tally of block 1.

    Its schedule is active and pending at once: block 2 promotes it to itself, so that finality
    counts over the full schedule from the first block on.
    """
    return Tally(
        num=1,
        slot=slot,
        blocks_per_turn=blocks_per_turn,
        active=schedule,
        pending=PendingSchedule(0, schedule.digest(), schedule),
        last_produced={},
        last_implied_irb={},
    )


def next_tally(parent: Tally, slot: int, confirmed: int) -> Tally:
    """Return the tally after a child in slot whose producer confirms that many blocks before it.

    Raises:
        BlockRejected: the slot is not after the parent's, or the producer confirmed a block twice.
        Upstream's
            u32 wrap-around (confirmed beyond the chain's start passes) is refused instead.
    Source:
        eosio libraries/chain/block_header_state.cpp, next and calc_dpos_last_irreversible.
    """
    num = parent.num + 1
    if slot <= parent.slot:
        raise BlockRejected(Reason.SLOT_NOT_AFTER_PARENT, num)
    producer = parent.producer_for(slot).name
    if confirmed >= num:
        raise BlockRejected(Reason.CONFIRMED_TOO_LARGE, num)
    if parent.last_produced.get(producer, -1) >= num - confirmed:
        raise BlockRejected(Reason.DOUBLE_CONFIRM, num)
    counts, proposed = _count_confirmations(parent, num, confirmed)
    lib_num = _last_irreversible(parent, producer)
    promoted = parent.pending.schedule is not None and lib_num >= parent.pending.lib_num
    active, pending = parent.active, parent.pending
    if promoted:
        assert pending.schedule is not None
        active = pending.schedule
        last_produced = {name: parent.last_produced.get(name, lib_num) for name in active.names}
        last_implied = {
            name: parent.proposed_irb
            if name == producer
            else parent.last_implied_irb.get(name, lib_num)
            for name in active.names
        }
        pending = PendingSchedule(pending.lib_num, pending.digest, None)
    else:
        last_produced = dict(parent.last_produced)
        # The parent's value: a block's own pre-commit counts for its producer one block later.
        last_implied = {**parent.last_implied_irb, producer: parent.proposed_irb}
    last_produced[producer] = num
    return Tally(
        num=num,
        slot=slot,
        blocks_per_turn=parent.blocks_per_turn,
        active=active,
        pending=pending,
        proposed_irb=proposed,
        lib_num=lib_num,
        last_produced=last_produced,
        last_implied_irb=last_implied,
        confirm_counts=counts,
        promoted=promoted,
    )


def with_pending(tally: Tally, schedule: ProducerSchedule) -> Tally:
    """Return the tally of a block whose header carries the schedule as new_producers.

    Raises:
        BlockRejected: another one is pending or was just promoted, wrong version, empty, unsorted.
    """
    names = schedule.names
    if (
        tally.promoted
        or tally.pending.schedule is not None
        or schedule.version != tally.active.version + 1
        or not names
        or list(names) != sorted(set(names))
    ):
        raise BlockRejected(Reason.BAD_NEW_PRODUCERS, tally.num)
    pending = PendingSchedule(tally.num, schedule.digest(), schedule)
    return dataclasses.replace(tally, pending=pending)


def due_schedule(parent: Tally, slot: int, proposal: Proposal | None) -> ProducerSchedule | None:
    """Return the schedule a child in slot must carry as new_producers, None when it is not due.

    Due in the first block whose own irreversible number reaches the proposing block's, unless the
    parent's pending schedule still waits.

    Source: eosio libraries/chain/controller.cpp, start_block.
    """
    if proposal is None or parent.pending.schedule is not None:
        return None
    lib_num = _last_irreversible(parent, parent.producer_for(slot).name)
    return proposal.schedule if lib_num >= proposal.block_num else None


def latest_schedule(parent: Tally, announced: ProducerSchedule | None) -> ProducerSchedule:
    """Return the pending, else the active schedule while a child is executed.

    A proposal made in the child is compared with it and takes the version after it.
    """
    waiting = parent.pending.schedule
    if announced is not None or waiting is None:
        return announced or parent.active
    # It is the pending schedule that waits, or, promoted by this child, the active one.
    return waiting


def blocks_to_confirm(head_num: int, lib_num: int, watermark: Watermark | None) -> int:
    """Return the `confirmed` a correct producer writes.

    Everything above its watermark, nothing irreversible. Without a watermark nothing is confirmed:
    the producer cannot know what it signed before.

    Source: eosio libraries/chain/controller.cpp and plugins/producer_plugin, start_block.
    """
    if watermark is None or watermark.num >= head_num:
        return 0
    return min(MAX_CONFIRMED, head_num - watermark.num, head_num - lib_num)


def _count_confirmations(parent: Tally, num: int, confirmed: int) -> tuple[bytes, int]:
    """The counters after the child, and the proposed irreversible block number they give."""
    required = len(parent.active.producers) * 2 // 3 + 1
    counts = bytearray(parent.confirm_counts)
    counts.append(required)
    if len(counts) > MAX_CONFIRM_COUNTS:
        del counts[0]
    newest = len(counts) - 1
    for i in range(newest, max(newest - confirmed, 0) - 1, -1):
        counts[i] -= 1
        if counts[i] == 0:
            return bytes(counts[i + 1 :]), num - (newest - i)
    return bytes(counts), parent.proposed_irb


def _last_irreversible(parent: Tally, producer: str) -> int:
    """The number enough producers imply: the parent's maps with the signer's entry brought up."""
    implied = [
        parent.proposed_irb if name == producer else num
        for name, num in parent.last_implied_irb.items()
    ]
    if not implied:
        return 0
    implied.sort()
    return implied[(len(implied) - 1) // 3]


@dataclass(frozen=True, slots=True)
class HeaderState:
    """All a header-only validator keeps of a block; fills the `ChainState` of the seam.

    blockroot holds the ids of blocks 1 .. num-1.
    """

    tally: Tally
    header: BlockHeader
    id: bytes
    header_digest: bytes
    signing_key: bytes
    blockroot: Frontier

    @property
    def num(self) -> int:
        """Return the block's number."""
        return self.tally.num

    @property
    def slot(self) -> int:
        """Return the block's slot."""
        return self.tally.slot

    @property
    def next_slot(self) -> int:
        """Return the slot after the block's."""
        return self.tally.slot + 1

    @property
    def lib_num(self) -> int:
        """Return the last irreversible block number this branch claims."""
        return self.tally.lib_num

    @property
    def fork_key(self) -> tuple[int, ...]:
        """Return (lib, num). proposed_irb plays no part: a pre-commit locks nobody."""
        return (self.tally.lib_num, self.tally.num)

    @property
    def schedule(self) -> tuple[str, ...]:
        """Return the active schedule's names."""
        return self.tally.active.names

    @property
    def signing_digest(self) -> bytes:
        """Return what the producer signs: header, all ids before, latest pending schedule.

        Source: eosio libraries/chain/block_header_state.cpp, sig_digest.
        """
        with_root = sha256(self.header_digest + self.blockroot.root()).digest()
        return sha256(with_root + self.tally.pending.digest).digest()

    @property
    def changes(self) -> tuple[Schedule, ...]:
        """Return what this block did to the schedule; block 2's promotion is no change."""
        found: list[Schedule] = []
        active, proposed = self.tally.active, self.header.new_producers
        if self.tally.promoted and active.version > self.header.schedule_version:
            found.append(_change("active", self.num, active))
        if proposed is not None:
            found.append(_change("pending", self.num, proposed))
        return tuple(found)

    def producer_for(self, slot: int) -> ProducerKey:
        """Return who may sign a child in slot."""
        return self.tally.producer_for(slot)

    def draft(
        self,
        slot: int,
        watermark: Watermark | None,
        transaction_mroot: bytes,
        transactions: Sequence[Transaction],
    ) -> BlockHeader:
        """Return the header a correct producer with that watermark gives a child in slot."""
        return BlockHeader(
            slot=slot,
            producer=self.producer_for(slot).name,
            confirmed=blocks_to_confirm(self.num, self.lib_num, watermark),
            previous=self.id,
            transaction_mroot=transaction_mroot,
            action_mroot=action_mroot(self.id, slot, transactions),
            schedule_version=self.tally.active.version,
        )

    def rebuild(self, header: Header, transactions: Sequence[Transaction]) -> BlockHeader:
        """Return the header execution gives a child; slot and confirmed are the signer's."""
        return BlockHeader(
            slot=header.slot,
            producer=self.producer_for(header.slot).name,
            confirmed=header.confirmed,
            previous=self.id,
            transaction_mroot=header.transaction_mroot,
            action_mroot=action_mroot(self.id, header.slot, transactions),
            schedule_version=self.tally.active.version,
        )

    def child(self, header: Header) -> HeaderState:
        """Return the state after a child with that header; its signature is not checked here.

        Raises:
            BlockRejected: slot, producer, schedule version, confirmed or new_producers break a
            rule.
        """
        assert isinstance(header, BlockHeader)
        assert header.previous == self.id
        tally = next_tally(self.tally, header.slot, header.confirmed)
        scheduled = self.producer_for(header.slot)
        if header.producer != scheduled.name:
            raise BlockRejected(Reason.WRONG_PRODUCER, tally.num)
        if header.schedule_version != self.tally.active.version:
            raise BlockRejected(Reason.BAD_SCHEDULE_VERSION, tally.num)
        if header.new_producers is not None:
            tally = with_pending(tally, header.new_producers)
        digest = header.digest()
        return HeaderState(
            tally=tally,
            header=header,
            id=block_id(tally.num, digest),
            header_digest=digest,
            signing_key=scheduled.key,
            blockroot=self.blockroot.append(self.id),
        )

    def with_id(self, block_id: bytes) -> HeaderState:
        """Return this state: the id does not cover the signature."""
        assert block_id == self.id
        return self


def _change(state: str, num: int, schedule: ProducerSchedule) -> Schedule:
    return Schedule(
        version=schedule.version,
        state="active" if state == "active" else "pending",
        num=num,
        producers=list(schedule.names),
    )
