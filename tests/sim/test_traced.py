"""A delay that follows a trace is measured over time, and one that did not follow it is found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.campaign import campaign_file
from harness.errors import PlanError
from harness.plan import planner
from metrics.build import build
from tests.sim.runs import simulated
from tests.unit.harness_plan.builders import lab

TRACE = "at_s,delay_ms\n0,20\n5,80\n10,5\n15,40\n"
CAMPAIGN = """
schema: slotlab.campaign/v1
title: a delay as it was recorded
seed: 3
chain: {profile: eosio, producers: 3, slot: 500ms, blocks_per_turn: 1}
warmup: 5s
cooldown: 5s
timeline:
  - {id: recorded, at: 15s, for: 20s, fault: delay, between: all, trace: rtts.csv}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("traced")
    (folder / "rtts.csv").write_text(TRACE)
    (folder / "c.yml").write_text(CAMPAIGN)
    return simulated(folder / "c.yml", folder / "runs")[2]


def of_fault(summary: dict[str, Any]) -> dict[str, Any]:
    (fault,) = summary["faults"]
    assert isinstance(fault, dict)
    return fault


def test_a_delay_follows_its_trace_and_is_measured_over_time(run: Path) -> None:
    fault = of_fault(json.loads((run / "summary.json").read_text()))
    found = fault["measured"]
    assert (fault["state"], found["judged"], found["within"]) == ("installed", "as asked", 1.0)
    assert {asked for _, asked, _ in found["over_time"]} == {20.0, 80.0, 5.0, 40.0}
    assert (run / "rtts.csv").read_text() == TRACE
    assert "as traced" in (run / "report.html").read_text()


def test_nothing_else_that_slows_packets_is_measured_on_top_of_a_trace(tmp_path: Path) -> None:
    (tmp_path / "rtts.csv").write_text(TRACE)
    more = "  - {id: more, at: 20s, for: 5s, fault: FAULT}\n"
    for fault, refused in (("delay, delay: 5ms", True), ("corrupt, share: 5%", False)):
        text = CAMPAIGN.rstrip(" ") + more.replace("FAULT", fault)
        file = campaign_file.parse(text, tmp_path / "c.yml")
        if not refused:
            planner.build(file, lab())
            continue
        with pytest.raises(PlanError, match=r"more overlaps recorded .* one delay follows a trace"):
            planner.build(file, lab())


def test_a_delay_that_did_not_follow_its_trace_is_found(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    plan = json.loads((copy / "plan.json").read_text())
    plan["trials"][0]["faults"][0]["asked"]["steps"][3][1] = 60_000_000
    (copy / "plan.json").write_text(json.dumps(plan))
    fault = of_fault(build(copy, lambda _: None))
    assert fault["state"] == "indeterminate"
    assert fault["reason"].startswith("less than the trace between n1 and n2 ")
