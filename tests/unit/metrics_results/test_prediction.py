"""Prediction beside measurement: the rules, this run, and a run of the same campaign elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.errors import UsageError
from harness.orchestrator import run as harness_run
from metrics.build import build
from metrics.model.run_folder import RunError
from tests.unit.metrics_build import bend, synthetic
from tests.unit.metrics_build.bend import Rebuilt

pytestmark = pytest.mark.slow


def _row(summary: dict[str, Any], phase: str, metric: str) -> dict[str, Any]:
    return next(
        r for r in summary["prediction"]["rows"] if (r["phase"], r["metric"]) == (phase, metric)
    )


def test_the_rules_prediction_stands_beside_the_baseline(rebuilt: Rebuilt) -> None:
    summary = rebuilt()
    row = _row(summary, "baseline", "finality_lag_blocks")
    assert row["predicted"] == {"min": 7, "max": 8}
    (found,) = row["found"]
    assert (found["min"], found["max"], row["inside"]) == (7.0, 8.0, [True])
    assert _row(summary, "baseline", "finality_latency_s")["predicted"] == {"min": 3.5, "max": 4.0}
    assert _row(summary, "kill-1", "finality_lag_blocks")["predicted"] is None


def test_another_run_of_the_campaign_fills_a_second_column(tmp_path: Path) -> None:
    def run(name: str, lab: str) -> Path:
        folder: Path = synthetic.write(tmp_path / name, synthetic.Story())
        bend.in_plan(lambda plan: plan.update(lab=lab))(folder)
        return folder

    real, sim = run("real", "container"), run("sim", "sim")
    build(sim, lambda text: None)
    summary = harness_run.report(real, lambda text: None, other=sim)
    assert [c["lab"] for c in summary["prediction"]["columns"]] == ["container", "sim"]
    row = _row(dict(summary), "baseline", "finality_lag_blocks")
    assert row["inside"] == [True, True]
    page = (real / "report.html").read_text()
    assert "this run: container" in page
    assert "beside it: sim" in page


def test_a_baseline_outside_the_prediction_gets_a_note_that_says_what_was_seen(
    rebuilt: Rebuilt,
) -> None:
    def narrow(plan: dict[str, Any]) -> None:
        plan["prediction"]["finality_lag_blocks"] = {"min": 3, "max": 4}

    notes = rebuilt(files=bend.in_plan(narrow))["notes"]
    (note,) = [note for note in notes if "not within the predicted 3 to 4" in note]
    assert "nothing that explains it" in note


def test_a_run_of_another_campaign_or_without_a_summary_is_refused(tmp_path: Path) -> None:
    ours = synthetic.write(tmp_path / "ours", synthetic.Story())
    theirs = synthetic.write(tmp_path / "theirs", synthetic.Story())
    with pytest.raises(RunError, match="slotlab report"):
        harness_run.report(ours, lambda text: None, other=theirs)
    bend.in_plan(lambda plan: plan.update(campaign="else"))(theirs)
    with pytest.raises(UsageError, match="a run of else"):
        harness_run.report(ours, lambda text: None, other=theirs)
