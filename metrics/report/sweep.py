"""The sweep section: what changes from cell to cell, in sentences, charts and a table."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go

from metrics.model import number_text
from metrics.model.cell_text import cell_text, value_text
from metrics.model.plan import BASELINE
from metrics.model.quantiles import COVERAGE
from metrics.report import charts
from metrics.results import sweep, trial_figures
from metrics.results.trial_figures import EVERY

Figures = dict[str, Any]
KEYS = ("p95", "p50")
"""Of a figure with quantiles the first that all phases have is charted, or else the last."""
HEIGHT = 300
NEAR = 0.03
"""Of the whole axis: what is nearer to its neighbour than that could not be read."""
_AMOUNT = re.compile(r"([+-]?\d+(?:\.\d+)?)([^\d\s.]*)", re.ASCII)
"""A value of the matrix with its unit."""


def shown(rows: Sequence[Figures]) -> Figures | None:
    """Return what the page shows of a sweep, or None of a run with one cell.

    {axis, coverage, sentences, charts: [{title, html}] of what differs, rest: the same of what
    varies only within intervals, same: titles of what does not vary at all, table: [{title, phase,
    fixed, points: [(at, interval, n)]}]}
    """
    if not rows:
        return None
    chosen = _chosen(rows)
    charted = [row for row in rows if row["figure"] in chosen and _has_place(row)]
    groups: dict[tuple[str, str], list[Figures]] = {}
    for row in charted:
        groups.setdefault((row["figure"], cell_text(row["fixed"])), []).append(row)
    order = list(dict.fromkeys(figure for figure, _ in groups))
    by_figure = sorted(groups.values(), key=lambda found: order.index(found[0]["figure"]))
    telling = [found for found in by_figure if any(_tells(row) for row in found)]
    varying = [found for found in by_figure if any(_varies(row) for row in found)]
    rest = [found for found in varying if found not in telling]
    moved = {found[0]["figure"] for found in varying}
    same = dict.fromkeys(row["figure"] for row in charted if row["figure"] not in moved)
    return {
        "axis": rows[0]["axis"],
        "coverage": _coverage(rows),
        "sentences": [sentence(row) for found in telling for row in found if _tells(row)],
        "charts": [_chart(found, f"sweep-{i}") for i, found in enumerate(telling)],
        "rest": [_chart(found, f"sweep-rest-{i}") for i, found in enumerate(rest)],
        "same": [number_text.title(figure) for figure in same],
        "table": [_table_row(row) for row in rows if _varies(row)],
    }


def sentence(row: Figures) -> str:
    """Return what a figure does along the axis, and whether beyond its intervals, in words."""
    where = "over all" if row["phase"] == EVERY else f"in {row['phase']}"
    fixed = f" at {cell_text(row['fixed'])}" if row["fixed"] else ""
    told = ", ".join(f"{_interval(row, p)} at {_at(row, p)}" for p in _told(row["points"]))
    return f"{number_text.words(row['figure'])[0]} {where}{fixed}: {told}; {_differs(row)}"


def _told(points: Sequence[Figures]) -> list[Figures]:
    """Return the first and the last, and between them what lies beyond the intervals of both."""
    first, *between, last = points
    heights = [_height(point) for point in points]
    extremes = {min(heights), max(heights)} - {heights[0], heights[-1]}
    beyond = [p for p in between if _height(p) in extremes
              and sweep.apart(first, p) and sweep.apart(p, last)]  # fmt: skip
    return [first, *beyond, last]


def _height(point: Figures) -> float:
    return math.inf if point["value"] is None else float(point["value"])


def _at(row: Figures, point: Figures) -> str:
    return cell_text({row["axis"]: point["at"]})


def _differs(row: Figures) -> str:
    points = row["points"]
    if any(point["coverage"] is None for point in points):
        return "too few trials for an interval."
    first = _at(row, points[0])
    differing = [p for p in points if p["cell"] in row["differs"]]
    ats = [value_text(p["at"]) for p in differing]
    if not ats:
        return f"no cell can be told apart from {first}."
    if differing == points[-len(ats) :]:
        return f"told apart from {first} from {ats[0]} on."
    return f"told apart from {first} at {', '.join(ats)}."


def _chosen(rows: Sequence[Figures]) -> set[str]:
    """Return the figures that are charted: of the quantiles of one, that which stands for all."""
    phases: dict[str, set[str]] = {}
    for row in rows:
        phases.setdefault(row["figure"], set()).add(row["phase"])
    found = set()
    for figure in phases:
        name, _, key = figure.rpartition(".")
        if key not in trial_figures.KEYS:
            found.add(figure)
        elif _only_whole(figure):
            found.add(f"{name}.max")
        else:
            every = phases.get(f"{name}.p50", set())
            found.add(next((f"{name}.{k}" for k in KEYS if phases.get(f"{name}.{k}") == every),
                           f"{name}.{KEYS[-1]}"))  # fmt: skip
    return found


def _has_place(row: Figures) -> bool:
    """Return whether a row is of a phase, or of a fault, which is told over all phases only."""
    return bool((row["phase"] == EVERY) == _only_whole(row["figure"]))


def _tells(row: Figures) -> bool:
    """Return whether cells differ, as far as there are intervals to tell."""
    told = all(point["coverage"] is not None for point in row["points"])
    return bool(row["differs"]) if told else _varies(row)


def _only_whole(path: str) -> bool:
    """Return whether a figure is one of a fault, over all phases."""
    return path.startswith(tuple(f"{name}." for name in trial_figures.OF_FAULTS))


def _varies(row: Figures) -> bool:
    """Return whether the trials of a line have more than one value."""
    return len({value for point in row["points"] for _, value in point["trials"]}) > 1


def _coverage(rows: Sequence[Figures]) -> str:
    """Return how often an interval holds the median trial, in words."""
    found = sorted({p["coverage"] for row in rows for p in row["points"] if p["coverage"]})
    if not found:
        return ""
    low = f"{100 * found[0]:.3g} %"
    text = low if found[0] == found[-1] else f"{low} to {100 * found[-1]:.3g} %"
    text += " of campaigns"
    few = ", less than usual: more trials say more" if found[0] < COVERAGE else ""
    return text + few


def _interval(row: Figures, point: Figures) -> str:
    """Return a point as `3.1 s (2.9 .. 3.3)`, the interval where there is one."""
    value = _value(row, point["value"])
    if point["coverage"] is None or point["low"] == point["high"]:
        return value
    unit = f" {number_text.words(row['figure'])[1]}"
    ends = [_value(row, point[end]).removesuffix(unit) for end in ("low", "high")]
    return f"{value} ({' .. '.join(ends)})"


def _value(row: Figures, value: float | None) -> str:
    return "beyond the end" if value is None else number_text.of_figure(row["figure"], value)


def _table_row(row: Figures) -> Figures:
    return {
        "title": number_text.title(row["figure"]),
        "phase": row["phase"],
        "fixed": cell_text(row["fixed"]),
        "points": [(_at(row, p), _interval(row, p), p["n"]) for p in row["points"]],
        "differs": row["differs"],
    }


def _chart(rows: Sequence[Figures], key: str) -> Figures:
    """Return one figure along the axis, as {title, html}: a line for each phase, the baseline as a
    band.
    """
    figure, where = go.Figure(), places(rows)
    phases = [row for row in rows if row["phase"] != BASELINE] or rows
    for row in rows:
        if row not in phases:
            _band(figure, row, where)
    for i, row in enumerate(phases):
        _line(figure, row, where, charts.COLOURS[i % len(charts.COLOURS)])
    ticks = {x: value_text(p["at"]) for row in rows for x, p in placed(row, where)}
    figure.update_xaxes(
        title_text=charts.label(rows[0]["axis"]), tickvals=list(ticks),
        ticktext=[charts.label(text) for text in ticks.values()],
    )  # fmt: skip
    title = number_text.title(rows[0]["figure"])
    figure.update_yaxes(title_text=charts.label(title))
    fixed = cell_text(rows[0]["fixed"])
    html = charts.fragment(figure, key, height=HEIGHT)
    return {"title": f"{title}, {fixed}" if fixed else title, "html": html}


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


def _line(figure: go.Figure, row: Figures, where: Mapping[str, float], colour: str) -> None:
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
            legendgroup=name, mode="lines+markers", line={"color": colour, "width": 2},
            marker={"size": 8},
            error_y={"array": [reach(p, "high", 1) for p in points],
                     "arrayminus": [reach(p, "low", -1) for p in points],
                     "thickness": 1.5, "width": 6},
        )
    )  # fmt: skip
    dots = [(x, n, value) for x, p in own for n, value in p["trials"]]
    figure.add_trace(
        go.Scatter(
            x=[x for x, _, _ in dots], y=[value for _, _, value in dots], mode="markers",
            marker={"color": colour, "size": 5, "opacity": 0.45}, legendgroup=name,
            showlegend=False, hovertext=[f"trial {n}" for _, n, _ in dots], name=name,
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
