"""The header transition against a second implementation: equal values, equal refusals."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from node.chain.eosio.finality import Tally, genesis_tally, next_tally
from node.chain.eosio.schedule_change import with_pending
from node.chain.model.errors import BlockRejected
from tests.unit.node_eosio import second_header_state as second
from tests.unit.node_eosio.rounds import named, schedule

POOL = 9
STEP = st.tuples(
    st.one_of(st.just(1), st.integers(0, 40)),
    st.one_of(st.just("honest"), st.integers(0, 60)),
    st.one_of(st.none(), st.tuples(st.frozensets(st.integers(0, POOL), max_size=POOL),
                                   st.sampled_from([1, 1, 1, 1, 1, 0, 2]))),
)  # fmt: skip


def same(tally: Tally, other: second.Second) -> None:
    """Check every field."""
    pending = tally.pending
    assert (tally.num, tally.slot, tally.promoted) == (other.num, other.slot, other.promoted)
    assert (tally.proposed_irb, tally.lib_num) == (other.proposed, other.lib)
    assert (list(tally.active.names), tally.active.version) == (other.active, other.version)
    assert dict(tally.last_produced) == other.newest_of
    assert dict(tally.last_implied_irb) == other.implied_by
    assert list(tally.confirm_counts) == other.remaining()
    assert pending.lib_num == other.waiting_num
    waiting = None if pending.schedule is None else list(pending.schedule.names)
    assert waiting == other.waiting


def both(
    tally: Tally, other: second.Second, slot: int, confirmed: int
) -> tuple[Tally, second.Second] | None:
    """Return both children, None when both refuse for the same reason."""
    reason = reason2 = ""
    try:
        child = next_tally(tally, slot, confirmed)
    except BlockRejected as error:
        reason = str(error.reason)
    try:
        child2 = second.apply(other, slot, confirmed)
    except second.Refused as error:
        reason2 = str(error)
    assert reason == reason2
    return None if reason else (child, child2)


def both_announce(
    tally: Tally, other: second.Second, names: list[str], version: int
) -> tuple[Tally, second.Second]:
    """Return both children carrying the schedule, or both without it when both refuse."""
    reason = reason2 = ""
    carrying, carrying2 = tally, other
    try:
        carrying = with_pending(tally, schedule(*names, version=version))
    except BlockRejected as error:
        reason = str(error.reason)
    try:
        carrying2 = second.announce(other, names, version)
    except second.Refused as error:
        reason2 = str(error)
    assert reason == reason2
    return carrying, carrying2


def honest(tally: Tally, slot: int) -> int:
    """Return the most a producer may confirm, without what is irreversible."""
    mark = tally.last_produced.get(tally.producer_for(slot).name)
    return 0 if mark is None else min(tally.num - mark, tally.num - tally.lib_num)


@settings(max_examples=150)
@given(st.integers(1, POOL), st.integers(1, 4), st.integers(0, 50), st.lists(STEP, max_size=120))
def test_the_transition_equals_the_second_implementation(
    count: int,
    turn: int,
    first_slot: int,
    steps: list[tuple[int, int | str, tuple[frozenset[int], int] | None]],
) -> None:
    names = [named(i) for i in range(count)]
    tally = genesis_tally(slot=first_slot, schedule=schedule(*names), blocks_per_turn=turn)
    other = second.first(slot=first_slot, names=names, turn=turn)
    for gap, wish, new in steps:
        slot = tally.slot + gap
        confirmed = honest(tally, slot) if isinstance(wish, str) else wish
        children = both(tally, other, slot, confirmed)
        if children is None:
            continue
        tally, other = children
        if new is not None:
            chosen, raise_by = new
            new_names = sorted(named(i) for i in chosen)
            tally, other = both_announce(tally, other, new_names, tally.active.version + raise_by)
        same(tally, other)


@settings(max_examples=40)
@given(
    st.integers(2, 7),
    st.integers(1, 3),
    st.lists(st.tuples(st.integers(1, 30), st.frozensets(st.integers(0, 6), max_size=4)),
             max_size=12),
    st.frozensets(st.integers(0, 6), min_size=1),
)  # fmt: skip
def test_honest_rounds_with_silences_and_a_change_equal_the_second_implementation(
    count: int, turn: int, stretches: list[tuple[int, frozenset[int]]], successors: frozenset[int]
) -> None:
    names = [named(i) for i in range(count)]
    slot = 1000 * count * turn
    tally = genesis_tally(slot=slot, schedule=schedule(*names), blocks_per_turn=turn)
    other = second.first(slot=slot, names=names, turn=turn)
    for length, silent in [(4 * count * turn, frozenset[int]()), *stretches]:
        for _ in range(length):
            slot += 1
            if tally.producer_for(slot).name in {named(i) for i in silent}:
                continue
            children = both(tally, other, slot, honest(tally, slot))
            assert children is not None
            tally, other = children
            same(tally, other)
        if tally.pending.schedule is None and not tally.promoted:
            new_names = sorted(named(i) for i in successors)
            tally, other = both_announce(tally, other, new_names, tally.active.version + 1)


def test_a_stall_longer_than_the_window_equals_the_second_implementation() -> None:
    names = [named(i) for i in range(3)]
    tally = genesis_tally(slot=599, schedule=schedule(*names), blocks_per_turn=2)
    other = second.first(slot=599, names=names, turn=2)
    for slot in range(600, 600 + 4300):
        stalled = 700 <= slot < 4700
        if stalled and tally.producer_for(slot).name != "pa":
            continue
        children = both(tally, other, slot, honest(tally, slot))
        assert children is not None
        tally, other = children
    same(tally, other)
    assert tally.lib_num > 1100
