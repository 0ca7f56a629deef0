"""A bracket behind each fault says how long it took until the last host was back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.metrics_report.charts_of import charts_of


def test_each_fault_that_disturbed_a_host_has_a_bracket_of_its_recovery(run: Path) -> None:
    traces = charts_of((run / "report.html").read_text())["finality-1"]["data"]
    found = {t["name"]: t["x"] for t in traces if t.get("name", "").endswith(": back")}
    recovery = json.loads((run / "summary.json").read_text())["metrics"]["recovery_s"]
    slowest = {f"{fault}: back": q["max"] for fault, q in recovery.items() if q["n"]}
    assert {name: x[1] - x[0] for name, x in found.items()} == pytest.approx(slowest)
