"""A whole net restarts on a lab: it halts for good, unless an operator lets a node sign on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.lab.bench import MARKS, Bench, deployed

pytestmark = [*MARKS, pytest.mark.long]


lab = deployed("dark", hosts=2)


def outcome(lab: Bench, name: str, runs: Path) -> tuple[int, dict[str, Any]]:
    """Return (exit status, summary) of a campaign that ships."""
    done = lab.slotlab("run", name, "-i", str(lab.inventory), "--runs", str(runs))
    summary = runs / name / "latest" / "summary.json"
    assert summary.exists(), done.stdout + done.stderr
    return done.returncode, json.loads(summary.read_text())


def test_a_net_that_nobody_restarts_fails_for_want_of_finality(lab: Bench, tmp_path: Path) -> None:
    status, summary = outcome(lab, "all_restart", tmp_path)
    checks = {check["name"]: check for check in summary["checks"]}
    violated = {name for name, check in checks.items() if check["verdict"] == "violated"}
    assert (status, summary["verdict"], summary["invalid"]) == (1, "fail", [])
    assert violated == {"finality_resumes", "dark: recovers within 20 s"}
    assert checks["finality_resumes"]["evidence"].startswith("finality stood still for ")


def test_a_net_that_an_operator_restarts_passes(lab: Bench, tmp_path: Path) -> None:
    status, summary = outcome(lab, "all_restart_operator", tmp_path)
    verdicts = {check["verdict"] for check in summary["checks"]}
    assert (status, summary["verdict"], summary["invalid"], verdicts) == (0, "pass", [], {"holds"})
