"""Campaigns run in the simulator by the command, as the sim tests use them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from harness.__main__ import app
from harness.campaign import campaign_file
from harness.plan import lab_view, planner
from harness.sim.campaign import simulate
from node import events


def simulated(campaign: str | Path, runs: Path) -> tuple[Result, dict[str, Any], Path]:
    """Return how the command ended, the summary, and the run folder of a campaign in sim."""
    words = ["run", str(campaign), "--lab", "sim", "--runs", str(runs), "--json"]
    done = CliRunner().invoke(app, words)
    folder = (runs / Path(campaign).stem / "latest").resolve()
    return done, json.loads((folder / "summary.json").read_text()), folder


def meets(done: Result, summary: dict[str, Any]) -> None:
    """Assert that a campaign passed with every check held."""
    failed = [item for item in summary["checks"] if item["verdict"] == "violated"]
    assert (done.exit_code, summary["verdict"], failed) == (0, "pass", [])


def facts(name: str, *kinds: type[events.Record]) -> list[Any]:
    """Return what blocks did, as every host of a shipped campaign tells alike, in order."""
    file = campaign_file.load(campaign_file.find(name))
    plan = planner.build(file, lab_view.simulated(file))
    done = simulate(plan, plan.trials[0])
    told = [
        [
            record
            for line in lines.splitlines()
            if isinstance(record := events.decode(line)[1], kinds)
        ]
        for lines in done.events.values()
    ]
    assert all(each == told[0] for each in told)
    return told[0]
