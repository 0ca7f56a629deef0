"""Each figure of a run has a method that says what it is, and each method explains a figure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from faults.model.kind import KINDS
from metrics.report import methods
from tests.unit.metrics_report import explained

MAYBE_EMPTY = {
    ("transactions", "lost_by_host", "*"), ("precommits", "by_host", "*"), ("schedule", "*"),
    ("schedule_delay_blocks",), ("schedule_delay_s",), ("elections", "*"),
    ("elections", "outcomes", "*"), ("pay", "*"), ("pay", "by_what", "*"),
    ("pay", "by_account", "*"), ("pay", "by_endpoint", "*"), ("pay", "fees_by_account", "*"),
    ("pay", "earned_by_account", "*"), ("reversals", "depths", "*"), ("reversals", "by_host", "*"),
    ("decisions", "*"), ("decisions", "by_parameter", "*"),
    ("hard_forks", "*"), ("health", "by_host", "*"), ("tapos", "share_after", "*"),
    ("prediction", "simulated"),
}  # fmt: skip
"""What a run may leave empty, or out."""


@pytest.fixture(scope="module")
def summary(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "summary.json").read_text())
    return found


def test_each_figure_has_exactly_one_method(summary: dict[str, Any]) -> None:
    assert explained.wrongly_explained(summary) == []
    bare = {**summary, "cells": [{"metrics": {"new": 1}, "phases": {}}]}
    assert explained.wrongly_explained(bare) == [("new",)]


def test_no_method_explains_a_figure_that_is_not_there(summary: dict[str, Any]) -> None:
    known = explained.figures(summary) | {(key,) for key in summary}
    idle = [
        pattern
        for pattern in explained.DECLARED
        if pattern[0] != "faults" and not any(explained.matches(pattern, path) for path in known)
    ]
    assert set(idle) <= MAYBE_EMPTY


def test_each_kind_of_fault_has_a_method() -> None:
    assert [kind for kind in KINDS if ("faults", kind) not in explained.DECLARED] == []


def test_the_page_shows_each_method_with_what_this_run_left_out(
    summary: dict[str, Any], run: Path
) -> None:
    rows = [row for group in methods.of_run(summary).values() for row in group]
    names = {row["method"].name for row in rows}
    assert "Partition measured" in names
    assert "Loss measured" not in names
    here = {row["method"].name: row["here"] for row in rows}
    assert here["Propagation"] == (
        "6 orphaned, 9 too near the end, 0 without a record, 0 hops censored, 0 hops unknown"
    )
    page = (run / "report.html").read_text()
    assert [name for name in names if name.replace("'", "&#39;") not in page] == []
    assert here["Propagation"] in page
