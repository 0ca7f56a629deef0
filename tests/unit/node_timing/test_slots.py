"""Which slots are told and which may be produced in, when the clock walks, jumps and goes back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from node.chain.model.slot import SlotClock
from node.timing.slots import PASSED_MAX, SlotWatch

CLOCK = SlotClock(500_000_000)
FIRST = 1_600_000_000


def at(slot: int, extra_ns: int = 0) -> int:
    return CLOCK.time_ns(slot) + extra_ns


def started(slot: int = FIRST) -> SlotWatch:
    watch = SlotWatch(CLOCK, FIRST)
    watch.first_due_ns(at(slot, -1))
    return watch


def test_before_the_genesis_slot_nothing_is_due() -> None:
    watch = SlotWatch(CLOCK, FIRST)
    assert watch.first_due_ns(at(FIRST - 100)) == at(FIRST)
    assert not watch.passed(at(FIRST - 1)).slots


def test_a_start_in_mid_chain_waits_for_the_next_slot() -> None:
    watch = SlotWatch(CLOCK, FIRST)
    assert watch.first_due_ns(at(FIRST + 50, 1)) == at(FIRST + 51)


def test_a_jump_forward_passes_every_slot_up_to_the_bound() -> None:
    watch = started()
    assert watch.passed(at(FIRST + 3)).untold == (FIRST, FIRST + 1, FIRST + 2, FIRST + 3)
    passed = watch.passed(at(FIRST + 50_000))
    assert len(passed.untold) == PASSED_MAX
    assert passed.slots[-1] == FIRST + 50_000


def test_after_a_jump_back_the_clocks_own_next_slot_is_waited_for_but_not_told_again() -> None:
    watch = started()
    watch.passed(at(FIRST + 10))
    assert watch.rearm_ns(at(FIRST + 10, 5)) is None
    assert watch.rearm_ns(at(FIRST + 4, 5)) == at(FIRST + 5)
    passed = watch.passed(at(FIRST + 5))
    assert list(passed.slots) == [FIRST + 5]
    assert passed.untold == ()
    assert watch.passed(at(FIRST + 11)).untold == (FIRST + 11,)


def test_a_jump_back_before_genesis_waits_for_the_first_slot() -> None:
    watch = started()
    watch.passed(at(FIRST + 10))
    assert watch.rearm_ns(at(FIRST - 500)) == at(FIRST)


@given(st.lists(st.integers(-3, 3), max_size=60))
def test_within_small_jumps_no_slot_is_missed_or_told_twice(steps: list[int]) -> None:
    watch, slot, told, newest = started(), FIRST, [], FIRST - 1
    for step in steps:
        slot = max(FIRST, slot + step)
        watch.rearm_ns(at(slot, -1))
        told += watch.passed(at(slot)).untold
        assert watch.next_due_ns() == at(slot + 1)
        newest = max(newest, slot)
        assert told == list(range(FIRST, newest + 1))
