"""How another schedule comes into force: announced when its proposal is final, pending until then.

A header carries it as new_producers; `next_tally` makes it active when that block is final.
"""

import dataclasses

from node.chain.eosio.finality import PendingSchedule, Tally, last_irreversible
from node.chain.model.errors import BlockRejected, Reason
from node.chain.model.schedule import ProducerSchedule, Proposal


def due_schedule(parent: Tally, slot: int, proposal: Proposal) -> ProducerSchedule | None:
    """Return the schedule a child in slot must carry as new_producers, None when it is not due.

    Due in the first block whose own irreversible number reaches the proposing block's, unless the
    parent's pending schedule still waits.

    Source: eosio libraries/chain/controller.cpp, start_block.
    """
    if parent.pending.schedule is not None:
        return None
    lib_num = last_irreversible(parent, parent.producer_for(slot).name)
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
