"""The section of a sweep: what lies furthest apart first, and no noise over the full height."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.report import sweep as shown
from metrics.report import sweep_chart
from metrics.results.sweep import Cell, effect, sweep
from metrics.results.trial_figures import OPEN, Figure
from tests.unit.metrics_report.charts_of import charts_of

LATENCY = "finality_latency_s.p50"
Values = Sequence[float | None]


def exactly(values: Values) -> list[Figure]:
    return [OPEN if value is None else (value, value, value) for value in values]


def rows(figures: Mapping[str, Sequence[Values]], phase: str = "slow") -> list[dict[str, Any]]:
    """Return the rows of figures that have so many cells, each with values of its trials."""
    count = len(next(iter(figures.values())))
    cells = []
    for n in range(count):
        own = {path: exactly(cells[n]) for path, cells in figures.items()}
        trials = {
            10 * n + i: {phase: {path: values[i] for path, values in own.items()}}
            for i in range(len(next(iter(own.values()))))
        }
        cells.append(Cell(n, {"delay": f"{n}ms"}, trials))
    return sweep(cells)


def page(found: list[dict[str, Any]]) -> dict[str, Any]:
    told = shown.shown(found)
    assert told is not None
    return told


def near(value: float) -> list[float]:
    """Return three trials so close together that their cell is told apart from any other."""
    return [value, value * 1.001, value * 1.002]


@pytest.mark.parametrize(
    ("first", "other", "apart"),
    [
        ([1.0, 1.1, 1.2], [2.0, 2.2, 2.4], (2.0 - 1.2) / 2.4),
        ([2.0, 2.2, 2.4], [1.0, 1.1, 1.2], (2.0 - 1.2) / 2.4),
        ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0], 1.0),
        ([1.0, 1.1, 1.2], [1.2, 1.3, 1.4], 0.0),
        ([1.0, 1.1, 1.2], [None, None, None], 1.0),
        ([1.0, 1.0, 1.0], [2.0, None, None], 0.5),
        ([1.0], [4.0], 0.75),
        ([1.0], [None], 1.0),
        ([None], [None], 0.0),
    ],
)
def test_points_are_as_far_apart_as_their_intervals_are_for_sure(
    first: Values, other: Values, apart: float
) -> None:
    (row,) = rows({LATENCY: [first, other]})
    assert effect(*row["points"]) == pytest.approx(apart)


def test_of_each_measure_one_leads_finality_and_slots_first_then_the_furthest_apart() -> None:
    found = rows({
        "finality_latency_s.p50": [near(3.0), near(4.0)],
        "slots.orphaned": [near(1.0), near(8.0)],
        "slots.late": [near(1.0), near(9.0)],
        "forks.switches": [near(1.0), near(2.0)],
    })  # fmt: skip
    told = page(found)
    assert [text.split(" in ")[0] for text in told["sentences"]] == [
        "finality latency p50", "slots late", "forks switches", "slots orphaned",
    ]  # fmt: skip
    assert told["more"] == []


def test_so_many_sentences_lead_and_their_figures_alone_are_drawn_open() -> None:
    found = rows({
        f"m{i}.{name}": [near(1.0), near(2.0 + i + shift)]
        for i in range(shown.LEADING + 1) for name, shift in (("a", 0.5), ("b", 0.0))
    })  # fmt: skip
    told = page(found)
    best = [f"m{i} a" for i in range(shown.LEADING, 0, -1)]
    assert [text.split(" in ")[0] for text in told["sentences"]] == best
    assert [chart["title"] for chart in told["charts"]] == best
    assert len(told["more"]) == len(told["others"]) == len(found) - shown.LEADING
    assert told["more"][0].startswith(f"m{shown.LEADING} b in slow")


def test_what_has_an_interval_comes_before_what_has_none() -> None:
    many, one = {"a.x": [near(1.0), near(1.5)]}, {"b.x": [[1.0], [9.0]]}
    told = page([*rows(one), *rows(many)])
    assert [text.split(" in ")[0] for text in told["sentences"]] == ["a x", "b x"]


def figure_of(found: list[dict[str, Any]]) -> dict[str, Any]:
    return charts_of(sweep_chart.chart(found, found, "key"))["key"]


def test_values_that_are_nearly_equal_are_drawn_level() -> None:
    low, high = sweep_chart.heights(rows({LATENCY: [[3.5, 3.501, 3.502], [3.499, 3.501, 3.502]]}))
    assert low < 3.5 - 0.08
    assert high > 3.5 + 0.08


def test_a_difference_within_the_interval_takes_no_more_than_half_of_the_height() -> None:
    low, high = sweep_chart.heights(rows({LATENCY: [[5.0, 6.0, 9.0], [5.5, 6.1, 8.0]]}))
    assert high - low >= 2 * (9.0 - 5.0)


@given(
    st.lists(
        st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=3, max_size=5),
        min_size=2, max_size=4,
    )
)  # fmt: skip
def test_all_that_is_drawn_stands_within_the_axis(values: list[list[float]]) -> None:
    low, high = sweep_chart.heights(rows({LATENCY: values}))
    drawn = [value for cell in values for value in cell]
    assert low < min(drawn) <= max(drawn) < high
    assert high - low >= sweep_chart.NOISE * max(map(abs, drawn))


def test_charts_of_one_figure_beside_each_other_have_one_height() -> None:
    cells = [
        Cell(n, {"net": net, "delay": delay}, {n: {"slow": {LATENCY: (v, v, v)}}})
        for n, (net, delay, v) in enumerate(
            (("a", "0ms", 1.0), ("a", "1ms", 2.0), ("a", "2ms", 2.0),
             ("b", "0ms", 5.0), ("b", "1ms", 9.0), ("b", "2ms", 9.0))
        )
    ]  # fmt: skip
    told = page(sweep(cells))
    found = [charts_of(chart["html"]) for chart in told["charts"]]
    ends = [figure["layout"]["yaxis"]["range"] for each in found for figure in each.values()]
    assert len(ends) == 2
    assert ends[0] == ends[1]
    assert ends[0][0] < 1.0 < 9.0 < ends[0][1]


def test_every_trial_is_a_ring_above_all_lines_and_larger_than_their_points() -> None:
    found = rows({LATENCY: [near(1.0), near(2.0)]}, "slow")
    found += rows({LATENCY: [near(1.5), near(2.5)]}, "after")
    traces = figure_of(found)["data"]
    modes = [(trace["name"], trace["mode"]) for trace in traces]
    assert modes == [
        ("slow", "lines+markers"), ("after", "lines+markers"),
        ("slow", "markers"), ("after", "markers"),
    ]  # fmt: skip
    lines, rings = traces[:2], traces[2:]
    assert {ring["marker"]["symbol"] for ring in rings} == {"circle-open"}
    assert all(
        ring["marker"]["size"] > line["marker"]["size"]
        for line, ring in zip(lines, rings, strict=True)
    )
    assert [len(ring["y"]) for ring in rings] == [6, 6]
    assert lines[0]["line"]["dash"] != lines[1]["line"]["dash"]
    assert lines[0]["marker"]["symbol"] != lines[1]["marker"]["symbol"]


def test_a_cell_beyond_the_end_is_a_triangle_at_the_upper_edge() -> None:
    figure = figure_of(rows({LATENCY: [near(1.0), [None, None, None]]}))
    (mark,) = [t for t in figure["data"] if t["marker"]["symbol"] == "triangle-up"]
    assert (mark["x"], mark["y"]) == ([1.0], [figure["layout"]["yaxis"]["range"][1]])
    assert mark["name"] == "slow: beyond the end"


@pytest.mark.parametrize(
    ("figure", "top", "step"),
    [
        ("forks.depth_max", 3.0, 1),
        ("finality_lag_blocks.p50", 3.0, 1),
        ("forks.depth_max", 90.0, None),
        (LATENCY, 3.0, None),
        ("slots.missed_ratio", 1.0, None),
    ],
)
def test_a_few_of_what_is_counted_have_no_ticks_between(
    figure: str, top: float, step: int | None
) -> None:
    found = figure_of(rows({figure: [[0.0] * 3, [top] * 3]}))
    assert found["layout"]["yaxis"].get("dtick") == step
