"""Which slots have passed on the node's clock, each told once, also when the clock jumps.

No clock in here: the time is an argument. A jump forward passes many slots at once (only the newest
may still be produced in); after a jump back the clock's own next slot is waited for.
"""

from collections.abc import Container, Iterator

import msgspec

from node.chain.chain import Chain
from node.chain.model.slot import SlotClock
from node.events import Abstained, SlotDue

PASSED_MAX = 1_000
"""So many slots are told after a jump; older ones are not."""


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """Slots whose time has come since the last wake, oldest first; untold: not told before."""

    slots: range
    untold: tuple[int, ...]


class SlotWatch:
    """Remembers the slot waited for and the slots told so far."""

    def __init__(self, clock: SlotClock, first_slot: int) -> None:
        self._clock = clock
        self._first_slot = first_slot
        self._next_slot = first_slot
        self._told = range(0)

    def first_due_ns(self, now_ns: int) -> int:
        """Return the time of the first slot after now_ns: what was before is not ours to tell."""
        self._next_slot = max(self._clock.woken_at(now_ns) + 1, self._first_slot)
        return self.next_due_ns()

    def next_due_ns(self) -> int:
        """Return the time at which the slot waited for is due."""
        return self._clock.wake_ns(self._next_slot)

    def rearm_ns(self, now_ns: int) -> int | None:
        """Return the time to wake at instead, if the clock went back before the last slot."""
        next_slot = max(self._clock.woken_at(now_ns) + 1, self._first_slot)
        if next_slot >= self._next_slot:
            return None
        self._next_slot = next_slot
        return self.next_due_ns()

    def passed(self, now_ns: int) -> Passed:
        """Return the slots from the one waited for up to now, and wait for the next one."""
        current = self._clock.woken_at(now_ns)
        slots = range(max(self._next_slot, current - PASSED_MAX + 1), current + 1)
        if not slots:
            return Passed(slots=slots, untold=())
        self._next_slot = current + 1
        if slots.start == self._told.stop:
            # As nearly always: the slots after those told.
            self._told = range(self._told.start, slots.stop)
            return Passed(slots=slots, untold=tuple(slots))
        untold = tuple([slot for slot in slots if slot not in self._told])
        if not self._told or slots.start > self._told.stop or slots.stop < self._told.start:
            self._told = slots
        else:
            start = min(self._told.start, slots.start)
            self._told = range(start, max(self._told.stop, slots.stop))
        return Passed(slots=slots, untold=untold)


def due_events(
    chain: Chain, passed: Passed, now_ns: int, own: Container[str]
) -> Iterator[SlotDue | Abstained]:
    """Yield what a node tells of slots not told yet: all, and its own that it woke too late for.

    own: the producers it signs for.
    """
    head, lib, clock = chain.head, chain.lib, chain.slot_clock
    for slot in passed.untold:
        producer = chain.producer_for(slot)
        yield SlotDue(
            slot=slot, producer=producer, due_ns=clock.time_ns(slot),
            wake_error_ns=now_ns - clock.wake_ns(slot), head_num=head.num, lib_num=lib.num,
        )  # fmt: skip
        if slot != passed.slots[-1] and producer in own:
            yield Abstained(slot=slot, producer=producer, reason="overslept")
