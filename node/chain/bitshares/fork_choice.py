"""Which of two branches a BitShares node follows: the longest, or the best attended (option)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from node.chain.bitshares.witness_schedule import SlotCount

ForkChoice = Literal["longest", "participation", "literal_s0"]


@dataclass(frozen=True, slots=True)
class BranchPoint:
    """A place on a branch: the block's number, and the slots up to it without skipped ones."""

    num: int
    aslot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchEnd:
    """The end of a branch. slots counts on from it; changed: where its interval changed last."""

    num: int
    time_s: int
    aslot: int
    slots: SlotCount
    changed: BranchPoint

    @property
    def mark(self) -> BranchPoint:
        """Return this block as a place."""
        return BranchPoint(self.num, self.aslot)


def prefers(
    choice: ForkChoice, new: BranchEnd, head: BranchEnd, ancestor: Callable[[], BranchEnd]
) -> bool:
    """Return whether new must become the head; on a tie the first seen stays.

    longest: graphene. participation: the document's rule, one window for both branches: from the
    ancestor if either changed the interval after it, else from the last change before it.
    literal_s0: each branch from its own last change, so one block after a change scores 100 %.

    Source: bitshares-core libraries/db/fork_database.cpp; the others are the document's text.
    """
    match choice:
        case "longest":
            return new.num > head.num
        case "participation":
            start = _common_start(new, head, ancestor())
            return _better_attended(new, start, head, start)
        case "literal_s0":
            return _better_attended(new, new.changed, head, head.changed)


def _common_start(new: BranchEnd, head: BranchEnd, ancestor: BranchEnd) -> BranchPoint:
    if max(new.changed.num, head.changed.num) > ancestor.num:
        return ancestor.mark
    return ancestor.changed


def _better_attended(
    new: BranchEnd, new_start: BranchPoint, head: BranchEnd, head_start: BranchPoint
) -> bool:
    """Compare blocks by slots up to the later tip's time; then blocks."""
    end_s = max(new.time_s, head.time_s)
    score = (new.num - new_start.num) * _slots(head, head_start, end_s)
    rival = (head.num - head_start.num) * _slots(new, new_start, end_s)
    return score > rival if score != rival else new.num > head.num


def _slots(tip: BranchEnd, start: BranchPoint, end_s: int) -> int:
    """Slots of a branch from start until end_s, those that maintenance skips left out."""
    return tip.aslot - start.aslot + tip.slots.at(end_s)
