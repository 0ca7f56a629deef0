"""The difference of a phase to the baseline is that of each trial, and says how sure it is."""

from __future__ import annotations

from typing import Any

import pytest

from metrics.report import differences

P50 = "finality_latency_s.p50"


def cell(*trials: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return a cell of trials with {phase: {path: figure}}."""
    return {"phases": {"baseline": {}, "late": {}}, "trials": [{"figures": m} for m in trials]}


def trial(base_s: float, late_s: float | None, error_s: float = 0.0) -> dict[str, dict[str, Any]]:
    """Return a trial's figures of finality, with an error on both sides."""
    late = [None] * 3 if late_s is None else [late_s, late_s - error_s, late_s + error_s]
    return {"baseline": {P50: [base_s, base_s - error_s, base_s + error_s]}, "late": {P50: late}}


def only(found: dict[str, Any]) -> dict[str, Any]:
    """Return the one difference that was found."""
    (table,) = found["tables"]
    (row,) = table["phases"]["late"]
    assert isinstance(row, dict)
    return row


def test_trials_that_differ_from_each_other_show_what_the_phase_does_in_each() -> None:
    found = differences.shown(cell(*(trial(k, k + 0.25) for k in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0))))
    assert found["tables"][0]["titles"] == [("finality latency p50", "s")]
    assert found["tables"][0]["base"] == ["3 s"]
    assert found["coverage"] == pytest.approx(0.96875)
    assert only(found) == {
        "text": "+0.25", "interval": "", "n": 6, "coverage": 0.96875, "apart": True,
    }  # fmt: skip


def test_the_interval_holds_the_errors_of_both_phases() -> None:
    found = differences.shown(cell(*[trial(4.0, 4.1, 0.02)] * 3))
    assert (only(found)["text"], only(found)["interval"]) == ("+0.1", "(+0.06 .. +0.14)")


@pytest.mark.parametrize(("error_s", "apart"), [(0.049, True), (0.05, False), (0.2, False)])
def test_a_difference_within_its_error_is_none(error_s: float, apart: bool) -> None:
    found = differences.shown(cell(*[trial(4.0, 4.1, error_s)] * 3))
    assert bool(found["tables"]) == apart
    assert (found["same"] == ["finality latency p50"]) != apart


def test_few_trials_show_what_they_showed_and_no_more() -> None:
    found = differences.shown(cell(trial(4.0, 4.1), trial(4.0, 4.3)))
    assert found["coverage"] is None
    assert (only(found)["interval"], only(found)["n"]) == ("(+0.1 .. +0.3)", 2)


def test_what_lies_beyond_the_end_is_apart_and_a_baseline_that_does_is_none() -> None:
    found = differences.shown(cell(*[trial(4.0, None)] * 3))
    assert (only(found)["text"], only(found)["apart"]) == ("beyond the end", True)
    unknown: dict[str, dict[str, Any]] = {"baseline": {P50: [None] * 3}, "late": {P50: [4, 4, 4]}}
    assert differences.shown(cell(unknown))["tables"] == []


def test_counts_are_not_compared_as_phases_last_differently_long() -> None:
    slots = {"slots.missed": [3, 3, 3], "slots.missed_ratio": [0.1, 0.1, 0.1]}
    none = {"slots.missed": [0, 0, 0], "slots.missed_ratio": [0.0, 0.0, 0.0]}
    found = differences.shown(cell({"baseline": none, "late": slots}))
    assert found["tables"][0]["titles"] == [("slots missed", "% points")]
    assert only(found)["text"] == "+10"
