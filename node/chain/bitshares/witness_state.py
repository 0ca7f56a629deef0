"""BitShares state after a block: schedule, missed slots, finality; and the step to a child."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from node.chain.bitshares.finality import ALL_FILLED, last_irreversible, slots_filled
from node.chain.bitshares.fork_choice import BranchEnd, BranchPoint
from node.chain.bitshares.header import ZERO_ID, BlockHeader
from node.chain.bitshares.rules import FIRST_WITNESS, Rules
from node.chain.bitshares.witness_schedule import SlotCount, shuffle
from node.chain.model.block import Header
from node.chain.model.errors import BlockRejected, Reason
from node.chain.model.schedule import NOBODY, ProducerKey
from node.chain.model.watermark import Watermark
from node.chain.profile import Executed
from node.events import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessState:
    """Fills `ChainState` of the seam; lists by witness are ascending by id.

    time_s: the block's timestamp; aslot: slots so far without those that maintenance skipped
    (bitshares: current_aslot); shuffled: indices into the witnesses, whose turn is at aslot + k;
    recent: bits of the last 128 slots; last_confirmed: each witness's newest block here; missed:
    each witness's empty slots (bitshares: total_missed); changed: the last change of the interval.
    """

    rules: Rules
    num: int
    id: bytes
    slot: int
    time_s: int
    aslot: int
    shuffled: tuple[int, ...]
    shuffles: int
    is_shuffle: bool
    recent: int
    last_confirmed: tuple[int, ...]
    missed: tuple[int, ...]
    lib_num: int
    next_maintenance_s: int
    is_maintenance: bool
    changed: BranchPoint
    signing_key: bytes
    signing_digest: bytes

    @property
    def next_slot(self) -> int:
        """Return the slot after the block's, and after those that maintenance skips."""
        return self.slot + 1 + self._skip

    @property
    def precommit_num(self) -> int | None:
        """Return None: finality has one stage."""
        return None

    @property
    def schedule(self) -> tuple[str, ...]:
        """Return the witnesses in shuffled order."""
        return tuple(self.rules.witnesses[index].name for index in self.shuffled)

    @property
    def changes(self) -> tuple[Schedule, ...]:
        """Return the new order, if this block ended a round."""
        if not self.is_shuffle:
            return ()
        names = list(self.schedule)
        return (Schedule(version=self.shuffles, state="active", num=self.num, producers=names),)

    @property
    def slots(self) -> SlotCount:
        """Return the count of the slots after this block."""
        return SlotCount(self.time_s, self.rules.interval_s, self._skip)

    @property
    def tip(self) -> BranchEnd:
        """Return what fork choice compares."""
        return BranchEnd(
            num=self.num, time_s=self.time_s, aslot=self.aslot, slots=self.slots,
            changed=self.changed,
        )  # fmt: skip

    def producer_for(self, slot: int) -> ProducerKey:
        """Return who may sign a child in slot: shuffled[(aslot + k) % n] for the k-th from here."""
        k = slot - self.slot - self._skip
        return NOBODY if k < 1 else self.rules.witnesses[self._witness(k)]

    def draft(self, slot: int, watermark: Watermark | None, executed: Executed) -> BlockHeader:
        """Return the header an honest witness gives a child: its time is the slot's start."""
        return self._header(slot, self.rules.time_s(slot), executed.transaction_mroot)

    def rebuild(self, header: Header, executed: Executed) -> BlockHeader:
        """Return the header of a child at that time; execution adds nothing to it."""
        assert isinstance(header, BlockHeader)
        slot = self.rules.slot_at(header.timestamp_s)
        return self._header(slot, header.timestamp_s, executed.transaction_mroot)

    def child(self, header: Header) -> WitnessState:
        """Return the state after a child with that header, in the order of graphene's apply_block.

        Raises:
            BlockRejected: time, slot, witness or undo history break a rule.
        Source:
            bitshares-core libraries/chain/db_block.cpp, _apply_block; db_update.cpp.
        """
        assert isinstance(header, BlockHeader)
        assert header.previous == self.id
        num, rules = self.num + 1, self.rules
        k = self._slot_of(header)
        index = self._witness(k)
        if header.witness != index + FIRST_WITNESS:
            raise BlockRejected(Reason.WRONG_PRODUCER, num)
        if num - self.lib_num >= rules.options.undo_limit:
            raise BlockRejected(Reason.UNDO_HISTORY, num)
        confirmed = (*self.last_confirmed[:index], num, *self.last_confirmed[index + 1 :])
        is_maintenance = self.next_maintenance_s <= header.timestamp_s
        is_shuffle = num % len(rules.witnesses) == 0
        return WitnessState(
            rules=rules,
            num=num,
            id=b"",
            slot=header.slot,
            time_s=header.timestamp_s,
            aslot=self.aslot + k,
            shuffled=self._next_shuffle(header.timestamp_s) if is_shuffle else self.shuffled,
            shuffles=self.shuffles + is_shuffle,
            is_shuffle=is_shuffle,
            recent=slots_filled(self.recent, k - 1),
            last_confirmed=confirmed,
            missed=self._missed(k - 1),
            lib_num=last_irreversible(self.lib_num, confirmed),
            next_maintenance_s=self._next_maintenance_s(header.timestamp_s),
            is_maintenance=is_maintenance,
            changed=self.changed,
            signing_key=rules.witnesses[index].key,
            signing_digest=header.digest(),
        )

    def with_id(self, block_id: bytes) -> WitnessState:
        """Return this state of the signed block with that id."""
        return dataclasses.replace(self, id=block_id)

    @property
    def _skip(self) -> int:
        return self.rules.options.maintenance_skip_slots if self.is_maintenance else 0

    def _witness(self, k: int) -> int:
        return self.shuffled[(self.aslot + k) % len(self.shuffled)]

    def _slot_of(self, header: BlockHeader) -> int:
        """Which slot after this block the header is for, 1 or more."""
        num, options = self.num + 1, self.rules.options
        if header.timestamp_s <= self.time_s:
            raise BlockRejected(Reason.SLOT_NOT_AFTER_PARENT, num)
        if options.strict_slot_alignment and header.timestamp_s % self.rules.interval_s:
            raise BlockRejected(Reason.MISALIGNED_TIME, num)
        k = self.slots.at(header.timestamp_s)
        if k < 1:
            raise BlockRejected(Reason.EMPTY_SLOT, num)
        return k

    def _missed(self, count: int) -> tuple[int, ...]:
        """Each witness's empty slots; a gap of a whole round or more blames nobody."""
        if not 0 < count < len(self.missed):
            return self.missed
        missed = list(self.missed)
        for k in range(1, count + 1):
            missed[self._witness(k)] += 1
        return tuple(missed)

    def _next_maintenance_s(self, time_s: int) -> int:
        due_s, every_s = self.next_maintenance_s, self.rules.options.maintenance_interval_s
        if due_s > time_s:
            return due_s
        if self.num == 0:
            return (time_s // every_s + 1) * every_s
        return due_s + ((time_s - due_s) // every_s + 1) * every_s

    def _next_shuffle(self, time_s: int) -> tuple[int, ...]:
        return shuffle(range(len(self.rules.witnesses)), time_s)

    def _header(self, slot: int, time_s: int, transaction_mroot: bytes) -> BlockHeader:
        k = slot - self.slot - self._skip
        index = self._witness(k)
        return BlockHeader(
            previous=self.id,
            timestamp_s=time_s,
            witness=index + FIRST_WITNESS,
            transaction_mroot=transaction_mroot,
            producer=self.rules.witnesses[index].name,
            slot=slot,
        )


def genesis_state(rules: Rules) -> WitnessState:
    """Return the state before block 1, which is a maintenance block: witnesses in order of id."""
    count = len(rules.witnesses)
    return WitnessState(
        rules=rules,
        num=0,
        id=ZERO_ID,
        slot=rules.initial_slot,
        time_s=rules.genesis_s,
        aslot=0,
        shuffled=tuple(range(count)),
        shuffles=0,
        is_shuffle=False,
        recent=ALL_FILLED,
        last_confirmed=(0,) * count,
        missed=(0,) * count,
        lib_num=0,
        next_maintenance_s=0,
        is_maintenance=False,
        changed=BranchPoint(0, 0),
        signing_key=b"",
        signing_digest=b"",
    )
