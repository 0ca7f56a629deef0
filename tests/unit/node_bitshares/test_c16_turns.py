"""C.16 (b): turns and tokens, picked by random numbers."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from node.chain.bitshares.announcement import Decided
from node.chain.bitshares.order.stream import Stream
from node.chain.bitshares.order.turns import Turns, first_turns
from node.chain.model.bitshares_rules import RandomRules
from tests.unit.node_bitshares.second_turns import SecondTurns, bits, drawn
from tests.unit.node_bitshares.world import after, bitshares_profile

seeds = st.binary(min_size=20, max_size=20)


def grown(turns: Turns, active: tuple[int, ...], blocks: int, *, seed: int = 0) -> list[Turns]:
    """Return the schedules after each of so many blocks without an empty slot."""
    found = []
    for slots in range(1, blocks + 1):
        random = sha256(bytes((seed,)) + slots.to_bytes(4, "big")).digest()[:20]
        turns = turns.after(1, active, counter=slots, random=random)
        found.append(turns)
    return found


@given(seeds, st.integers(0, 2**64 - 1), st.lists(st.integers(0, 2**40), max_size=40))
def test_a_stream_is_the_bits_of_digests(seed: bytes, counter: int, bounds: list[int]) -> None:
    stream, by_the_book = Stream(seed, counter), bits(seed, counter)
    for bound in bounds:
        assert stream.below(bound) == drawn(by_the_book, bound)


@given(st.data())
def test_any_history_is_that_of_the_second_scheduler(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 9))
    active = list(range(1, count + 1))
    turns, second = first_turns(active), SecondTurns().start(active)
    slots = 0
    for _ in range(data.draw(st.integers(1, 25))):
        k = data.draw(st.one_of(st.integers(1, 3), st.integers(1, 4 * count + 3)))
        assert turns.at(k) == second.whose(k)
        if data.draw(st.integers(0, 4)) == 0:
            active = sorted(data.draw(st.sets(st.integers(1, 12), min_size=1, max_size=9)))
        slots += k
        random = data.draw(seeds)
        turns = turns.after(k, active, counter=slots, random=random)
        second.append(k, active, slots, random)
        assert list(turns.near) == second.near
        assert turns.seed == second.seed


@given(st.integers(1, 30), st.integers(0, 255))
def test_everybody_has_one_slot_in_each_turn(count: int, seed: int) -> None:
    witnesses = tuple(range(1, count + 1))
    schedules = grown(first_turns(witnesses), witnesses, 6 * count, seed=seed)
    slots = [turns.near[0] for turns in schedules]
    # The first entry of the genesis' schedule was used up by block 1.
    turn_starts = range(count - 1, len(slots) - count, count)
    for start in turn_starts:
        assert sorted(slots[start : start + count]) == list(witnesses)


def test_the_same_witness_comes_again_after_about_half_of_the_others_at_the_earliest() -> None:
    witnesses = tuple(range(1, 22))
    slots = [turns.near[0] for turns in grown(first_turns(witnesses), witnesses, 4_000)]
    last = dict[int, int]()
    gaps = Counter[int]()
    for at, witness in enumerate(slots):
        if witness in last:
            gaps[at - last[witness]] += 1
        last[witness] = at
    # Twelve of 21 wait when ten hold tokens; the shuffle by time lets one come twice in a row.
    assert min(gaps) == 12
    assert max(gaps) < 2 * 21


def test_there_is_always_a_schedule_for_more_slots_than_witnesses() -> None:
    witnesses = tuple(range(1, 8))
    for turns in grown(first_turns(witnesses), witnesses, 50):
        assert len(turns.near) == 8


def test_who_leaves_keeps_what_is_scheduled_and_nothing_more() -> None:
    before = grown(first_turns(range(1, 8)), tuple(range(1, 8)), 20)[-1]
    left = tuple(range(2, 8))
    turns = before.after(1, left, counter=21, random=bytes(20))
    scheduled = before.near[1:].count(1)
    ours = [step.near[0] for step in [turns, *grown(turns, left, 40)]]
    assert ours.count(1) == scheduled <= 2
    assert 1 not in ours[len(before.near) :]


def test_a_newcomer_can_be_picked_at_once() -> None:
    before = grown(first_turns(range(1, 4)), (1, 2, 3), 9)[-1]
    turns = before.after(1, (1, 2, 3, 4), counter=10, random=bytes(20))
    assert len(turns.near) == 5
    later = [step.near[0] for step in grown(turns, (1, 2, 3, 4), 12)]
    assert later.count(4) >= 3


@given(st.integers(1, 12), st.integers(0, 60))
def test_who_ends_a_long_gap_has_the_next_slot_too(count: int, beyond: int) -> None:
    witnesses = tuple(range(1, count + 1))
    before = grown(first_turns(witnesses), witnesses, 5)[-1]
    k = len(before.near) + 1 + beyond
    turns = before.after(k, witnesses, counter=5 + k, random=bytes(20))
    assert turns.near[0] == before.at(k)
    assert len(turns.near) == count + 1


def test_every_slot_after_a_long_gap_is_somebodys_and_a_turn_repeats() -> None:
    witnesses = tuple(range(1, 6))
    turns = grown(first_turns(witnesses), witnesses, 7)[-1]
    far = [turns.at(k) for k in range(1, 200)]
    assert set(far) <= set(witnesses)
    assert all(here == there for here, there in zip(far[50:150], far[55:155], strict=True))
    assert any(here != there for here, there in pairwise(far))


@given(st.data())
def test_headers_alone_give_the_turns_through_gaps_and_elections(data: st.DataObject) -> None:
    """Dismissed witnesses sign what was scheduled for them, and nothing more."""
    rules = RandomRules(on=True, shuffle="turns")
    profile = bitshares_profile(5, random=rules, maintenance_interval_s=12)
    state, second, aslot = profile.genesis_state, SecondTurns().start([1, 2, 3, 4, 5]), 0
    for _ in range(data.draw(st.integers(1, 25))):
        k = data.draw(st.one_of(st.integers(1, 3), st.integers(1, 14)))
        slot = state.rules.slot_at(state.slots.time_s(k))
        assert state.rules.names.index(state.producer_for(slot).name) + 1 == second.whose(k)
        active = state.active
        if state.next_maintenance_s <= state.rules.time_s(slot) and data.draw(st.booleans()):
            some = st.sets(st.integers(1, 5), min_size=1)
            active = tuple(sorted(data.draw(some)))
        told = Decided(active=active) if active != state.active else None
        aslot += k
        state = after(state, slot, announced=told)
        second.append(k, list(active), aslot, state.random)
        assert list(state.shuffled) == second.near
        assert state.active == active
