"""C.3 and C.17: the block interval changes on a branch; slots keep their length and meaning."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import pytest

from node.chain.bitshares.fork_choice import BranchPoint, ForkChoice
from node.chain.bitshares.profile import BitsharesProfile
from node.chain.chain import Chain
from node.chain.genesis import Genesis
from node.chain.model.block import SignedBlock
from node.chain.model.errors import BlockRejected
from node.events import Abstained
from tests.unit.node_bitshares.governed import (
    GENESIS,
    NAMES,
    PROFILE,
    announced_in,
    by_headers,
    governed_genesis,
    grown,
    maker,
    set_parameters,
    state_of,
)
from tests.unit.node_bitshares.proposing import MAINTENANCE_S
from tests.unit.node_bitshares.world import NOTHING, START_SLOT
from tests.unit.node_chain.builders import make_chain, of_kind, receive, tick

UNTIL_S = 2 * MAINTENANCE_S + 6
"""At most so long does it take from asking for parameters until they are in force."""
LATE = START_SLOT + 1_000
"""No block of these tests is in the future then."""


def with_interval(interval_s: int, seconds: int) -> tuple[Chain, list[SignedBlock], int]:
    """Return a chain whose interval changed at its second maintenance, its blocks, and where."""
    chain = maker()
    blocks = grown(chain, 6)
    blocks += grown(chain, seconds + UNTIL_S, *set_parameters(chain, block_interval_s=interval_s))
    (num,) = announced_in(blocks)
    return chain, blocks, num


@pytest.mark.parametrize("interval_s", [2, 3, 4, 7, 10, 20])
def test_blocks_come_on_the_grid_of_the_interval_in_force(interval_s: int) -> None:
    chain, blocks, num = with_interval(interval_s, 160)
    times = [block.header.timestamp_s for block in blocks]  # type: ignore[attr-defined]
    assert {b - a for a, b in pairwise(times[:num])} <= {1, 4}
    after = times[num:]
    assert all(time_s % interval_s == 0 for time_s in after)
    skips = {4 * interval_s}
    assert {b - a for a, b in pairwise(after)} <= {interval_s} | skips
    state = state_of(chain)
    assert sum(one.missed for one in state.witnesses.values()) == 0
    assert state.recent.bit_count() == 128
    assert state.changed == BranchPoint(num, by_headers(PROFILE, blocks[:num]).aslot)
    assert state == by_headers(PROFILE, blocks)
    assert state.lib_num >= state.num - 4


def test_off_the_grid_nobody_is_scheduled_and_nobody_abstains() -> None:
    chain, _, _ = with_interval(5, 60)
    head = state_of(chain)
    on_grid = head.next_slot
    for slot in range(head.slot + 1, on_grid):
        assert chain.producer_for(slot) == ""
        assert of_kind(tick(chain, slot), Abstained) == []
    assert chain.producer_for(on_grid) != ""
    assert [chain.producer_for(on_grid + k) for k in (1, 2, 3, 4)] == [""] * 4
    assert chain.head.num == head.num


def test_the_interval_may_shrink_again() -> None:
    chain, blocks, _ = with_interval(5, 60)
    more = grown(chain, 120, *set_parameters(chain, block_interval_s=1, maintenance_interval_s=15))
    (num,) = announced_in(more)
    slots = [block.slot for block in more if block.num > num + 1]
    assert slots[:8] == list(range(slots[0], slots[0] + 8))
    assert state_of(chain) == by_headers(PROFILE, blocks + more)
    assert state_of(chain).changed.num == num


def test_missed_slots_are_those_of_the_grid() -> None:
    chain, _, _ = with_interval(5, 60)
    before = state_of(chain)
    tick(chain, before.next_slot + 10)
    after = state_of(chain)
    assert after.num == before.num + 1
    assert after.aslot == before.aslot + 3
    assert sum(one.missed for one in after.witnesses.values()) == 2
    assert after.recent.bit_count() == 126


def test_a_time_off_the_grid_is_refused_by_who_knows_only_headers() -> None:
    chain, _, _ = with_interval(5, 60)
    state = state_of(chain)
    header = state.draft(state.next_slot, None, NOTHING)
    moved = dataclasses.replace(header, timestamp_s=header.timestamp_s + 1)
    with pytest.raises(BlockRejected, match="misaligned_time"):
        state.child(moved)


def test_the_new_interval_need_not_divide_the_old_one() -> None:
    genesis = governed_genesis(interval_s=5, maintenance_interval_s=60)
    chain = maker(genesis)
    blocks = grown(chain, 31)
    asked = {"block_interval_s": 3, "maintenance_interval_s": 31}
    blocks += grown(chain, 260, *set_parameters(chain, **asked))
    (num,) = announced_in(blocks)
    times = [block.header.timestamp_s for block in blocks]  # type: ignore[attr-defined]
    assert {time_s % 5 for time_s in times[:num]} == {0}
    assert {time_s % 3 for time_s in times[num:]} == {0}
    assert state_of(chain) == by_headers(BitsharesProfile.of(genesis), blocks)
    assert sum(one.missed for one in state_of(chain).witnesses.values()) == 0


@pytest.mark.parametrize("interval_s", [3, 7, 13, 19])
def test_maintenance_keeps_its_fixed_times_whatever_the_interval_is(interval_s: int) -> None:
    """No block falls on most of them: the first one after does maintenance, and nothing drifts."""
    chain, blocks, num = with_interval(interval_s, 400)
    state = PROFILE.genesis_state
    for block in blocks:
        due_s, before_s = state.next_maintenance_s, state.time_s
        state = state.child(block.header).with_id(block.id)
        if state.num <= num:
            continue
        assert state.is_maintenance == (due_s <= state.time_s)
        assert before_s < due_s or not state.is_maintenance
        assert state.next_maintenance_s % 20 == 0
        assert state.next_maintenance_s - 20 <= state.time_s < state.next_maintenance_s
    assert state == state_of(chain)
    assert sum(one.missed for one in state.witnesses.values()) == 0


def branches(genesis: Genesis) -> tuple[list[SignedBlock], list[SignedBlock], list[SignedBlock]]:
    """Return common blocks and two branches: one keeps 1 s, half attended; one goes to 5 s.

    All witnesses are on the latter, so that it has every slot but far fewer blocks.
    """
    slow = make_chain(genesis, NAMES, enable_stale_production=True)
    fast = make_chain(genesis, NAMES[:2], enable_stale_production=True)
    common = grown(slow, 6)
    for block in common:
        receive(fast, block)
    kept = grown(fast, 240)
    changed = grown(slow, 240, *set_parameters(slow, block_interval_s=5))
    return common, kept, changed


@pytest.mark.parametrize(("choice", "wins"), [("longest", "kept"), ("participation", "changed")])
def test_which_side_of_a_fork_wins_after_one_changed_its_interval(
    choice: ForkChoice, wins: str
) -> None:
    """Row 33 of the fault catalogue."""
    genesis = governed_genesis(fork_choice=choice)
    common, kept, changed = branches(genesis)
    assert len(kept) > len(changed)
    chain = make_chain(genesis)
    for block in common + kept + changed:
        receive(chain, block, now_slot=LATE)
    winner = {"kept": kept, "changed": changed}[wins]
    assert chain.head.id == winner[-1].id


def test_a_node_that_restarts_wakes_for_the_slots_of_the_interval_in_force() -> None:
    chain, blocks, _ = with_interval(4, 60)
    again = make_chain(GENESIS, NAMES, enable_stale_production=True)
    for block in blocks:
        receive(again, block, now_slot=LATE)
    assert [b.id for b in grown(again, 40)] == [b.id for b in grown(chain, 40)]
