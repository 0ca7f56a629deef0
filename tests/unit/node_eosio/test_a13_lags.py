"""Finality lags and schedule change latencies equal the formulas, for every size and position."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from node.chain.eosio.finality import expected
from node.chain.profile import Finality
from tests.unit.node_eosio.rounds import Run, counted, quorum


def lags(run: Run, since: int, of: str) -> dict[int, set[int]]:
    """Return by position in the turn how many blocks later a block was in `of`."""
    found: dict[int, set[int]] = {}
    reached = 0
    turn = run.tally.blocks_per_turn
    for tally in run.history:
        value = int(getattr(tally, of))
        for num in range(max(reached + 1, since), value + 1):
            found.setdefault(run.history[num - 1].slot % turn, set()).add(tally.num - num)
        reached = max(reached, value)
    return found


COUNTS = pytest.mark.parametrize("count", range(2, 22))
TURNS = pytest.mark.parametrize(
    "turns", [(2, 12), pytest.param(range(3, 12), marks=pytest.mark.slow)], ids=["ends", "between"]
)


@COUNTS
@TURNS
def test_each_position_is_proposed_and_final_exactly_when_the_formula_says(
    count: int, turns: Iterable[int]
) -> None:
    further = quorum(count) - 1
    for turn in turns:
        run = Run(count, turn)
        run.rounds(5)
        since = 2 * count * turn
        proposed = {i: {further * turn - i} for i in range(turn)}
        final = {i: {2 * further * turn - i} for i in range(turn)}
        assert lags(run, since, "proposed_irb") == proposed, turn
        assert lags(run, since, "lib_num") == final, turn
        lag_blocks = ((2 * further - 1) * turn + 1, 2 * further * turn)
        said = expected(count, turn)
        assert said == Finality(stages=2, quorum=further + 1, lag_blocks=lag_blocks)


@pytest.mark.parametrize("turn", range(1, 13))
def test_one_producer_proposes_at_once_and_is_final_one_block_later(turn: int) -> None:
    run = Run(1, turn)
    run.rounds(60)
    assert set.union(*lags(run, 3, "proposed_irb").values()) == {0}
    assert set.union(*lags(run, 3, "lib_num").values()) == {1}


def test_21_turns_of_one_block_propose_after_14_and_finalize_after_29() -> None:
    run = Run(21, 1)
    run.rounds(6)
    assert lags(run, 60, "proposed_irb") == {0: {14}}
    assert lags(run, 60, "lib_num") == {0: {29}}


@COUNTS
@TURNS
def test_a_schedule_change_takes_the_formulas_blocks_at_every_position(
    count: int, turns: Iterable[int]
) -> None:
    for turn in turns:
        steady = Run(count, turn)
        steady.rounds(4)
        for position in range(turn):
            run = steady.fork()
            run.slots(position + 1)
            assert run.tally.slot % turn == position
            proposed_num = run.propose(counted(count, version=1))
            head = run.until_active(1)
            period = 2 * (quorum(count) - 1) * turn
            announced = run.history[head.pending.lib_num - 1]
            assert announced.num - proposed_num == period - position
            assert announced.slot % turn == 0, "always the first block of a turn"
            assert head.num - announced.num == period


def test_a_change_with_one_producer_takes_2_blocks_and_with_21_turns_of_one_58() -> None:
    for count, blocks in ((1, 2), (21, 58)):
        run = Run(count, 1)
        run.rounds(8)
        proposed_num = run.propose(counted(count, version=1))
        assert run.until_active(1).num - proposed_num == blocks
