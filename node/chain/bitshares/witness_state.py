"""BitShares state after a block: who is scheduled, finality; and the step to a child."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from node.chain.bitshares.announcement import Decided
from node.chain.bitshares.finality import ALL_FILLED, last_irreversible, slots_filled
from node.chain.bitshares.fork_choice import BranchEnd, BranchPoint
from node.chain.bitshares.header import ZERO_ID, BlockHeader
from node.chain.bitshares.order.turns import SEED_BYTES, Turns, first_turns
from node.chain.bitshares.parameters import Parameters
from node.chain.bitshares.roster import FIRST_WITNESS, Witness, Witnesses, may_announce, with_keys
from node.chain.bitshares.rules import Rules
from node.chain.bitshares.witness_schedule import SlotCount, shuffle
from node.chain.bitshares.words import words as said
from node.chain.bitshares.words.reveal import absorbed
from node.chain.bitshares.words.words import Words
from node.chain.model.block import Header
from node.chain.model.errors import BlockRejected, Reason
from node.chain.model.schedule import NOBODY, ProducerKey, built_on_by_half
from node.chain.model.voice import Voice
from node.chain.model.watermark import Watermark
from node.chain.profile import Executed
from node.events import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessState:
    """Fills `ChainState` of the seam; witnesses are told by N of their object id 1.6.N.

    time_s: the block's timestamp; aslot: slots so far without those that maintenance skipped
    (bitshares: current_aslot); parameters: in force on this branch; witnesses: all that were ever
    active here; active: who is, ascending; shuffled: whose turn is at aslot + k, among them who is
    dismissed since the shuffle, or, with turns, whose the next slots are; random: the number that
    this block's secret made of the one before; recent: bits of the last 128 slots; changed: the
    last change of the interval. What execution decides of all this comes in headers (`Decided`).
    """

    rules: Rules
    num: int
    id: bytes
    slot: int
    time_s: int
    aslot: int
    parameters: Parameters
    witnesses: Witnesses
    active: tuple[int, ...]
    shuffled: tuple[int, ...]
    turns: Turns | None
    random: bytes
    shuffles: int
    is_shuffle: bool
    recent: int
    lib_num: int
    next_maintenance_s: int
    is_maintenance: bool
    changed: BranchPoint
    signing_key: bytes
    signing_digest: bytes

    @property
    def next_slot(self) -> int:
        """Return the first slot of the grid after the block's and those that maintenance skips."""
        return self.rules.slot_at(self.slots.time_s(1))

    @property
    def precommit_num(self) -> int | None:
        """Return None: finality has one stage."""
        return None

    @property
    def newest(self) -> tuple[int, ...]:
        """Return the newest block of each active witness."""
        return tuple([self.witnesses[number].last_confirmed for number in self.active])

    @property
    def safe_num(self) -> int:
        """Return the last block that half of the producers have built on."""
        return built_on_by_half(self.newest)

    @property
    def schedule(self) -> tuple[str, ...]:
        """Return the witnesses in shuffled order, or, with turns, those of the next slots."""
        return tuple(map(self.rules.name_of, self.shuffled))

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
        return SlotCount(self.time_s, self.parameters.block_interval_s, self._skip)

    @property
    def tip(self) -> BranchEnd:
        """Return what fork choice compares."""
        return BranchEnd(
            num=self.num, time_s=self.time_s, aslot=self.aslot, slots=self.slots,
            changed=self.changed,
        )  # fmt: skip

    def producer_for(self, slot: int) -> ProducerKey:
        """Return who may sign a child in slot: shuffled[(aslot + k) % n] for the k-th from here.

        NOBODY off the grid of the interval in force, and in slots that maintenance skips.
        """
        k = self.slots.beginning(self.rules.time_s(slot))
        if k == 0:
            return NOBODY
        number = self._witness(k)
        return ProducerKey(self.rules.name_of(number), self.witnesses[number].key)

    def draft(
        self, slot: int, watermark: Watermark | None, executed: Executed, voice: Voice | None = None
    ) -> BlockHeader:
        """Return the header an honest witness gives a child: its time is the slot's."""
        time_s = self.rules.time_s(slot)
        promised = self.witnesses[self._witness(self.slots.at(time_s))].promised
        words = said.spoken(voice, promised, self.id, self.rules.options)
        return self._header(slot, time_s, executed, words)

    def rebuild(self, header: Header, executed: Executed) -> BlockHeader:
        """Return the header of a child at that time, with what execution has to announce.

        The words are the witness' own.
        """
        assert isinstance(header, BlockHeader)
        slot = self.rules.slot_at(header.timestamp_s)
        return self._header(slot, header.timestamp_s, executed, header.words)

    def child(self, header: Header) -> WitnessState:
        """Return the state after a child with that header, in the order of graphene's apply_block.

        Raises:
            BlockRejected: time, slot, witness, words, undo history or what it announces break a
            rule.
        Source:
            bitshares-core libraries/chain/db_block.cpp, _apply_block; db_update.cpp.
        """
        assert isinstance(header, BlockHeader)
        assert header.previous == self.id
        num, rules = self.num + 1, self.rules
        k = self._slot_of(header)
        signer = self._witness(k)
        if header.witness != signer:
            raise BlockRejected(Reason.WRONG_PRODUCER, num)
        if num - self.lib_num >= rules.options.undo_limit:
            raise BlockRejected(Reason.UNDO_HISTORY, num)
        is_maintenance = self.next_maintenance_s <= header.timestamp_s
        random = self._random(header, signer)
        counted: Witnesses = self._counted(signer, k - 1, header.words)
        confirmed = [counted[number].last_confirmed for number in self.active]
        witnesses, active, parameters = counted, self.active, self.parameters
        if header.announced is not None:
            self._check_announced(header.announced, is_maintenance)
            witnesses = with_keys(counted, header.announced)
            active = header.announced.active or active
            parameters = header.announced.parameters or parameters
        turns, shuffled, is_shuffle = self._order(header, k, active, random)
        return WitnessState(
            rules=rules,
            num=num,
            id=b"",
            slot=header.slot,
            time_s=header.timestamp_s,
            aslot=self.aslot + k,
            parameters=parameters,
            witnesses=witnesses,
            active=active,
            shuffled=shuffled,
            turns=turns,
            random=random,
            shuffles=self.shuffles + is_shuffle,
            is_shuffle=is_shuffle,
            recent=slots_filled(self.recent, k - 1),
            lib_num=last_irreversible(self.lib_num, confirmed),
            next_maintenance_s=self.maintenance_after(header.timestamp_s, parameters),
            is_maintenance=is_maintenance,
            changed=self._last_change(parameters, k),
            signing_key=self.witnesses[signer].key,
            signing_digest=header.digest(),
        )

    def with_id(self, block_id: bytes) -> WitnessState:
        """Return this state of the signed block with that id."""
        return dataclasses.replace(self, id=block_id)

    def maintenance_after(self, time_s: int, parameters: Parameters) -> int:
        """Return the time of the maintenance after a child at time_s that puts these in force."""
        due_s, every_s = self.next_maintenance_s, parameters.maintenance_interval_s
        if due_s > time_s:
            return due_s
        if self.num == 0:
            return (time_s // every_s + 1) * every_s
        return due_s + ((time_s - due_s) // every_s + 1) * every_s

    def signer_at(self, time_s: int) -> str:
        """Return the name of who signs a child of that time, which is in a slot."""
        return self.rules.name_of(self._witness(self.slots.at(time_s)))

    @property
    def _skip(self) -> int:
        return self.parameters.maintenance_skip_slots if self.is_maintenance else 0

    def _witness(self, k: int) -> int:
        if self.turns is not None:
            return self.turns.at(k)
        return self.shuffled[(self.aslot + k) % len(self.shuffled)]

    def _slot_of(self, header: BlockHeader) -> int:
        """Which slot after this block the header is for, 1 or more."""
        num, options = self.num + 1, self.rules.options
        interval_s = self.parameters.block_interval_s
        if header.timestamp_s <= self.time_s:
            raise BlockRejected(Reason.SLOT_NOT_AFTER_PARENT, num)
        if options.strict_slot_alignment and header.timestamp_s % interval_s:
            raise BlockRejected(Reason.MISALIGNED_TIME, num)
        k = self.slots.at(header.timestamp_s)
        if k < 1:
            raise BlockRejected(Reason.EMPTY_SLOT, num)
        return k

    def _random(self, header: BlockHeader, signer: int) -> bytes:
        """The random number after a block whose words keep the rules."""
        promised = self.witnesses[signer].promised
        reason = said.broken(header.words, promised, self.rules.options)
        if reason is not None:
            raise BlockRejected(reason, self.num + 1)
        reveal = header.words.reveal
        return self.random if reveal is None else absorbed(self.random, reveal.previous_secret)

    def _order(
        self, header: BlockHeader, k: int, active: tuple[int, ...], random: bytes
    ) -> tuple[Turns | None, tuple[int, ...], bool]:
        """The turns, the order of the next slots, and whether a round ended.

        After a block in the k-th slot, with those active from then on.
        """
        if self.turns is not None:
            turns = self.turns.after(k, active, counter=self.aslot + k, random=random)
            return turns, turns.near, turns.emitted
        if (self.num + 1) % len(active) == 0:
            return None, shuffle(active, header.timestamp_s), True
        return None, self.shuffled, False

    def _counted(self, signer: int, missed: int, words: Words) -> dict[int, Witness]:
        """The witnesses after a block by signer and the empty slots before it.

        A gap of a whole round or more blames nobody, and none blames who ends it.
        """
        found = dict(self.witnesses)
        for k in range(1, missed + 1) if missed < len(self.active) else ():
            number = self._witness(k)
            if number != signer:
                idle = found[number]
                found[number] = dataclasses.replace(idle, missed=idle.missed + 1)
        own, promised = found[signer], said.promise_of(words, self.id)
        found[signer] = Witness(own.key, self.num + 1, own.missed, promised, words.support)
        return found

    def _last_change(self, parameters: Parameters, k: int) -> BranchPoint:
        """Where the interval changed last after a child in the k-th slot, with parameters."""
        if parameters.block_interval_s == self.parameters.block_interval_s:
            return self.changed
        return BranchPoint(self.num + 1, self.aslot + k)

    def _check_announced(self, announced: Decided, is_maintenance: bool) -> None:
        allowed = may_announce(
            announced, active=self.active, scheduled=self.shuffled, witnesses=self.witnesses,
            parameters=self.parameters, rules=self.rules.parameters, count=len(self.rules.names),
            is_maintenance=is_maintenance,
        )  # fmt: skip
        if not allowed:
            raise BlockRejected(Reason.BAD_ANNOUNCEMENT, self.num + 1)

    def _header(self, slot: int, time_s: int, executed: Executed, words: Words) -> BlockHeader:
        announced = executed.announced
        assert announced is None or isinstance(announced, Decided)
        number = self._witness(self.slots.at(time_s))
        return BlockHeader(
            previous=self.id,
            timestamp_s=time_s,
            witness=number,
            transaction_mroot=executed.transaction_mroot,
            producer=self.rules.name_of(number),
            slot=slot,
            announced=announced,
            words=words,
        )


def genesis_state(rules: Rules) -> WitnessState:
    """Return the state before block 1, which is a maintenance block: witnesses in order of id."""
    first = dict(enumerate(rules.witnesses, start=FIRST_WITNESS))
    turns = first_turns(first) if rules.options.random.shuffle == "turns" else None
    return WitnessState(
        rules=rules,
        num=0,
        id=ZERO_ID,
        slot=rules.initial_slot,
        time_s=rules.genesis_s,
        aslot=0,
        parameters=rules.parameters,
        witnesses={number: Witness(witness.key) for number, witness in first.items()},
        active=tuple(first),
        shuffled=tuple(first) if turns is None else turns.near,
        turns=turns,
        random=bytes(SEED_BYTES),
        shuffles=0,
        is_shuffle=False,
        recent=ALL_FILLED,
        lib_num=0,
        next_maintenance_s=0,
        is_maintenance=False,
        changed=BranchPoint(0, 0),
        signing_key=b"",
        signing_digest=b"",
    )
