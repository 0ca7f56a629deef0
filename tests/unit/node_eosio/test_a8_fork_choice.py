"""The fork tree and the choice of the head: each sentence of the rule is a test."""

from __future__ import annotations

import dataclasses

import pytest

from node.chain.chain import Chain
from node.chain.eosio.header_state import HeaderState
from node.chain.fork_db import ForkDB
from node.chain.model.block import SignedBlock
from node.chain.model.errors import BlockRejected, Reason
from node.chain.model.messages import RequestSync
from node.chain.profiles import build
from node.events import Abstained, Rejected
from tests.unit.node_chain.builders import (
    START_SLOT,
    blocks_of,
    make_chain,
    make_genesis,
    of_kind,
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


def test_the_tree_is_rooted_at_the_last_irreversible_block() -> None:
    chain = make_chain(GENESIS)
    blocks = branch([], range(40))
    feed(chain, blocks)
    assert chain.lib.num > 20
    assert len(chain._fork_db) == chain.head.num - chain.lib.num + 1
    assert chain._fork_db.get(blocks[0].id) is None


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


def test_of_equal_libs_the_longer_branch_wins() -> None:
    base = branch([], range(6))
    left, right = branch(base, range(6, 9)), branch(base, range(100, 104))
    chain = make_chain(GENESIS)
    feed(chain, base + right + left)
    assert chain.head.id == right[-1].id
    chain = make_chain(GENESIS)
    feed(chain, base + left + right)
    assert chain.head.id == right[-1].id


def test_a_tie_never_causes_a_switch() -> None:
    base = branch([], range(6))
    left, right = branch(base, range(6, 8)), branch(base, range(100, 102))
    for first, second in ((left, right), (right, left)):
        chain = make_chain(GENESIS)
        feed(chain, base + first + second)
        assert chain.head.id == first[-1].id


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


def test_a_block_whose_parent_is_unknown_is_unlinkable_and_asks_for_a_sync() -> None:
    blocks = branch([], range(3))
    chain = make_chain(GENESIS)
    effects = receive(chain, blocks[2], now_slot=START_SLOT + 50)
    assert effects == [RequestSync(peer="peer")]
    tree = ForkDB(chain._fork_db.root.state)
    with pytest.raises(BlockRejected) as caught:
        tree.add(chain._fork_db.root.state, blocks[2])
    assert caught.value.reason == Reason.UNLINKABLE


def test_a_duplicate_is_passed_over() -> None:
    blocks = branch([], range(3))
    chain = make_chain(GENESIS)
    feed(chain, blocks)
    size = len(chain._fork_db)
    for block in blocks:
        assert receive(chain, block, now_slot=START_SLOT + 50) == []
    assert len(chain._fork_db) == size


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


def test_advancing_the_root_deletes_all_that_do_not_descend_from_it() -> None:
    base = branch([], range(4))
    stale = branch(base, range(100, 103))
    chain = make_chain(GENESIS)
    feed(chain, base + stale[:2])
    going_on = branch(base, range(4, 40))
    feed(chain, going_on)
    assert chain.lib.num > base[-1].num
    assert all(not chain.has_block(block.id) for block in stale)
    effects = receive(chain, stale[0], now_slot=START_SLOT + 5000)
    (rejected,) = of_kind(effects, Rejected)
    assert isinstance(rejected, Rejected)
    assert rejected.reason == Reason.BEFORE_IRREVERSIBLE


def test_a_branchs_lib_is_a_claim_of_its_headers_and_needs_no_local_vote() -> None:
    chain = make_chain(GENESIS)
    blocks = branch([], range(40))
    feed(chain, blocks)
    assert chain.lib.num == chain._fork_db.head.state.lib_num > 20


def test_an_unpreferred_branch_is_never_executed() -> None:
    base = branch([], range(6))
    left, right = branch(base, range(6, 10)), branch(base, range(100, 102))
    chain = make_chain(GENESIS)
    feed(chain, base + left + right)
    items = [chain._fork_db.get(block.id) for block in right]
    assert [item is not None and item.validated for item in items] == [False, False]


def stalled_base() -> list[SignedBlock]:
    """Return a chain whose finality stood still for long: two of four were silent."""
    base = branch([], range(24))
    return base + branch(base, range(24, 72), [NAMES[0], NAMES[2]])


def pre_committed(base: list[SignedBlock]) -> tuple[Chain, list[SignedBlock]]:
    """Return a chain after three of four have pre-committed a block above base, and the blocks."""
    chain = make_chain(GENESIS)
    feed(chain, base)
    above = branch(base, range(72, 96), NAMES[:3])
    for count, block in enumerate(above, start=1):
        feed(chain, [block])
        if head_state(chain).tally.proposed_irb > base[-1].num:
            assert chain.lib.num <= base[23].num
            return chain, above[:count]
    raise AssertionError("never pre-committed")


def test_nothing_locks_a_producer_to_a_branch_it_pre_committed() -> None:
    base = stalled_base()
    chain, above = pre_committed(base)
    rival = branch(base, range(200, 260), NAMES[3:])[: len(above) + 1]
    feed(chain, rival)
    assert chain.head.id == rival[-1].id


def test_a_producer_that_is_ahead_on_a_lost_branch_waits_for_its_number() -> None:
    base = branch([], range(6))
    mine = make_chain(GENESIS, NAMES[3:], enable_stale_production=True)
    feed(mine, base)
    for i in (6, 7):
        assert blocks_of(tick(mine, START_SLOT + i))
    lib_first = branch(base[:2], range(300, 304), NAMES[:3])
    marks = [mark for name in NAMES[3:] if (mark := mine._signing.watermark(name))]
    fresh = make_chain(GENESIS, NAMES[3:], enable_stale_production=True, watermarks=marks)
    feed(fresh, base[:2] + lib_first)
    (abstained,) = of_kind(tick(fresh, START_SLOT + 310), Abstained)
    assert isinstance(abstained, Abstained)
    assert abstained.reason == Reason.WATERMARK_NUM
