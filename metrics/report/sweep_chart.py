"""A figure of a sweep along its axis: points with intervals, single trials, the baseline's band."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go

from metrics.model import number_text
from metrics.model.cell_text import value_text
from metrics.model.plan import BASELINE
from metrics.report import charts

Figures = dict[str, Any]
HEIGHT = 300
NEAR = 0.03
"""Of the whole axis: what is nearer to its neighbour than that could not be read."""
NOISE = 0.05
"""The least that an axis spans, of its largest value: what differs by less is drawn level."""
MARGIN, SIDE = 0.06, 0.15
"""Of an axis: what is left above and below, and beside."""
STEPS_MAX = 8
"""Up to so many an axis of counts has a tick for each, and none between."""
SYMBOLS = ("circle", "diamond", "square", "cross", "x", "star")
_AMOUNT = re.compile(r"([+-]?\d+(?:\.\d+)?)([^\d\s.]*)", re.ASCII)
"""A value of the matrix with its unit."""


def chart(rows: Sequence[Figures], alike: Sequence[Figures], key: str) -> str:
    """Return one figure along the axis: a line for each phase, the baseline as a band.

    alike: rows of charts that are looked at beside this one, so are of the same height.
    """
    figure, where, (low, high) = go.Figure(), places(rows), heights(alike)
    phases = [row for row in rows if row["phase"] != BASELINE] or rows
    for row in rows:
        if row not in phases:
            _band(figure, row, where)
    for i, row in enumerate(phases):
        _line(figure, row, where, i)
    for i, row in enumerate(phases):
        _trials(figure, row, where, i)
    for i, row in enumerate(phases):
        _beyond(figure, row, where, i, high)
    ticks = {x: value_text(p["at"]) for row in rows for x, p in placed(row, where)}
    figure.update_xaxes(
        title_text=charts.label(rows[0]["axis"]), tickvals=list(ticks),
        ticktext=[charts.label(text) for text in ticks.values()], range=_sides(ticks),
    )  # fmt: skip
    title = charts.label(number_text.title(rows[0]["figure"]))
    figure.update_yaxes(title_text=title, range=[low, high], dtick=_step(alike))
    return charts.fragment(figure, key, height=HEIGHT)


def _sides(ticks: Iterable[float]) -> list[float]:
    """Return the ends of an axis on which the words of the outermost values have room."""
    left, right = min(ticks), max(ticks)
    margin = SIDE * (right - left or 1.0)
    return [left - margin, right + margin]


def heights(rows: Sequence[Figures]) -> tuple[float, float]:
    """Return the ends of the axis on which all values and intervals of rows stand."""
    drawn = _drawn(rows)
    low, high = widened(min(drawn, default=0.0), max(drawn, default=1.0), least_span(rows))
    margin = MARGIN * (high - low or 1.0)
    return low - margin, high + margin


def least_span(rows: Sequence[Figures]) -> float:
    """Return what an axis spans at least, so that noise does not fill it.

    Where values differ by less than the widest of their intervals, that is twice this interval.
    """
    points = [point for row in rows for point in row["points"]]
    values = _known(point["value"] for point in points)
    wide = max((p["high"] - p["low"] for p in points if None not in (p["low"], p["high"])),
               default=0.0)  # fmt: skip
    least = NOISE * max(map(abs, _drawn(rows)), default=0.0)
    within = values and max(values) - min(values) < wide
    return max(least, 2 * wide) if within else least


def widened(low: float, high: float, least: float) -> tuple[float, float]:
    """Return ends that span the least, and begin at zero unless that is far below."""
    if 0 < low < high / 2:
        low = 0.0
    if high - low < least:
        below = (low + high - least) / 2
        low = max(below, 0.0) if low >= 0 else below
        high = low + least
    return low, high


def _drawn(rows: Sequence[Figures]) -> list[float]:
    points = [point for row in rows for point in row["points"]]
    ends = _known(point[end] for point in points for end in ("value", "low", "high"))
    return ends + _known(value for point in points for _, value in point["trials"])


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _step(rows: Sequence[Figures]) -> int | None:
    """Return the step of ticks where values are a few whole numbers, which have nothing between."""
    drawn = _drawn(rows)
    whole = all(value == int(value) for value in drawn)
    few = max(drawn, default=0) - min(drawn, default=0) <= STEPS_MAX
    counted = number_text.words(rows[0]["figure"])[1] in ("", "blocks")
    return 1 if whole and few and counted else None


def places(rows: Sequence[Figures]) -> dict[str, float]:
    """Return where on the axis each value of it stands, from left to right.

    They stand at their amounts; one after another where they are none of one unit, or so near to
    each other that they could not be read.
    """
    values = dict.fromkeys(str(point["at"]) for row in rows for point in row["points"])
    found = {at: match for at in values if (match := _AMOUNT.fullmatch(at))}
    if len(found) < len(values) or len({match[2] for match in found.values()}) > 1:
        return _one_by_one(values)
    amounts = dict(sorted(((a, float(m[1])) for a, m in found.items()), key=lambda own: own[1]))
    steps = [right - left for left, right in pairwise(amounts.values())]
    return amounts if min(steps, default=0) >= NEAR * sum(steps) else _one_by_one(amounts)


def _one_by_one(values: Iterable[str]) -> dict[str, float]:
    return {at: float(n) for n, at in enumerate(values, start=1)}


def placed(row: Figures, where: Mapping[str, float]) -> list[tuple[float, Figures]]:
    """Return (place, point) of each point of a row, from left to right."""
    found = [(where[str(point["at"])], point) for point in row["points"]]
    return sorted(found, key=lambda own: own[0])


def _line(figure: go.Figure, row: Figures, where: Mapping[str, float], i: int) -> None:
    """Draw median trials and intervals; dashes leave a line of the same values to be seen."""
    name, own = charts.label(row["phase"]), placed(row, where)
    points = [point for _, point in own]
    known = [p for p in points if p["low"] is not None and p["high"] is not None]
    by_cell = {p["cell"]: p for p in known}

    def reach(point: Figures, end: str, sign: int) -> float:
        there = point["cell"] in by_cell and point["value"] is not None
        return sign * (point[end] - point["value"]) if there else 0.0

    figure.add_trace(
        go.Scatter(
            x=[x for x, _ in own], y=[p["value"] for p in points], name=name,
            legendgroup=name, mode="lines+markers",
            line={"color": charts.colour(i), "width": 2, "dash": charts.dash(i)},
            marker={"size": 7, "symbol": SYMBOLS[i % len(SYMBOLS)]},
            error_y={"array": [reach(p, "high", 1) for p in points],
                     "arrayminus": [reach(p, "low", -1) for p in points],
                     "thickness": 1.5, "width": 6},
        )
    )  # fmt: skip


def _trials(figure: go.Figure, row: Figures, where: Mapping[str, float], i: int) -> None:
    """Draw each trial as a ring, which no line and no median trial hides."""
    rings = [(x, n, value) for x, p in placed(row, where) for n, value in p["trials"]]
    name = charts.label(row["phase"])
    figure.add_trace(
        go.Scatter(
            x=[x for x, _, _ in rings], y=[value for _, _, value in rings], mode="markers",
            marker={"color": charts.colour(i), "size": 11, "symbol": "circle-open",
                    "line": {"width": 1.2}},
            legendgroup=name, showlegend=False, name=name,
            hovertext=[f"trial {n}" for _, n, _ in rings],
        )
    )  # fmt: skip


def _beyond(
    figure: go.Figure, row: Figures, where: Mapping[str, float], i: int, high: float
) -> None:
    """Mark cells whose median trial lies beyond its end by a triangle at the upper edge."""
    at = [x for x, p in placed(row, where) if p["value"] is None]
    if at:
        name = charts.label(row["phase"])
        figure.add_trace(
            go.Scatter(
                x=at, y=[high] * len(at), mode="markers", name=f"{name}: beyond the end",
                marker={"color": charts.colour(i), "size": 11, "symbol": "triangle-up"},
                legendgroup=name, showlegend=False, cliponaxis=False, hoverinfo="name",
            )
        )  # fmt: skip


def _band(figure: go.Figure, row: Figures, where: Mapping[str, float]) -> None:
    """Draw from the least to the greatest trial of each cell."""
    spans = [
        (x, min(values), max(values))
        for x, p in placed(row, where)
        if (values := [value for _, value in p["trials"] if value is not None])
    ]
    figure.add_trace(
        go.Scatter(
            x=[x for x, _, _ in spans] + [x for x, _, _ in reversed(spans)],
            y=[high for _, _, high in spans] + [low for _, low, _ in reversed(spans)],
            fill="toself", mode="lines", name=charts.label(row["phase"]), hoverinfo="skip",
            line={"color": "#8a97a3", "width": 2}, fillcolor="rgba(138, 151, 163, 0.3)",
        )
    )  # fmt: skip
