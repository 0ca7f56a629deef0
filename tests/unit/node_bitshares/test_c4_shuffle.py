"""C.4: the order of witnesses, new after each n blocks."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.chain.bitshares.witness_schedule import shuffle
from node.chain.bitshares.witness_state import WitnessState
from tests.unit.node_bitshares.world import after, bitshares_profile, full, skipping

U64 = 2**64


def by_the_book(count: int, head_time_s: int) -> list[int]:
    """Return the order that the document's arithmetic gives, a step a line, mod 2^64."""
    order = list(range(count))
    for i in range(count):
        k = (head_time_s * 2**32 + i * 2685821657736338717) % U64
        k = k ^ (k // 2**12)
        k = k ^ (k * 2**25 % U64)
        k = k ^ (k // 2**27)
        k = k * 2685821657736338717 % U64
        j = i + k % (count - i)
        order[i], order[j] = order[j], order[i]
    return order


@given(st.integers(1, 125), st.integers(0, 2**32 - 1))
def test_the_arithmetic_is_mod_2_to_the_64(count: int, head_time_s: int) -> None:
    assert list(shuffle(range(count), head_time_s)) == by_the_book(count, head_time_s)


def test_every_witness_gets_every_place_but_not_equally_often() -> None:
    rng = random.Random(1)
    seen: dict[tuple[int, int], int] = defaultdict(int)
    for _ in range(8_000):
        for place, witness in enumerate(shuffle(range(4), rng.randrange(2**32))):
            seen[place, witness] += 1
    assert len(seen) == 16
    # Fair would be 2,000 each: the arithmetic mixes neighbouring times badly.
    assert 1_000 < min(seen.values()) < 1_800
    assert 2_200 < max(seen.values()) < 3_000


@given(st.integers(1, 2**24))
def test_with_4_witnesses_the_first_place_changes_only_each_128_s(window: int) -> None:
    firsts = {shuffle(range(4), 128 * window + s)[0] for s in range(128)}
    assert len(firsts) == 1


def test_the_list_is_in_id_order_until_n_blocks_are_there() -> None:
    grown = full(bitshares_profile(4).genesis_state, 3)
    assert grown.shuffled == (1, 2, 3, 4)
    after_round = full(grown, 1)
    assert after_round.shuffled == shuffle(range(1, 5), after_round.time_s)
    (change,) = after_round.changes
    assert (change.version, change.num, tuple(change.producers)) == (1, 4, after_round.schedule)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40))
def test_rounds_are_counted_in_blocks_whatever_slots_are_missed(missed: list[int]) -> None:
    state = bitshares_profile(5).genesis_state
    for count in missed:
        before = state
        state = skipping(state, [count])
        if state.num % 5 == 0:
            assert state.shuffled == shuffle(range(1, 6), state.time_s)
        else:
            assert state.shuffled == before.shuffled


def test_within_a_round_a_witness_may_get_two_slots_or_none() -> None:
    rng = random.Random(1)
    state = full(bitshares_profile(5).genesis_state, 5)
    counts: set[int] = set()
    for _ in range(40):
        made: dict[str, int] = defaultdict(int)
        for _ in range(5):
            slot = state.next_slot + rng.choice((0, 0, 0, 1))
            made[state.producer_for(slot).name] += 1
            state = after(state, slot)
        counts |= {made[key.name] for key in state.rules.witnesses}
    assert {0, 2} <= counts


@pytest.mark.parametrize(("witnesses", "rounds"), [(21, 400), (4, 200)])
def test_a_witness_waits_1_to_2n_minus_1_slots(witnesses: int, rounds: int) -> None:
    gaps = slot_gaps(bitshares_profile(witnesses).genesis_state, rounds)
    assert min(gaps) == 1
    assert max(gaps) == 2 * witnesses - 1


def slot_gaps(state: WitnessState, rounds: int) -> set[int]:
    """Return how many slots lie between two turns of one witness, nobody missing."""
    rules, n = state.rules, len(state.rules.witnesses)
    turns = [*range(1, n), 0]
    last: dict[int, int] = {}
    gaps: set[int] = set()
    order, time_s, slot = tuple(range(n)), rules.genesis_s, 0
    for _ in range(rounds):
        for place in turns:
            slot += 1
            witness = order[place]
            gaps.add(slot - last.get(witness, slot - 1))
            last[witness] = slot
        time_s += n * rules.parameters.block_interval_s
        order = shuffle(range(n), time_s)
    return gaps
