"""Clocks that a fault moves again and again: the simulator follows the path that hosts would."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sim.runs import simulated

pytestmark = pytest.mark.slow

CAMPAIGN = """
schema: slotlab.campaign/v1
title: clocks that move
seed: 3
chain: {profile: eosio, producers: 4, slot: 500ms, blocks_per_turn: 2}
warmup: 10s
cooldown: 10s
timeline:
  - {id: strobed, at: 30s, for: 12s, fault: clock_strobe, on: n1, by: -60ms, every: 3s}
  - {id: wandered, at: 30s, for: 12s, fault: clock_wander, on: [n2, n3], by: 5000ppm}
"""


def test_a_moving_clock_is_measured_on_its_path(tmp_path: Path) -> None:
    file = tmp_path / "moving.yml"
    file.write_text(CAMPAIGN)
    done, summary, _ = simulated(file, tmp_path / "runs")
    assert done.exit_code == 0, done.stdout
    found = {fault["id"]: fault["measured"] for fault in summary["faults"]}
    assert {name: each["judged"] for name, each in found.items()} == {
        "strobed": "as asked", "wandered": "as asked",
    }  # fmt: skip
    assert found["strobed"]["by_host"]["n1"]["path_ms"] == 60.0
    paths = {host: own["path_ms"] for host, own in found["wandered"]["by_host"].items()}
    assert paths["n2"] != paths["n3"], "each host wanders by itself"
