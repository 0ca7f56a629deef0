"""Cells of a sweep beside each other: median trials, intervals over trials, what lies apart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.__main__ import main
from harness.cli.tables import sweep_table
from harness.errors import UsageError
from metrics.report import sweep as shown
from metrics.report import sweep_chart
from metrics.results.sweep import Cell, sweep
from metrics.results.trial_figures import OPEN, Figure, figures

PATH = "finality_latency_s.p95"


def cell(n: int, params: dict[str, Any], values: Sequence[Figure]) -> Cell:
    """Return a cell whose trials show one figure in one phase."""
    return Cell(n, params, {10 * n + i: {"slow": {PATH: v}} for i, v in enumerate(values)})


def exactly(*values: float) -> list[Figure]:
    return [(value, value, value) for value in values]


def test_a_point_is_the_median_trial_and_reaches_as_far_as_clocks_leave_it() -> None:
    first = cell(1, {"delay": "0ms"}, [(3.0, 2.9, 3.1), (3.2, 3.1, 3.4), (2.8, 2.7, 2.8)])
    second = cell(2, {"delay": "50ms"}, exactly(3.5, 3.6, 3.7))
    (row,) = sweep([first, second])
    assert row == {
        "axis": "delay", "fixed": {}, "phase": "slow", "figure": PATH, "differs": [2],
        "points": [
            {"cell": 1, "at": "0ms", "n": 3, "value": 3.0, "low": 2.7, "high": 3.4,
             "coverage": 0.75, "trials": [[10, 3.0], [11, 3.2], [12, 2.8]]},
            {"cell": 2, "at": "50ms", "n": 3, "value": 3.6, "low": 3.5, "high": 3.7,
             "coverage": 0.75, "trials": [[20, 3.5], [21, 3.6], [22, 3.7]]},
        ],
    }  # fmt: skip
    assert shown.sentence(row) == (
        "finality latency p95 in slow: 3 s (2.7 .. 3.4) at delay=0ms,"
        " 3.6 s (3.5 .. 3.7) at delay=50ms; told apart from delay=0ms from 50ms on."
    )


def test_a_cell_beyond_both_ends_of_a_line_is_told_too() -> None:
    cells = [cell(n, {"turn": n}, exactly(*values)) for n, values in enumerate(
        [(9.0, 9.1, 9.2), (8.0, 8.1, 8.2), (3.0, 3.1, 3.2), (7.0, 7.1, 7.2)], 1
    )]  # fmt: skip
    (row,) = sweep(cells)
    assert shown.sentence(row) == (
        "finality latency p95 in slow: 9.1 s (9 .. 9.2) at turn=1, 3.1 s (3 .. 3.2) at turn=3,"
        " 7.1 s (7 .. 7.2) at turn=4; told apart from turn=1 from 2 on."
    )


def test_values_that_are_lists_are_told_as_campaigns_have_them() -> None:
    (row,) = sweep([cell(1, {"off": ["n1"]}, [(1, 1, 1)]), cell(2, {"off": ["n1", "n2"]}, [OPEN])])
    assert shown.sentence(row) == (
        "finality latency p95 in slow: 1 s at off=[n1], beyond the end at off=[n1, n2];"
        " too few trials for an interval."
    )


def test_six_trials_cover_what_is_asked_and_seven_leave_the_ends_away() -> None:
    cells = [cell(n, {"d": n}, exactly(*range(1, trials + 1))) for n, trials in ((1, 6), (2, 9))]
    (row,) = sweep(cells)
    told = [(p["low"], p["high"], p["coverage"]) for p in row["points"]]
    assert told == [(1, 6, 1 - 2 / 2**6), (2, 8, 1 - 2 * (1 + 9) / 2**9)]
    assert row["differs"] == []


def test_trials_that_last_beyond_the_end_are_longer_than_all_others() -> None:
    one = cell(1, {"d": 1}, exactly(1.0, 1.1, 1.2))
    two = cell(2, {"d": 2}, [OPEN, (1.15, 1.15, 1.15), OPEN])
    three = cell(3, {"d": 3}, [OPEN, OPEN, OPEN])
    (row,) = sweep([one, two, three])
    told = [(p["value"], p["low"], p["high"]) for p in row["points"]]
    assert told == [(1.1, 1.0, 1.2), (None, 1.15, None), (None, None, None)]
    assert row["differs"] == [3]


def test_of_two_trials_there_is_no_interval_and_nothing_is_said_to_differ() -> None:
    (row,) = sweep([cell(1, {"d": 1}, exactly(1, 1)), cell(2, {"d": 2}, exactly(9, 9))])
    assert row["differs"] == []
    assert [p["coverage"] for p in row["points"]] == [None, None]
    assert shown.sentence(row).endswith("too few trials for an interval.")


def test_a_second_axis_makes_a_line_for_each_of_its_values() -> None:
    cells = [
        cell(n, {"net": net, "delay": delay}, exactly(n, n, n))
        for n, (net, delay) in enumerate(
            ((net, delay) for net in ("a", "b") for delay in ("0ms", "1ms", "2ms")), start=1
        )
    ]
    rows = sweep(cells)
    assert [(r["axis"], r["fixed"], [p["at"] for p in r["points"]]) for r in rows] == [
        ("delay", {"net": "a"}, ["0ms", "1ms", "2ms"]),
        ("delay", {"net": "b"}, ["0ms", "1ms", "2ms"]),
    ]
    assert [(r["fixed"], r["differs"]) for r in sweep(cells, "net")] == [
        ({"delay": "0ms"}, [4]), ({"delay": "1ms"}, [5]), ({"delay": "2ms"}, [6]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("net", "axis", "found"),
    [
        ([("0ms", 0), ("1ms", 1), ("2ms", 2)], "", [({}, ["0ms", "1ms", "2ms"])]),
        ([("0ms", 0), ("1ms", 1), ("2ms", 2)], "net.loss", [({}, [0, 1, 2])]),
        ([("0ms", 0), ("1ms", 0), ("2ms", 1)], "net.delay", [({}, ["0ms", "1ms", "2ms"])]),
        ([("0ms", 0), ("1ms", 1), ("1ms", 2)], "net.delay", []),
        (
            [("0ms", 0), ("1ms", 0), ("0ms", 1), ("1ms", 1)],
            "net.delay",
            [({"net.loss": 0}, ["0ms", "1ms"]), ({"net.loss": 1}, ["0ms", "1ms"])],
        ),
    ],
)
def test_values_of_one_map_go_together_along_an_axis_that_they_follow_from(
    net: list[tuple[str, int]], axis: str, found: list[tuple[dict[str, Any], list[Any]]]
) -> None:
    cells = [
        cell(n, {"net.delay": delay, "net.loss": loss}, exactly(n))
        for n, (delay, loss) in enumerate(net, start=1)
    ]
    rows = sweep(cells, axis)
    assert [(row["fixed"], [p["at"] for p in row["points"]]) for row in rows] == found


def test_what_is_not_known_of_a_trial_is_no_figure_of_it() -> None:
    q = {"n": 30, "unknown": 0, "censored": 2, "few": ["p99"], "p50": 1.0, "p95": None, "max": None,
         "p99": None, "error": {"p50": [0.9, 1.2]}}  # fmt: skip
    found = figures({
        "finality_latency_s": q, "inclusion_s": {**q, "unknown": 1}, "safe_s": {**q, "n": 0},
        "forks": {"switches": 3, "depth_max": None},
        "recovery_s": {"slow": {**q, "error": {"p50": [None, 1.2]}}},
    })  # fmt: skip
    assert found == {
        "finality_latency_s.p50": (1.0, 0.9, 1.2),
        "finality_latency_s.p95": OPEN,
        "finality_latency_s.max": OPEN,
        "forks.switches": (3, 3, 3),
        "recovery_s.slow.p95": OPEN,
        "recovery_s.slow.max": OPEN,
    }


def test_the_axis_is_to_scale_where_its_values_are_amounts_of_one_unit_and_can_be_read() -> None:
    for values, places in (
        (("0ms", "40ms", "240ms"), [0.0, 40.0, 240.0]),
        (("0ms", "1s"), [1.0, 2.0]),
        (("eosio", "bitshares"), [1.0, 2.0]),
        ((True, False), [1.0, 2.0]),
        (("0ms", "100ms", "-100ms"), [-100.0, 0.0, 100.0]),
        (("0ms", "120ms", "400ms", "-120ms", "-130ms"), [1.0, 2.0, 3.0, 4.0, 5.0]),
    ):
        cells = [cell(n, {"x": at}, exactly(1)) for n, at in enumerate(values, start=1)]
        (row,) = sweep(cells)
        where = sweep_chart.places([row])
        assert [place for place, _ in sweep_chart.placed(row, where)] == places


def summary(cells: Sequence[Cell]) -> dict[str, Any]:
    return {
        "cells": [
            {"n": c.n, "params": c.params,
             "trials": [{"n": n, "figures": phases} for n, phases in c.trials.items()]}
            for c in cells
        ]
    }  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "over", "phase", "line"),
    [
        ("finality_latency_s", "", "", "--metric finality_latency_s: no figure of this run; did"
         " you mean finality_latency_s.p95?"),
        (PATH, "dely", "", "--over dely: no axis of the matrix; did you mean delay?"),
        (PATH, "", "quick", "--phase quick: has no finality_latency_s.p95; known are slow"),
    ],
)  # fmt: skip
def test_a_figure_axis_or_phase_that_is_not_there_is_one_line(
    metric: str, over: str, phase: str, line: str
) -> None:
    two = [cell(n, {"delay": f"{n}ms"}, exactly(n)) for n in (1, 2)]
    with pytest.raises(UsageError) as caught:
        sweep_table.rows_of(summary(two), metric, over, phase)
    assert str(caught.value) == line


def test_an_axis_without_a_line_is_said_with_those_that_have_one() -> None:
    cells = [
        cell(n, {"net.delay": delay, "net.loss": n}, exactly(n))
        for n, delay in enumerate(("0ms", "1ms", "1ms"))
    ]
    with pytest.raises(UsageError) as caught:
        sweep_table.rows_of(summary(cells), PATH, "net.delay", "")
    assert str(caught.value) == (
        "--over net.delay: there are no two cells with figures that differ in it alone; did you"
        " mean net.loss?"
    )


def test_a_run_of_one_cell_is_no_sweep() -> None:
    one = [cell(1, {}, exactly(1))]
    assert sweep(one) == []
    with pytest.raises(UsageError, match="has one cell only; give its campaign a matrix"):
        sweep_table.rows_of(summary(one), PATH, "", "")


@pytest.mark.parametrize(("word", "status"), [("pass", 0), ("fail", 0), ("invalid", 3)])
def test_a_figure_of_an_invalid_run_is_said_not_to_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str, status: int
) -> None:
    """On the terminal and for scripts, whose output stays JSON."""
    cells = [cell(n, {"delay": f"{n}ms"}, exactly(n)) for n in (1, 2)]
    told = {"schema": "slotlab.summary/v1", "lab": "sim", "verdict": word, **summary(cells)}
    (tmp_path / "plan.json").write_text("{}")
    (tmp_path / "summary.json").write_text(json.dumps(told))
    line = f"invalid: {tmp_path}; its figures must not be used\n"
    for words, text in ((["--json"], "err"), ([], "out")):
        with pytest.raises(SystemExit) as ended:
            main(["report", str(tmp_path), "--metric", PATH, *words])
        said = capsys.readouterr()
        assert ended.value.code == status
        assert (line in getattr(said, text)) == (word == "invalid")
        assert not words or len(json.loads(said.out)) == 1
