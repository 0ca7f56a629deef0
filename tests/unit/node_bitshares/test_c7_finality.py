"""C.7: a block is final when enough witnesses have built on it, in one stage."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.chain.bitshares.finality import expected, last_irreversible, witnesses_needed
from node.chain.bitshares.witness_state import WitnessState
from node.chain.profile import Finality
from tests.unit.node_bitshares.world import START_SLOT, after, bitshares_profile, full


@pytest.mark.parametrize(
    ("witnesses", "needed"), [(21, 15), (11, 8), (4, 3), (3, 3), (2, 2), (1, 1), (101, 71)]
)
def test_needed_are_15_of_21_8_of_11_3_of_4_3_of_3_71_of_101(witnesses: int, needed: int) -> None:
    assert witnesses_needed(witnesses) == needed
    for builders in (needed - 1, needed):
        confirmed = [100] * builders + [7] * (witnesses - builders)
        assert (last_irreversible(0, confirmed) == 100) == (builders == needed)


@given(st.integers(0, 1000), st.lists(st.integers(0, 1000), min_size=1, max_size=101))
def test_the_result_is_the_highest_number_enough_witnesses_reach(
    lib_num: int, confirmed: list[int]
) -> None:
    found = last_irreversible(lib_num, confirmed)
    needed = witnesses_needed(len(confirmed))
    best = max(num for num in confirmed if sum(x >= num for x in confirmed) >= needed)
    assert found == max(lib_num, best)


def lags(state: WitnessState, blocks: int, down: frozenset[str] = frozenset()) -> list[int]:
    """Return for each block that became final how many blocks later; down produce nothing."""
    found: list[int] = []
    for _ in range(blocks):
        slot = state.next_slot
        while state.producer_for(slot).name in down:
            slot += 1
        child = after(state, slot)
        found.extend(child.num - num for num in range(state.lib_num + 1, child.lib_num + 1))
        state = child
    return found


def test_21_witnesses_finalize_in_14_to_24_blocks_and_hardly_ever_25() -> None:
    found = lags(bitshares_profile(21).genesis_state, 6_000)[21:]
    assert min(found) == 14
    # 25 comes up in 5 of 60,000 blocks, the bound is 28.
    assert sum(lag > 24 for lag in found) <= 5
    assert max(found) <= 28
    assert 15.5 < sum(found) / len(found) < 17


def test_4_witnesses_finalize_in_2_to_4_blocks() -> None:
    assert expected(4, 1) == Finality(stages=1, quorum=3, lag_blocks=(2, 4))
    found = lags(bitshares_profile(4).genesis_state, 20_000)[4:]
    assert sorted(set(found)) == [2, 3, 4]
    # 4 needs two rounds whose last places differ, which neighbouring times rarely give.
    assert found.count(4) < 100


def test_finality_takes_one_stage_and_a_block_counts_for_its_own_witness() -> None:
    state = bitshares_profile(4).genesis_state
    one = after(state, START_SLOT)
    assert [full(one, more).lib_num for more in range(4)] == [0, 0, 1, 2]


@pytest.mark.parametrize(("down", "goes_on"), [(6, True), (7, False)])
def test_6_of_21_may_be_down_and_7_stop_finality(down: int, goes_on: bool) -> None:
    profile = bitshares_profile(21, required_participation=0)
    names = [key.name for key in profile.rules.witnesses]
    silent = frozenset(random.Random(3).sample(names, down))
    found = lags(profile.genesis_state, 300, silent)
    assert (len(found) > 200) == goes_on
    assert goes_on or not found


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.integers(1, 9))
def test_every_lag_lies_within_the_plans_bounds(missed: list[int], witnesses: int) -> None:
    state = bitshares_profile(witnesses).genesis_state
    found = lags(state, len(missed))
    least, most = expected(witnesses, 1).lag_blocks
    assert all(least <= lag <= most for lag in found)
