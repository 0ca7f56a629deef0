"""EOSIO/FIO header state: what a block's header and its parent's state make of it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from node.chain.encoding.merkle import Frontier
from node.chain.eosio.finality import Tally, blocks_to_confirm, next_tally
from node.chain.eosio.header import BlockHeader, block_id
from node.chain.eosio.roots import action_mroot
from node.chain.eosio.schedule_change import with_pending
from node.chain.model.block import Header
from node.chain.model.errors import BlockRejected, Reason
from node.chain.model.schedule import ProducerKey, ProducerSchedule, built_on_by_half
from node.chain.model.voice import Voice
from node.chain.model.watermark import Watermark
from node.chain.profile import Executed
from node.events import Schedule


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
    def precommit_num(self) -> int:
        """Return the highest block that this branch has proposed to be irreversible."""
        return self.tally.proposed_irb

    @property
    def newest(self) -> tuple[int, ...]:
        """Return the newest block of each active producer; a newcomer's is what was irreversible.

        Source: eosio libraries/chain/block_header_state.cpp, producer_to_last_produced.
        """
        last = self.tally.last_produced
        return tuple([last.get(producer.name, 0) for producer in self.tally.active.producers])

    @property
    def fork_key(self) -> tuple[int, ...]:
        """Return (lib, num). proposed_irb plays no part: a pre-commit locks nobody."""
        return (self.tally.lib_num, self.tally.num)

    @property
    def safe_num(self) -> int:
        """Return the last block that half of the producers have built on."""
        return built_on_by_half(self.newest)

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
        active, proposed = self.tally.active, self.header.new_producers
        if proposed is None and not self.tally.promoted:
            return ()
        found: list[Schedule] = []
        if self.tally.promoted and active.version > self.header.schedule_version:
            found.append(_change("active", self.num, active))
        if proposed is not None:
            found.append(_change("pending", self.num, proposed))
        return tuple(found)

    def producer_for(self, slot: int) -> ProducerKey:
        """Return who may sign a child in slot."""
        return self.tally.producer_for(slot)

    def draft(
        self, slot: int, watermark: Watermark | None, executed: Executed, voice: Voice | None = None
    ) -> BlockHeader:
        """Return the header a correct producer with that watermark gives a child in slot."""
        confirmed = blocks_to_confirm(self.num, self.lib_num, watermark)
        return self._header(slot, confirmed, executed)

    def rebuild(self, header: Header, executed: Executed) -> BlockHeader:
        """Return the header execution gives a child; slot and confirmed are the signer's."""
        return self._header(header.slot, header.confirmed, executed)

    def child(self, header: Header) -> HeaderState:
        """Return the state after a child with that header; its signature is not checked here.

        Raises:
            BlockRejected: slot, producer, schedule version, confirmed, extensions or new_producers
            break a rule.
        """
        assert isinstance(header, BlockHeader)
        assert header.previous == self.id
        tally = next_tally(self.tally, header.slot, header.confirmed)
        scheduled = self.producer_for(header.slot)
        if header.producer != scheduled.name:
            raise BlockRejected(Reason.WRONG_PRODUCER, tally.num)
        if header.schedule_version != self.tally.active.version:
            raise BlockRejected(Reason.BAD_SCHEDULE_VERSION, tally.num)
        if header.extensions:
            raise BlockRejected(Reason.UNKNOWN_EXTENSION, tally.num)
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

    def _header(self, slot: int, confirmed: int, executed: Executed) -> BlockHeader:
        announced = executed.announced
        assert announced is None or isinstance(announced, ProducerSchedule)
        return BlockHeader(
            slot=slot,
            producer=self.producer_for(slot).name,
            confirmed=confirmed,
            previous=self.id,
            transaction_mroot=executed.transaction_mroot,
            action_mroot=action_mroot(self.id, slot, executed),
            schedule_version=self.tally.active.version,
            new_producers=announced,
        )


def _change(state: str, num: int, schedule: ProducerSchedule) -> Schedule:
    return Schedule(
        version=schedule.version,
        state="active" if state == "active" else "pending",
        num=num,
        producers=list(schedule.names),
    )
