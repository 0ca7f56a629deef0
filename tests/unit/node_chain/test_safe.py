"""Blocks that half of the producers have built on are told once, and counted for whoever asks."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.chain.chain import Chain
from node.chain.model.messages import Effect
from node.chain.model.schedule import built_on_by_half
from node.events import Applied, Safe, Switched
from tests.unit.node_bitshares.world import bitshares_genesis
from tests.unit.node_chain.builders import (
    START_SLOT,
    Net,
    make_chain,
    make_genesis,
    notices,
    of_kind,
    producer_names,
    tick,
)

NAMES = producer_names(4)
GENESES = {"eosio": make_genesis(4, 2), "bitshares": bitshares_genesis(required_participation=0)}


def alone(profile: str, present: Sequence[bool]) -> tuple[Chain, list[Effect]]:
    """Return a node that has all keys, and what it did in slots in which it signs or does not."""
    chain = make_chain(GENESES[profile], NAMES, enable_stale_production=True)
    first = chain.head.slot + 1
    steps = (tick(chain, first + i, None if signs else "absent") for i, signs in enumerate(present))
    return chain, [effect for step in steps for effect in step]


def builders(applied: Sequence[Applied], num: int) -> int:
    """Return how many producers have built on a block: the naive count."""
    return len({block.producer for block in applied if block.num >= num})


@given(nums=st.lists(st.integers(0, 50), min_size=1, max_size=9))
def test_half_rounded_up_have_built_on_the_last_safe_block_and_on_none_after_it(
    nums: list[int],
) -> None:
    safe, half = built_on_by_half(nums), -(-len(nums) // 2)
    assert sum(num >= safe for num in nums) >= half
    assert sum(num > safe for num in nums) < half


@pytest.mark.parametrize("profile", sorted(GENESES))
@settings(max_examples=25, deadline=None)
@given(present=st.lists(st.booleans(), min_size=1, max_size=60))
def test_each_block_is_told_safe_with_the_head_that_makes_it_so(
    profile: str, present: list[bool]
) -> None:
    chain, effects = alone(profile, present)
    applied: list[Applied] = []
    told = chain.genesis.num
    for record in notices(effects):
        if isinstance(record, Applied):
            applied.append(record)
        elif isinstance(record, Safe):
            assert record.first == told + 1
            told = record.num
            assert record.id == next(block.id for block in applied if block.num == told)
            assert builders(applied, told) >= 2 > builders(applied, told + 1)
    if applied:
        assert builders(applied, told + 1) < 2
    for num in range(chain.genesis.num + 1, chain.head.num + 1):
        assert chain.confirmations(num) == (builders(applied, num), 4)


@pytest.mark.parametrize("profile", sorted(GENESES))
def test_after_a_switch_the_new_branch_is_told_from_the_ancestor_on(profile: str) -> None:
    hosts = dict(zip(("h1", "h2"), (NAMES[:3], NAMES[3:]), strict=True))
    net = Net(GENESES[profile], hosts)
    net.chains["h1"] = make_chain(net.genesis, NAMES[:3], enable_stale_production=True)
    net.run(START_SLOT, START_SLOT + 15)
    net.split({"h1"}, {"h2"})
    net.run(START_SLOT + 16, START_SLOT + 63)
    net.heal(START_SLOT + 63)
    net.run(START_SLOT + 64, START_SLOT + 71)
    lines = notices(net.log["h2"])
    (at,) = [n for n, line in enumerate(lines) if isinstance(line, Switched)]
    switched, after = lines[at], next(line for line in lines[at:] if isinstance(line, Safe))
    before = [line for line in lines[:at] if isinstance(line, Safe)]
    assert isinstance(switched, Switched)
    assert after.first == min(before[-1].num, switched.ancestor_num) + 1
    assert of_kind(net.log["h1"], Safe)[-1] == of_kind(net.log["h2"], Safe)[-1]
