"""EOSIO/FIO's finality: two stages of confirmations, counted from block to block.

`next_tally` is the rule itself: pure, without headers or signatures, so that it can be simulated by
itself. `header_state` binds it to headers, ids and the signature digest.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from node.chain.model.errors import BlockRejected, Reason
from node.chain.model.schedule import ProducerKey, ProducerSchedule
from node.chain.model.slot import producer_index
from node.chain.model.watermark import Watermark
from node.chain.profile import Finality

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
        BlockRejected: the slot is not after the parent's, or the producer confirms a block twice or
            more blocks than there are, which upstream's arithmetic of 32 bits lets pass.
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
    lib_num = last_irreversible(parent, producer)
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


def last_irreversible(parent: Tally, producer: str) -> int:
    """Return the number that enough producers imply in a child, its signer's entry brought up."""
    implied = [
        parent.proposed_irb if name == producer else num
        for name, num in parent.last_implied_irb.items()
    ]
    if not implied:
        return 0
    implied.sort()
    return implied[(len(implied) - 1) // 3]


def blocks_to_confirm(head_num: int, lib_num: int, watermark: Watermark | None) -> int:
    """Return the `confirmed` a correct producer writes.

    Everything above its watermark, nothing irreversible. Without a watermark nothing is confirmed:
    the producer cannot know what it signed before.

    Source: eosio libraries/chain/controller.cpp and plugins/producer_plugin, start_block.
    """
    if watermark is None or watermark.num >= head_num:
        return 0
    return min(MAX_CONFIRMED, head_num - watermark.num, head_num - lib_num)


def quorum(producers: int) -> int:
    """Return how many of the producers must confirm a block: 15 of 21, 3 of 4."""
    return producers * 2 // 3 + 1


def expected(producers: int, blocks_per_turn: int) -> Finality:
    """Return what finality takes of producers that all produce, with turns of so many blocks.

    A block is final 2(Q-1)r - i blocks later, at position i of its turn of r; one producer alone
    needs 1. With r = 1 a block's own pre-commit waits for its producer's next turn: one block more.
    With turns so long that their last block loses its counter before a quorum, nothing is final.

    Source: PROTOCOL A.13.
    """
    needed = quorum(producers)
    most = 2 * (needed - 1) * blocks_per_turn + (blocks_per_turn == 1)
    lag = (1, 1) if producers == 1 else (most - (blocks_per_turn - 1), most)
    never = ""
    if (needed - 2) * blocks_per_turn + 1 >= MAX_CONFIRM_COUNTS:
        never = f"nodes count confirmations of {MAX_CONFIRM_COUNTS} blocks only"
    return Finality(stages=2, quorum=needed, lag_blocks=lag, never=never)


def _count_confirmations(parent: Tally, num: int, confirmed: int) -> tuple[bytes, int]:
    """The counters after the child, and the proposed irreversible block number they give."""
    counts = bytearray(parent.confirm_counts)
    counts.append(quorum(len(parent.active.producers)))
    if len(counts) > MAX_CONFIRM_COUNTS:
        del counts[0]
    newest = len(counts) - 1
    for i in range(newest, max(newest - confirmed, 0) - 1, -1):
        counts[i] -= 1
        if counts[i] == 0:
            return bytes(counts[i + 1 :]), num - (newest - i)
    return bytes(counts), parent.proposed_irb
