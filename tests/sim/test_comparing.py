"""Runs compared: of like ones hardly any seems to differ; a twentieth more is found."""

from __future__ import annotations

import random
from typing import Any

import pytest

from metrics.results.compare import BETTER, RULES, WORSE, Place, compare, figures_of
from tests.sim.runs import simulated

pytestmark = pytest.mark.long

POOL = 36
BATCHES = 100
SWEEP = f"""
schema: slotlab.campaign/v1
title: as often as it takes
seed: 11
chain: {{producers: 4, slot: 500ms, blocks_per_turn: 1}}
warmup: 4s
cooldown: 4s
trials: {{repeat: {POOL}}}
matrix: {{delay: [50ms, 175ms]}}
timeline:
  - {{id: slow, at: 8s, for: 6s, fault: delay, delay: "${{delay}}", jitter: 20ms}}
"""


@pytest.fixture(scope="module")
def pools(tmp_path_factory: pytest.TempPathFactory) -> list[list[dict[str, Any]]]:
    """Return the trials of both cells, each with its own figures."""
    runs = tmp_path_factory.mktemp("pools")
    campaign = runs / "pool.yml"
    campaign.write_text(SWEEP)
    done, summary, _ = simulated(campaign, runs)
    assert done.exit_code == 0, done.output
    return [cell["trials"] for cell in summary["cells"]]


def figures(trials: list[dict[str, Any]]) -> dict[Place, list[Any]]:
    return figures_of({"cells": [{"trials": trials}]}, lambda cell: "")


def test_of_like_runs_one_in_twenty_at_most_is_called_worse_or_better(
    pools: list[list[dict[str, Any]]],
) -> None:
    rng = random.Random(1)
    alarms = 0
    for _ in range(BATCHES):
        drawn = rng.sample(pools[0], 12)
        rows = compare(figures(drawn[:6]), figures(drawn[6:]), RULES)
        alarms += any(row["verdict"] in (WORSE, BETTER) for row in rows)
    assert alarms <= 0.05 * BATCHES


def test_a_twentieth_more_is_found_by_as_many_trials_as_are_advised(
    pools: list[list[dict[str, Any]]],
) -> None:
    """175 ms one way are 125 more than 50: a twentieth of the two and a half seconds it takes."""
    rng = random.Random(2)
    slow = Place("", "slow", "finality_latency_s.p50")
    found = 0
    for _ in range(BATCHES):
        drawn = rng.sample(pools[0], 12)
        rows = compare(figures(drawn[:6]), figures(drawn[6:]), RULES)
        advised = max(row["advised"] for row in rows if row["verdict"] and row["advised"])
        base, other = (figures(rng.sample(pool, min(advised, POOL))) for pool in pools)
        (row,) = (
            r
            for r in compare(base, other, RULES)
            if Place(r["cell"], r["phase"], r["figure"]) == slow
        )
        assert 0.03 < row["shift"] / row["base"]["value"] < 0.07
        found += row["verdict"] == WORSE
    assert found >= 0.9 * BATCHES
