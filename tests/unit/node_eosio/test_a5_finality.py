"""The irreversible number: each sentence of the rule is a test."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.chain.eosio.finality import PendingSchedule, Tally, next_tally
from node.chain.eosio.schedule_change import with_pending
from node.chain.model.errors import BlockRejected, Reason
from node.chain.model.schedule import ProducerSchedule
from tests.unit.node_eosio.rounds import Run, named, quorum, schedule, silent


def settled(count: int = 4, blocks_per_turn: int = 2) -> Tally:
    """Return a head after five rounds; the next slot is the first producer's."""
    run = Run(count, blocks_per_turn)
    run.rounds(5)
    return run.tally


def test_lib_is_the_greatest_number_a_quorum_of_the_tracked_has_implied() -> None:
    implied = {"pa": 1, "pb": 30, "pc": 20, "pd": 10}
    parent = dataclasses.replace(settled(), last_implied_irb=implied, proposed_irb=25)
    # pa signs and is brought up to 25: of 30, 25, 20, 10 three are at 20 or above.
    assert next_tally(parent, parent.slot + 1, 0).lib_num == 20


def test_the_signers_vote_is_the_parents_proposed_not_the_one_just_computed() -> None:
    parent = dataclasses.replace(settled(), confirm_counts=b"\x01", last_produced={})
    child = next_tally(parent, parent.slot + 1, 1)
    assert child.proposed_irb == parent.num
    assert child.last_implied_irb["pa"] == parent.proposed_irb < child.proposed_irb
    assert next_tally(child, child.slot + 1, 0).last_implied_irb["pa"] == child.proposed_irb


def test_a_producer_that_is_not_in_the_map_is_not_counted() -> None:
    parent = dataclasses.replace(settled(), last_implied_irb={"pb": 30}, proposed_irb=25)
    child = next_tally(parent, parent.slot + 1, 0)
    assert child.lib_num == 30, "one entry, one vote"
    assert child.last_implied_irb == {"pb": 30, "pa": 25}
    empty = dataclasses.replace(settled(), last_implied_irb={})
    assert next_tally(empty, empty.slot + 1, 0).lib_num == 0


def test_without_the_promotion_at_block_2_the_first_round_counts_with_a_smaller_quorum() -> None:
    run = Run(4, 1)
    run.tally = dataclasses.replace(
        run.tally, pending=PendingSchedule(0, run.tally.pending.digest, None)
    )
    run.slots(2)
    assert len(run.tally.last_implied_irb) == 2
    kept = Run(4, 1)
    kept.slots(2)
    assert len(kept.tally.last_implied_irb) == 4


@pytest.mark.parametrize("blocks_per_turn", [1, 2, 3, 12])
def test_the_delayed_vote_costs_one_block_in_the_same_turn(blocks_per_turn: int) -> None:
    run = Run(21, blocks_per_turn)
    run.rounds(5)
    for tally in run.history[-50 * blocks_per_turn :]:
        own = tally.last_implied_irb[tally.producer_for(tally.slot).name]
        first_of_turn = tally.slot % blocks_per_turn == 0
        assert (own < tally.proposed_irb) is first_of_turn


def test_a_promotion_rebuilds_both_maps_over_the_new_schedule() -> None:
    parent = settled()
    new = schedule("pa", "pc", "pz", version=1)
    parent = dataclasses.replace(parent, pending=PendingSchedule(parent.lib_num, b"hash", new))
    child = next_tally(parent, parent.slot + 1, 0)
    assert child.promoted
    assert child.active == new
    assert child.last_produced == {
        "pa": child.num,
        "pc": parent.last_produced["pc"],
        "pz": child.lib_num,
    }
    assert child.last_implied_irb == {
        "pa": parent.proposed_irb,
        "pc": parent.last_implied_irb["pc"],
        "pz": child.lib_num,
    }


def test_a_signer_that_left_stays_in_one_map_and_not_in_the_other() -> None:
    parent = settled()
    new = schedule("pb", "pc", version=1)
    parent = dataclasses.replace(parent, pending=PendingSchedule(parent.lib_num, b"hash", new))
    child = next_tally(parent, parent.slot + 1, 0)  # signed by pa
    assert child.last_produced["pa"] == child.num
    assert set(child.last_implied_irb) == {"pb", "pc"}


