"""Any history of blocks, rivals and transactions leaves the state of a straight replay."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.sim.cache import SharedExecution, shared
from node.chain.execution import apply_block
from tests.unit.node_chain.histories import History
from tests.unit.node_chain.history_worlds import WORLDS, world

FEW = 60
CHUNK, CHUNKS = 210, 4
"""Of the long test: so many histories a case, so many cases a world; of all twelve ten thousand."""


def played(name: str, seed: int) -> History:
    """Return a history that was played through, once from its beginning and once from a snapshot.

    The two may part: makers here sign on all branches, so that which becomes final is chance. In
    every second history its chains share states and executions, as nodes of a simulation do; the
    straight replay executes by itself.
    """
    here = world(name)
    if seed % 2:
        here = replace(here, profile=shared(here.profile))
    history = History(here, seed, execute=SharedExecution() if seed % 2 else apply_block)
    try:
        history.grow()
        history.play()
        if history.kept:
            history.resume(history.rng.choice(history.kept))
    except Exception as error:
        error.add_note(f"history: world {name!r}, seed {seed}")
        raise
    return history


@pytest.mark.parametrize("name", WORLDS)
def test_any_order_of_rival_blocks_gives_the_state_of_a_straight_replay(name: str) -> None:
    histories = [played(name, seed) for seed in range(FEW)]
    depths = [depth for history in histories for depth in history.depths]
    # Otherwise this shows nothing.
    assert max(depths) >= 3
    assert len(depths) > FEW // 4
    assert sum(history.failed for history in histories) > FEW // 20


@pytest.mark.long
@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_ten_thousand_histories_give_the_state_of_a_straight_replay(name: str, chunk: int) -> None:
    first = FEW + chunk * CHUNK
    for seed in range(first, first + CHUNK):
        played(name, seed)
