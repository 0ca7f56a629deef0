"""Whatever drifting clocks tell of a run, each figure's interval holds what really happened.

A simulated run is told anew by drawn clocks (rates, bursts, asymmetric ways, lost probes, a host
that boots), goes through the whole of metrics, and every row is held against the truth.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from metrics.build import build
from metrics.intake.pairs import CRYSTAL_PPM, PAIR_WANDER_PPM
from tests.sim import true_figures as figures
from tests.sim.drawn_clocks import Weather
from tests.sim.drifting import Original, Truth, restamp, simulate

SEED = 20_261_129
FAULTS = """
schema: slotlab.campaign/v1
title: faults whose ends are timed, under drifting clocks
seed: 5
chain: {producers: 4, slot: 500ms, blocks_per_turn: 2}
load: {rate: 4/s}
warmup: 6s
cooldown: 20s
safety: {max_unreachable: 4}
timeline:
  - {id: slow, at: 20s, for: 8s, fault: delay, between: all, delay: 60ms}
  - {id: split, at: 35s, for: 8s, fault: partition, shape: minority}
  - {id: killed, at: 55s, fault: kill, on: n2, restart_after: 2s}
  - {id: power, at: 70s, for: 8s, fault: power_cut, on: n3}
"""


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Original:
    """Return a run of four hosts with faults that end, and a host that boots."""
    return simulate(tmp_path_factory.mktemp("faults"), FAULTS)


def wrong(original: Original, truth: Truth, folder: Path, counts: Counter[str]) -> list[str]:
    """Return the figures of a built run whose intervals do not hold the truth."""
    metrics = json.loads((folder / "summary.json").read_text())["cells"][0]["metrics"]
    found = [
        *figures.hops(folder, truth),
        *figures.finals(folder, truth),
        *figures.views(folder, original, truth, metrics),
        *figures.recoveries(folder, original, truth),
    ]
    return figures.outside(found, counts)


def test_every_figure_holds_the_truth_under_drifting_clocks(
    faults: Original, tmp_path: Path
) -> None:
    counts: Counter[str] = Counter()
    for n in range(6):
        rng = np.random.default_rng([SEED, n])
        truth = restamp(faults, rng, Weather(), tmp_path / f"{n}")
        end_ns = faults.plan["end_ns"]
        assert truth.lab.worst_rate_ppm() <= CRYSTAL_PPM
        assert truth.lab.worst_wander_ppm(end_ns) <= PAIR_WANDER_PPM
        summary = build(tmp_path / f"{n}", lambda text: None)
        assert (summary["invalid"], summary["notes"]) == ([], [])
        assert wrong(faults, truth, tmp_path / f"{n}", counts) == [], f"seed {SEED}, draw {n}"
    assert counts["hop"] > 3_000
    assert counts["finality"] > 4_000