def test_a_promotion_waits_until_the_announcing_block_is_irreversible() -> None:
    parent = settled()
    new = schedule("pa", version=1)
    for over, promoted in ((0, True), (1, False)):
        lib_num = next_tally(parent, parent.slot + 1, 0).lib_num
        waiting = dataclasses.replace(parent, pending=PendingSchedule(lib_num + over, b"", new))
        assert next_tally(waiting, parent.slot + 1, 0).promoted is promoted


def test_after_a_promotion_the_pending_schedule_is_empty_and_its_hash_is_kept() -> None:
    parent = settled()
    pending = PendingSchedule(parent.lib_num, b"hash", schedule("pa", version=1))
    parent = dataclasses.replace(parent, pending=pending)
    child = next_tally(parent, parent.slot + 1, 0)
    assert child.pending == PendingSchedule(pending.lib_num, b"hash", None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"promoted": True}, "a block that promoted carries none"),
        ({"pending": PendingSchedule(3, b"", schedule("pa", version=1))}, "one is pending"),
    ],
)
def test_new_producers_are_refused_out_of_turn(change: dict[str, object], reason: str) -> None:
    child = next_tally(settled(), settled().slot + 1, 0)
    refusing = dataclasses.replace(child, **change)  # type: ignore[arg-type]
    with pytest.raises(BlockRejected) as caught:
        with_pending(refusing, schedule("pa", version=1))
    assert caught.value.reason == Reason.BAD_NEW_PRODUCERS, reason


@pytest.mark.parametrize(
    "bad",
    [
        *(schedule("pa", version=version) for version in (0, 2, 7)),
        schedule(version=1),
        schedule("pb", "pa", version=1),
    ],
    ids=["version 0", "version 2", "version 7", "nobody", "out of order"],
)
def test_new_producers_must_be_in_order_and_have_the_next_version(bad: ProducerSchedule) -> None:
    child = next_tally(settled(), settled().slot + 1, 0)
    with pytest.raises(BlockRejected) as caught:
        with_pending(child, bad)
    assert caught.value.reason == Reason.BAD_NEW_PRODUCERS
    assert with_pending(child, schedule("pa", version=1)).pending.lib_num == child.num


@given(
    st.integers(1, 7),
    st.integers(1, 4),
    st.lists(st.lists(st.integers(0, 6), max_size=3), max_size=40),
)
def test_lib_never_decreases_and_never_passes_the_proposed_while_the_schedule_is_unchanged(
    count: int, blocks_per_turn: int, silences: list[list[int]]
) -> None:
    run = Run(count, blocks_per_turn)
    for silence in silences:
        run.slots(blocks_per_turn, silent(*silence))
    for before, after in itertools.pairwise(run.history):
        assert before.lib_num <= after.lib_num <= after.proposed_irb <= after.num


@pytest.mark.parametrize(
    ("count", "dead", "kept"),
    [(4, (0,), (0, 1)), (7, (0, 1), (0, 1, 2))],
    ids=["4 to 2 with one dead kept", "7 to 3 with two dead kept"],
)
def test_lib_can_go_down_when_a_smaller_schedule_keeps_the_dead(
    count: int, dead: tuple[int, ...], kept: tuple[int, ...]
) -> None:
    run = Run(count, 2)
    run.rounds(5)
    out = silent(*dead)
    run.rounds(2, out)
    run.propose(schedule(*(named(i) for i in kept), version=1))
    before = run.until_active(1, out)
    run.slots(4 * len(kept), out)
    assert min(t.lib_num for t in run.history[before.num :]) < before.lib_num


@pytest.mark.parametrize("blocks_per_turn", [2, 12])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 10, 21])
def test_finality_goes_on_at_exactly_n_minus_q_silent_and_stops_above(
    count: int, blocks_per_turn: int
) -> None:
    limit = count - quorum(count)
    steady = Run(count, blocks_per_turn)
    steady.rounds(4)
    for dead in range(min(limit + 2, count)):
        run = steady.fork()
        out = silent(*range(dead))
        run.rounds(4, out)  # what was confirmed before may still finish blocks
        reached = run.tally.lib_num
        run.rounds(3, out)
        assert (run.tally.lib_num > reached) is (dead <= limit), f"{dead} of {count} silent"
        if dead <= limit and count > 1:
            lag = run.tally.num - run.tally.lib_num
            assert lag <= 2 * (quorum(count) - 1) * blocks_per_turn, "the lag in blocks stays"
