"""The lab path end to end: lab, deploy, all four faults, report; and nothing left afterwards.

The report is held against a second analysis of the raw files. Exactly: everything that is counted
(slots, forks, lags, samples, checks of clocks, verdicts) and what the plan says. By interval: what
is a time. The containers share one raw clock, so there the second analysis knows every latency to a
microsecond and every moment to a millisecond, and the report's [lo, hi] must hold it. Counts of
events that happened within a millisecond of the edge of a phase may be on either side of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from harness.labs import state
from tests.lab.bench import MARKS
from tests.sim.second.summary import compare

ROOT = Path(__file__).resolve().parents[2]

pytestmark = MARKS


def test_the_smoke_campaign_passes_in_a_lab_that_leaves_nothing_behind(tmp_path: Path) -> None:
    before = demos()
    done = subprocess.run(
        [sys.executable, "-m", "harness", "demo", "smoke", "--runs", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    run = (tmp_path / "smoke" / "latest").resolve()
    assert str(run / "report.html") in done.stdout
    summary = json.loads((run / "summary.json").read_text())
    assert summary["verdict"] == "pass"
    assert {fault["state"] for fault in summary["faults"]} == {"installed"}
    assert {check["verdict"] for check in summary["checks"]} == {"holds"}
    assert compare(run, summary) == []
    assert demos() <= before


def demos() -> set[str]:
    """Return the labs that demos made; other tests may make and remove theirs meanwhile."""
    return {name for name in state.list_labs() if name.startswith("demo-")}
