"""Who produces when: the shuffle of the witnesses and graphene's relative slots."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

Witness = TypeVar("Witness")

MULTIPLIER = 2_685_821_657_736_338_717
U64 = (1 << 64) - 1


def shuffle(witnesses: Sequence[Witness], head_time_s: int) -> tuple[Witness, ...]:
    """Return the order of the next round; witnesses: the active ones ascending by id.

    The only seed is the head block's time, so it can be known, and chosen by withholding a block.

    Source: bitshares-core libraries/chain/db_witness_schedule.cpp, update_witness_schedule.
    """
    order = list(witnesses)
    high = head_time_s << 32 & U64
    for i in range(len(order)):
        k = high + i * MULTIPLIER & U64
        k ^= k >> 12
        k ^= k << 25 & U64
        k ^= k >> 27
        k = k * MULTIPLIER & U64
        j = i + k % (len(order) - i)
        order[i], order[j] = order[j], order[i]
    return tuple(order)


@dataclass(frozen=True, slots=True)
class SlotCount:
    """Counts slots from the head block on: slot 1 is the next that may have a block.

    head_time_s: of the head block, or of genesis while there is none; skip: how many slots after
    the head do not count, because it was a maintenance block.

    Source: bitshares-core libraries/chain/db_witness_schedule.cpp, get_slot_time, get_slot_at_time.
    """

    head_time_s: int
    interval_s: int
    skip: int

    def time_s(self, k: int) -> int:
        """Return the time at which slot k begins; 0 for slot 0, which never comes."""
        if k == 0:
            return 0
        base = self.head_time_s // self.interval_s * self.interval_s
        return base + (k + self.skip) * self.interval_s

    def beginning(self, time_s: int) -> int:
        """Return the slot that begins at that time, 0 where none does."""
        intervals, rest = divmod(time_s, self.interval_s)
        k = intervals - self.head_time_s // self.interval_s - self.skip
        return 0 if rest or k < 1 else k

    def at(self, time_s: int) -> int:
        """Return the slot that has begun last by then, 0 before slot 1."""
        first_s = self.time_s(1)
        return 0 if time_s < first_s else (time_s - first_s) // self.interval_s + 1
