"""The curves of trials that still wait: each trial has its mark, above all lines."""

from __future__ import annotations

from typing import Any

from metrics.report.durations import survival
from metrics.results.survival import DETECTED, RECOVERED
from tests.unit.metrics_report.charts_of import charts_of


def row(fault: str, what: str, trials: list[list[Any]]) -> dict[str, Any]:
    """Return a row of two trials, of which the first ended so after two seconds."""
    steps = [[0.0, 1.0, None, None], [2.0, 0.5, None, None]]
    return {
        "cell": 1, "params": {}, "fault": fault, "what": what, "n": len(trials), "ended": 1,
        "median_s": 2.0, "steps": steps, "trials": trials,
    }  # fmt: skip


def test_each_trial_is_marked_on_its_curve_and_no_line_is_drawn_over_it() -> None:
    trials = [[1, 2.0, True], [2, 7.5, False]]
    rows = [row("a", DETECTED, trials), row("a", RECOVERED, trials), row("b", DETECTED, trials)]
    (figure,) = charts_of(survival.shown(rows)["chart"]).values()
    modes = [trace["mode"] for trace in figure["data"]]
    assert modes == ["lines"] * 3 + ["markers"] * 6
    marks = [(t["marker"]["symbol"], t["x"], t["y"], t["hovertext"]) for t in figure["data"][3:]]
    ended = ("circle-open", [2.0], [0.5], ["trial 1: ended after 2.00 s"])
    waits = ("line-ns-open", [7.5], [0.5], ["trial 2: watched for 7.50 s, not ended"])
    assert marks == [ended, waits] * 3
    assert len({trace["line"]["dash"] for trace in figure["data"][:3]}) == 2
