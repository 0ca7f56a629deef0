"""Header state and its transition: each sentence of the rule is a test."""

from __future__ import annotations

import dataclasses

import pytest

from node.chain.eosio.finality import Tally, next_tally
from node.chain.eosio.schedule_change import with_pending
from node.chain.model.errors import BlockRejected, Reason
from tests.unit.node_eosio.rounds import Run, counted, named, quorum, schedule, silent, start


def refused(parent: Tally, slot: int, confirmed: int) -> str:
    """Return the reason a child is refused for."""
    with pytest.raises(BlockRejected) as caught:
        next_tally(parent, slot, confirmed)
    return caught.value.reason


def at_turn_start(count: int = 4, blocks_per_turn: int = 2, rounds: int = 5) -> Run:
    """Return a run whose next slot is the first of a round."""
    run = Run(count, blocks_per_turn)
    run.rounds(rounds)
    return run


def test_genesis_has_number_1_nothing_proposed_nothing_final_empty_maps_and_counters() -> None:
    genesis = start(4, 2)
    assert (genesis.num, genesis.proposed_irb, genesis.lib_num) == (1, 0, 0)
    assert not genesis.last_produced
    assert not genesis.last_implied_irb
    assert genesis.confirm_counts == b""
    assert genesis.active == genesis.pending.schedule == counted(4)
    assert genesis.pending.lib_num == 0


def test_block_2_promotes_the_genesis_schedule_to_itself_so_that_the_maps_hold_everybody() -> None:
    child = next_tally(start(4, 2), start(4, 2).slot + 1, 0)
    assert child.promoted
    assert child.active == counted(4)
    assert child.last_produced == {"pa": 2, "pb": 0, "pc": 0, "pd": 0}
    assert child.last_implied_irb == {"pa": 0, "pb": 0, "pc": 0, "pd": 0}


@pytest.mark.parametrize("step", [0, -1, -8])
def test_the_slot_must_be_after_the_parents(step: int) -> None:
    run = at_turn_start()
    assert refused(run.tally, run.tally.slot + step, 0) == Reason.SLOT_NOT_AFTER_PARENT


