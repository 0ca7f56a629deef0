"""The fork tree and the choice of the head: each sentence of the rule is a test."""

from __future__ import annotations

import dataclasses

import pytest

from node.chain.chain import Chain
from node.chain.eosio.header_state import HeaderState
from node.chain.model.block import SignedBlock
from node.chain.profiles import build
from tests.unit.node_chain.builders import (
    START_SLOT,
    blocks_of,
    make_chain,
    make_genesis,
    producer_names,
    receive,
    tick,
)

GENESIS = make_genesis()
NAMES = producer_names(4)


def branch(
    parents: list[SignedBlock], slots: range, names: list[str] | None = None
) -> list[SignedBlock]:
    """Return blocks on top of parents, one a slot of the named producers."""
    maker = make_chain(GENESIS, names or NAMES, enable_stale_production=True)
    feed(maker, parents)
    return [block for i in slots for block in blocks_of(tick(maker, START_SLOT + i))]


def feed(chain: Chain, blocks: list[SignedBlock]) -> None:
    """Hand blocks to chain, late enough for all of them."""
    for block in blocks:
        receive(chain, block, now_slot=START_SLOT + 5000)


def head_state(chain: Chain) -> HeaderState:
    """Return the header state of chain's head."""
    state = chain._fork_db.head.state
    assert isinstance(state, HeaderState)
    return state


def test_the_greater_lib_wins_over_the_longer_branch() -> None:
    base = branch([], range(24))
    short = branch(base, range(24, 32))  # everybody signs: lib goes on
    long = branch(base, range(100, 190), NAMES[:2])  # half signs: lib stands still
    assert len(long) > len(short)
    for order in ((short, long), (long, short)):
        chain = make_chain(GENESIS)
        feed(chain, base)
        for blocks in order:
            feed(chain, blocks)
        assert chain.head.id == short[-1].id


def test_the_preference_is_strict_and_ignores_what_is_proposed() -> None:
    chain = make_chain(GENESIS)
    feed(chain, branch([], range(12)))
    state = head_state(chain)
    profile = build(GENESIS)
    assert not profile.prefers(state, state, lambda: state)
    tally = dataclasses.replace(state.tally, proposed_irb=state.num)
    ahead = dataclasses.replace(state, tally=tally)
    assert not profile.prefers(ahead, state, lambda: state)
    final = dataclasses.replace(state, tally=dataclasses.replace(tally, lib_num=state.num))
    assert profile.prefers(final, state, lambda: state)


def test_removing_a_block_removes_its_descendants_and_never_the_head() -> None:
    base = branch([], range(4))
    left, right = branch(base, range(4, 7)), branch(base, range(100, 102))
    chain = make_chain(GENESIS)
    feed(chain, base + left + right)
    tree = chain._fork_db
    doomed = tree.get(right[0].id)
    assert doomed is not None
    tree.remove(doomed)
    assert tree.get(right[1].id) is None
    assert chain.head.id == left[-1].id
    head_branch = tree.get(left[0].id)
    assert head_branch is not None
    with pytest.raises(AssertionError):
        tree.remove(head_branch)


def test_an_unpreferred_branch_is_never_executed() -> None:
    base = branch([], range(6))
    left, right = branch(base, range(6, 10)), branch(base, range(100, 102))
    chain = make_chain(GENESIS)
    feed(chain, base + left + right)
    items = [chain._fork_db.get(block.id) for block in right]
    assert [item is not None and item.validated for item in items] == [False, False]
