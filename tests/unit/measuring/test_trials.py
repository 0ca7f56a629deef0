"""Several trials are pooled from raw samples; a trial that broke off still gives a report."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

Rebuilt = Callable[..., dict[str, Any]]


def _repeat(run: Path) -> None:
    """Make a second trial of the same cell, of the same events."""
    shutil.copytree(run / "trials" / "1", run / "trials" / "2")
    path = run / "trials" / "2" / "trial.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "n": 2}))
    plan = json.loads((run / "plan.json").read_text())
    plan["trials"].append({**plan["trials"][0], "n": 2})
    (run / "plan.json").write_text(json.dumps(plan))


def _break_off(run: Path) -> None:
    """Leave a trial that was interrupted before anything was collected."""
    shutil.rmtree(run / "trials" / "1" / "hosts")
    path = run / "trials" / "1" / "trial.json"
    broken = {"state": "interrupted", "reason": "by the operator"}
    path.write_text(json.dumps({**json.loads(path.read_text()), **broken}))


def test_two_trials_are_pooled_and_too_few_for_an_interval_over_trials(rebuilt: Rebuilt) -> None:
    summary = rebuilt(files=_repeat)
    baseline = summary["cells"][0]["phases"]["baseline"]
    assert [trial["n"] for trial in summary["cells"][0]["trials"]] == [1, 2]
    assert baseline["finality_lag_blocks"]["n"] == 32
    assert baseline["slots"]["expected"] == 48
    assert baseline["slots"]["by_producer"]["producera"]["expected"] == 12
    q = baseline["finality_latency_s"]
    assert (q["n"], q["ci"]) == (32, None)
    assert len(summary["faults"]) == 8
    assert summary["verdict"] == "pass"


def test_a_trial_that_broke_off_is_invalid_and_still_reported(
    rebuilt: Rebuilt, tmp_path: Path
) -> None:
    summary = rebuilt(files=_break_off)
    assert summary["verdict"] == "invalid"
    assert "trial 1: the trial is interrupted: by the operator" in summary["invalid"]
    slots = summary["metrics"]["slots"]
    assert slots["produced"] == 0
    assert slots["unknown"] == slots["expected"] > 0
    assert (tmp_path / "run" / "report.html").stat().st_size > 100_000
