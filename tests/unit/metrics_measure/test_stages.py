"""Stages of blocks: what was put into a run comes out, and no gap is between two of them."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metrics.intake import event_table, trial
from metrics.measure import blocks
from metrics.measure.metric import Pool
from metrics.measure.stages import stages
from metrics.measure.stages.stages import STAGES, WHOLE, Passages, Stage
from metrics.model import run_folder
from metrics.model.quantiles import summarise
from tests.unit.metrics_bends.folder import copy

WHERE = ("h1", "h2", "h3", "h4")
OWN = {"produced": 1.5, "durable": 0.5, "sent": 0.1, "validated": 0.04, "applied": 0.06}
"""Milliseconds that the synthetic run gives each stage within a host."""


@pytest.fixture(scope="module")
def baseline(run: Path) -> dict[str, Any]:
    summary = json.loads((run / "summary.json").read_text())
    found: dict[str, Any] = summary["cells"][0]["phases"]["baseline"]
    return found


def test_stages_within_a_host_are_as_they_were_and_without_error(baseline: dict[str, Any]) -> None:
    for name, truth_ms in OWN.items():
        q = baseline["stages_ms"][name]
        assert (q["censored"], q["negative"], q["unknown"]) == (0, 0, 0), name
        for key in ("min", "p50", "max"):
            # Crystals drift by parts in a million; the clock of a stage is its host's own.
            assert q[key] == pytest.approx(truth_ms, abs=1e-5), name
            assert q["error"][key] == [q[key], q[key]], name


def test_the_way_between_hosts_carries_the_error_of_their_clocks(baseline: dict[str, Any]) -> None:
    q = baseline["stages_ms"]["received"]
    low, high = q["error"]["p50"]
    # 1 ms from made to received, less the 0.1 ms in which it was handed to the links.
    assert low <= 0.9 <= high
    assert 0.4 < high - low < 0.7
    blocks_made = baseline["stages_ms"]["produced"]["n"]
    assert q["n"] == blocks_made * (len(WHERE) - 1)


def test_a_chain_of_one_stage_has_no_precommits(baseline: dict[str, Any]) -> None:
    assert baseline["stages_ms"]["precommitted"]["n"] == 0
    assert baseline["stages_ms"]["irreversible"]["n"] == baseline["stages_ms"]["whole"]["n"]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[trial.TrialData, Passages]:
    """Return a recorded run of nodes on hosts that drift, and its blocks' stages."""
    folder = copy("lab", tmp_path_factory.mktemp("stages") / "run")
    plan = run_folder.load_plan(folder.path)
    with closing(event_table.connect()) as db:
        data = trial.load(db, folder.path, plan, plan.trials[0], 1)
        assert data is not None
        found = stages.measure(data, blocks.view(data))
        data.close()
    return data, found


def test_stages_follow_each_other_without_a_gap(measured: tuple[Any, Passages]) -> None:
    _, found = measured
    parts = [
        (found.made[name].mid[found.block] if name in found.made else found.ways[name].mid)
        for name in STAGES
        if name not in ("validated", "precommitted")  # Not told in that run.
    ]
    whole, way = found.ways[WHOLE], found.ways["received"]
    known = np.isfinite(np.sum(parts, axis=0)) & np.isfinite(whole.hi - whole.lo)
    assert known.sum() > 100
    apart = np.abs(np.sum(parts, axis=0) - whole.mid)[known]
    clocks = ((whole.hi - whole.lo) + (way.hi - way.lo))[known]
    rates = 1e-4 * np.abs(whole.mid[known])  # Each stage is on the clock of its own host.
    assert (apart <= clocks + rates).all()


def test_a_pair_of_hosts_has_its_own_ways(measured: tuple[Any, Passages]) -> None:
    data, found = measured
    over = Pool([(data, found)], frozenset(phase.name for phase in data.phases), whole=True)
    pairs = sorted({*zip(found.source.tolist(), found.target.tolist(), strict=False)})
    hosts = sorted({*found.source, *found.target})
    every = [(a, b) for a in hosts for b in hosts if a != b]
    assert {b for _, b in pairs} <= set(hosts)
    counts = [stages.of_stage(over, "received", pair)["n"] for pair in every]
    assert sum(counts) == stages.of_stage(over, "received")["n"] > 0


def test_a_stage_below_zero_is_kept_and_counted_and_one_without_an_end_is_censored() -> None:
    ns = np.asarray([-3e6, 2e6, np.nan, 5e6])
    yes, ended = np.ones(4, dtype=bool), np.asarray([True, True, False, True])
    stage = Stage(ns, ns, ns, due=yes, there=ended)
    q = summarise([stage.samples(np.asarray([True, True, True, False]))], scale=1e6, digits=6)
    assert (q["n"], q["min"], q["p50"], q["max"]) == (3, -3.0, 2.0, None)
    assert (q["negative"], q["impossible"], q["censored"], q["unknown"]) == (1, 1, 1, 0)
