"""When a block is finished: the table of three implementations, and the slot clock that obeys."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.chain.eosio import timing as habits
from node.chain.model.slot import EPOCH_NS, SlotClock
from node.chain.model.windows import Timing, Windows
from node.chain.profiles import build
from node.timing.slots import SlotWatch
from tests.unit.node_chain.builders import make_genesis

MS = 1_000_000
SLOT_NS = 500 * MS
TIMINGS: tuple[Timing, ...] = ("fio", "eosio2", "leap")


def early_ns(timing: Timing, slot_ns: int, blocks_per_turn: int) -> tuple[int, ...]:
    """Return how early blocks are by upstream's own windows."""
    last_ns = Windows.of(timing, slot_ns).last_block_ns
    return habits.early_ns(timing, slot_ns, blocks_per_turn, last_ns)


def test_fio_finishes_each_block_at_its_time() -> None:
    assert set(early_ns("fio", SLOT_NS, 12)) == {0}


def test_eosio_2_finishes_100_ms_before_and_the_last_of_a_turn_200_ms() -> None:
    assert early_ns("eosio2", SLOT_NS, 12) == (100 * MS,) * 11 + (200 * MS,)


def test_leap_spends_462_5_ms_a_block_from_the_turns_start_and_ends_450_ms_early() -> None:
    early = early_ns("leap", SLOT_NS, 12)
    turn_start_ns = -SLOT_NS  # relative to the time of the turn's first slot
    finished = [i * SLOT_NS - early[i] for i in range(12)]
    assert [at - turn_start_ns for at in finished] == [(i + 1) * 462_500_000 for i in range(12)]
    assert early[-1] == 450 * MS


@pytest.mark.parametrize("timing", TIMINGS)
@pytest.mark.parametrize("slot_ns", [100 * MS, SLOT_NS, 1000 * MS])
@pytest.mark.parametrize("blocks_per_turn", [1, 2, 12])
def test_blocks_are_finished_in_order_and_inside_their_slot(
    timing: Timing, slot_ns: int, blocks_per_turn: int
) -> None:
    clock = SlotClock(slot_ns, early_ns(timing, slot_ns, blocks_per_turn))
    wakes = [clock.wake_ns(slot) for slot in range(1000, 1040)]
    assert all(a < b for a, b in itertools.pairwise(wakes))
    for slot, wake_ns in enumerate(wakes, start=1000):
        assert clock.time_ns(slot - 1) < wake_ns <= clock.time_ns(slot)


@given(st.sampled_from(TIMINGS), st.integers(1, 12), st.integers(0, 10**12))
def test_the_slot_woken_at_a_moment_is_the_newest_whose_wake_has_come(
    timing: Timing, blocks_per_turn: int, since_ns: int
) -> None:
    clock = SlotClock(SLOT_NS, early_ns(timing, SLOT_NS, blocks_per_turn))
    slot = clock.woken_at(EPOCH_NS + since_ns)
    assert clock.wake_ns(slot) <= EPOCH_NS + since_ns < clock.wake_ns(slot + 1)


@pytest.mark.parametrize("timing", TIMINGS)
def test_the_watch_wakes_the_node_when_the_profile_says(timing: Timing) -> None:
    genesis = make_genesis(4, 12, timing=timing)
    clock = build(genesis).clock
    watch = SlotWatch(clock, genesis.initial_slot + 1)
    due_ns = watch.first_due_ns(clock.time_ns(genesis.initial_slot))
    for slot in range(genesis.initial_slot + 1, genesis.initial_slot + 30):
        assert due_ns == clock.wake_ns(slot)
        assert not watch.passed(due_ns - 1).slots
        assert list(watch.passed(due_ns).slots) == [slot]
        due_ns = watch.next_due_ns()


def test_an_early_of_a_slot_or_more_is_refused() -> None:
    for bad in (SLOT_NS, -1):
        with pytest.raises(ValueError, match="early_ns"):
            SlotClock(SLOT_NS, (0, bad))
