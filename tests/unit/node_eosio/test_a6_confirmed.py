"""What a correct producer confirms, and its watermark: each sentence of the rule is a test."""

from __future__ import annotations

import itertools

import pytest

from node.chain.eosio.finality import blocks_to_confirm
from node.chain.model.watermark import Watermark
from node.events import Produced
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
from tests.unit.node_eosio.rounds import Run, quorum

GENESIS = make_genesis()
NAMES = producer_names(4)


def mark(num: int, slot: int = 0) -> Watermark:
    """Return a watermark."""
    return Watermark(producer="p", num=num, slot=slot)


def test_without_a_watermark_only_the_own_block_is_confirmed() -> None:
    assert blocks_to_confirm(500, 100, None) == 0


def test_irreversible_blocks_are_never_confirmed() -> None:
    assert blocks_to_confirm(500, 100, mark(1)) == 400
    assert blocks_to_confirm(500, 499, mark(1)) == 1
    assert blocks_to_confirm(500, 500, mark(1)) == 0


@pytest.mark.parametrize(("num", "confirmed"), [(499, 1), (500, 0), (501, 0), (10_000, 0)])
def test_a_watermark_at_or_above_the_head_confirms_nothing(num: int, confirmed: int) -> None:
    assert blocks_to_confirm(500, 0, mark(num)) == confirmed


def test_at_most_65535_blocks_are_confirmed() -> None:
    assert blocks_to_confirm(100_000, 0, mark(1)) == 65_535


def test_the_first_block_of_a_turn_confirms_a_round_less_the_turn_and_the_others_nothing() -> None:
    run = Run(21, 12)
    run.rounds(4)
    for tally, confirmed in zip(run.history[2 * 252 :], run.confirmed[2 * 252 :], strict=True):
        assert confirmed == (240 if tally.slot % 12 == 0 else 0)


def ranges(run: Run, name: str, since: int) -> list[tuple[int, int]]:
    """Return (first, last) block name confirmed with each of its blocks above number since."""
    return [
        (tally.num - confirmed, tally.num)
        for tally, confirmed in list(zip(run.history, run.confirmed, strict=True))[since:]
        if run.history[tally.num - 2].producer_for(tally.slot).name == name
    ]


def test_ranges_of_one_key_are_disjoint_on_a_branch_and_across_branches() -> None:
    run = Run(4, 3)
    run.rounds(3)
    lost, kept = run.fork(), run.fork()
    lost.slots(3)
    kept.slots(3, frozenset({"pa"}))
    kept.marks["pa"] = lost.marks["pa"]
    kept.slots(60)
    found = sorted(
        ranges(run, "pa", 1) + ranges(lost, "pa", run.tally.num) + ranges(kept, "pa", run.tally.num)
    )
    assert len(found) > 20
    assert all(before[1] < after[0] for before, after in itertools.pairwise(found))


def test_only_names_of_this_node_get_a_watermark_and_received_blocks_raise_it() -> None:
    full = make_chain(GENESIS, NAMES, enable_stale_production=True)
    mine = make_chain(GENESIS, NAMES[:1])
    blocks = [blocks_of(tick(full, START_SLOT + i))[0] for i in range(9)]
    for block in blocks[:8]:
        receive(mine, block)
    # Its name was seen signing 2 and 3, so that block 10 confirms 4 to 9.
    effects = tick(mine, START_SLOT + 8)
    (produced,) = of_kind(effects, Produced)
    assert (produced.num, produced.confirmed) == (10, 6)


def test_blocks_of_losing_branches_raise_the_watermark_too() -> None:
    left = make_chain(GENESIS, NAMES, enable_stale_production=True)
    right = make_chain(GENESIS, NAMES[1:], enable_stale_production=True)
    mine = make_chain(GENESIS, NAMES[:1], enable_stale_production=True)
    winning = [b for i in range(2, 8) for b in blocks_of(tick(right, START_SLOT + i))]
    losing = [b for i in range(2) for b in blocks_of(tick(left, START_SLOT + i))]
    for block in (*winning, *losing):
        receive(mine, block, now_slot=START_SLOT + 8)
    assert mine.head.id == winning[-1].id
    (produced,) = of_kind(tick(mine, START_SLOT + 8), Produced)
    # It signed up to 3 on the losing branch: head 7 confirms 4 to 7.
    assert (produced.num, produced.confirmed) == (8, 4)


def test_a_restart_without_watermarks_confirms_nothing_in_its_first_turn() -> None:
    run = Run(4, 2)
    run.rounds(4)
    run.marks.clear()
    run.rounds(1)
    assert run.confirmed[-8:] == [0] * 8
    run.rounds(1)
    assert run.confirmed[-8:] == [6, 0] * 4


def test_a_mass_restart_freezes_finality_for_over_a_round_and_more_than_doubles_the_lag() -> None:
    run = Run(21, 12)
    run.rounds(4)
    run.marks.clear()
    restarted = len(run.history)
    run.rounds(6)
    after = run.history[restarted:]
    longest = step = 0
    for before, tally in itertools.pairwise(after):
        step = step + 1 if tally.lib_num == before.lib_num else 0
        longest = max(longest, step)
    assert longest > 252
    assert max(tally.num - tally.lib_num for tally in after) > 2 * 336
    assert run.tally.num - run.tally.lib_num <= 2 * (quorum(21) - 1) * 12