def test_the_producer_is_that_of_the_absolute_slot_in_the_parents_active_schedule() -> None:
    run = at_turn_start()
    for slot in range(run.next_slot, run.next_slot + 16):
        assert run.tally.producer_for(slot).name == named(slot % 8 // 2)
        assert next_tally(run.tally, slot, 0).last_produced[named(slot % 8 // 2)] == (
            run.tally.num + 1
        )


def test_a_producer_may_not_confirm_its_own_last_block_again_nor_below_it() -> None:
    run = at_turn_start()
    last = run.tally.last_produced["pa"]
    span = run.tally.num - last  # blocks after its last one
    assert next_tally(run.tally, run.next_slot, span).last_produced["pa"] == run.tally.num + 1
    for confirmed in (span + 1, span + 2):
        assert refused(run.tally, run.next_slot, confirmed) == Reason.DOUBLE_CONFIRM


def test_the_double_confirm_rule_looks_at_this_branch_only() -> None:
    run = at_turn_start()
    left, right = run.fork(), run.fork()
    left.slots(2)
    right.slots(2, silent(0))
    right.slots(6)
    # pa signed two blocks on the left; on the right it confirms across the same numbers.
    confirmed = right.tally.num - right.tally.last_produced["pa"]
    child = next_tally(right.tally, right.next_slot, confirmed)
    assert child.last_produced["pa"] > left.tally.num


def test_confirming_beyond_the_chains_start_is_refused_where_upstream_wraps() -> None:
    genesis = start(4, 2)
    for confirmed in (2, 3, 65_535):
        assert refused(genesis, genesis.slot + 1, confirmed) == Reason.CONFIRMED_TOO_LARGE
    assert next_tally(genesis, genesis.slot + 1, 1).num == 2


@pytest.mark.parametrize("count", range(1, 22))
def test_a_block_requires_two_thirds_of_the_schedule_that_signs_it_plus_one(count: int) -> None:
    genesis = start(count, 2)
    child = next_tally(genesis, genesis.slot + 1, 0)
    left = child.confirm_counts[-1] if child.confirm_counts else 0
    assert left == quorum(count) - 1, "it confirms itself at once"


def test_the_required_number_stays_that_of_the_schedule_that_signed() -> None:
    run = Run(7, 2)
    run.rounds(4)
    run.propose(counted(3, version=1))
    head = run.until_active(1)
    child = next_tally(head, run.next_slot, 0)
    assert child.confirm_counts == head.confirm_counts + bytes((quorum(3) - 1,))
    assert max(head.confirm_counts) > quorum(3)


def test_at_most_1024_counters_are_kept_and_the_oldest_are_dropped() -> None:
    run = Run(3, 2)
    run.rounds(4)
    run.rounds(600, silent(1, 2))
    assert len(run.tally.confirm_counts) == 1024
    before = run.tally
    run.slots(1)
    if run.tally.num > before.num:
        assert len(run.tally.confirm_counts) == 1024


def test_after_a_long_stall_finality_of_a_later_block_covers_the_dropped_ones() -> None:
    run = Run(3, 2)
    run.rounds(4)
    frozen = run.tally.lib_num
    run.rounds(600, silent(1, 2))
    stalled = run.tally.num
    assert run.tally.lib_num - frozen < 12
    run.rounds(6)
    assert run.tally.lib_num > stalled


def test_a_normal_run_needs_no_more_counters_than_quorum_turns() -> None:
    for count, turn in ((4, 2), (7, 3), (21, 12)):
        run = Run(count, turn)
        run.rounds(5)
        steady = run.history[3 * count * turn :]
        assert max(len(t.confirm_counts) for t in steady) <= quorum(count) * turn


def test_a_block_whose_counter_reaches_zero_is_proposed_and_all_older_counters_go() -> None:
    parent = dataclasses.replace(
        at_turn_start().tally, confirm_counts=bytes((2, 2, 1, 2)), last_produced={}
    )
    child = next_tally(parent, parent.slot + 1, 2)
    # The child's own counter (3) and the newest (2) go down; the next reaches zero.
    assert child.proposed_irb == parent.num - 1
    assert child.confirm_counts == bytes((1, 2))


def test_older_counters_are_not_decremented_beyond_one_that_reaches_zero() -> None:
    parent = dataclasses.replace(
        at_turn_start().tally, confirm_counts=bytes((1, 1, 1)), last_produced={}
    )
    child = next_tally(parent, parent.slot + 1, 30)
    assert child.proposed_irb == parent.num
    assert child.confirm_counts == bytes((2,))


def test_a_too_large_confirmed_is_harmless_beyond_the_counters() -> None:
    parent = dataclasses.replace(at_turn_start().tally, confirm_counts=b"\x03", last_produced={})
    assert next_tally(parent, parent.slot + 1, 30).confirm_counts == bytes((2, 2))


def test_a_header_confirms_exactly_that_many_before_itself() -> None:
    parent = dataclasses.replace(
        at_turn_start().tally, confirm_counts=bytes((3, 3, 3, 3)), last_produced={}
    )
    for confirmed in range(5):
        counts = next_tally(parent, parent.slot + 1, confirmed).confirm_counts
        assert counts == bytes([3] * (4 - confirmed) + [2] * (confirmed + 1))


def test_a_pending_schedule_is_neither_lost_nor_touched_while_it_waits() -> None:
    run = at_turn_start()
    child = with_pending(next_tally(run.tally, run.next_slot, 0), schedule("pa", version=1))
    for slot in range(run.next_slot + 1, run.next_slot + 4):
        before, child = child, next_tally(child, slot, 0)
        assert child.pending == before.pending
        assert not child.promoted
