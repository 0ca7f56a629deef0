"""Who was scheduled when and why: the rows of a trial's tables, and those of its time line."""

import html
from collections.abc import Iterator
from typing import Any, NamedTuple

import plotly.graph_objects as go

from metrics.measure.delegation import schedule
from metrics.measure.delegation.facts import Moment
from metrics.measure.delegation.schedule import ACTIVE, History
from metrics.model import number_text
from metrics.model.printable import printable
from metrics.results.analysis import Analysis

CHANGES = "schedule"
"""The line's own row, above the producers'."""
ROW_PX = 24
SCHEDULED = "#8fbcd9"
MARKS = dict(zip(schedule.STEPS, ("circle-open", "circle", "diamond"), strict=True))


def at(moment: Moment | None) -> str:
    """Return a step's block, and when the first host had executed it, with the error."""
    if moment is None:
        return "–"
    if moment.t_ns != moment.t_ns:
        return f"{moment.num}, at an unknown time"
    value = moment.t_ns / 1e9
    half = max(moment.hi_ns - moment.t_ns, moment.t_ns - moment.lo_ns) / 1e9
    return f"{moment.num} at {number_text.with_error(value, half) if half else f'{value:.3f}'}"


def rows(analysis: Analysis) -> list[dict[str, Any]]:
    """Return a row for each change of the schedule."""
    return [
        {
            "version": change.version,
            **{step: at(getattr(change, step)) for step in schedule.STEPS},
            "fate": "" if change.fate == ACTIVE else change.fate,
            "joined": ", ".join(change.joined),
            "left": ", ".join(change.left),
            "why": change.why,
        }
        for change in analysis.of(schedule.METRIC).changes
    ]


def doubts(analysis: Analysis) -> list[str]:
    """Return what is not known of the schedules, a sentence each."""
    found = analysis.of(schedule.METRIC)
    if not found.unknown:
        return []
    text = f"Of {found.unknown} final blocks it is not known what they did."
    return [text, *(f"{each}." for each in found.contradictions)]


def producers(found: History) -> list[str]:
    """Return the rows of the time line: all who were ever scheduled; none if that never changed."""
    if not found.changes:
        return []
    names = dict.fromkeys(found.start)
    for change in found.changes:
        names |= dict.fromkeys(change.producers)
    return list(names)


class _Mark(NamedTuple):
    at_s: float
    symbol: str
    text: str


def draw(figure: go.Figure, analysis: Analysis, *, row: int) -> None:
    """Draw a row for each producer, with a bar while it is scheduled, and the steps above them."""
    found = analysis.of(schedule.METRIC)
    order = [CHANGES, *(_label(name) for name in producers(found))]
    for name, from_ns, to_ns in found.spells(analysis.data.end_ns):
        if from_ns == from_ns and to_ns == to_ns:
            figure.add_trace(
                go.Bar(
                    x=[(to_ns - from_ns) / 1e9], base=[from_ns / 1e9], y=[_label(name)],
                    orientation="h", showlegend=False, hoverinfo="text",
                    marker={"color": SCHEDULED, "line": {"width": 0}},
                    hovertext=f"{_label(name)}: {from_ns / 1e9:.1f} – {to_ns / 1e9:.1f} s",
                ),
                row=row, col=1,
            )  # fmt: skip
    marks = list(_marks(found))
    figure.add_trace(
        go.Scatter(
            x=[mark.at_s for mark in marks], y=[CHANGES] * len(marks), mode="markers",
            marker={"symbol": [mark.symbol for mark in marks], "size": 10, "color": "#24313d"},
            hovertext=[mark.text for mark in marks], hoverinfo="text", showlegend=False,
        ),
        row=row, col=1,
    )  # fmt: skip
    figure.update_yaxes(
        row=row, col=1, autorange="reversed", showgrid=False, dtick=1,
        categoryorder="array", categoryarray=order,
    )  # fmt: skip


def _marks(found: History) -> Iterator[_Mark]:
    for change in found.changes:
        for step, symbol in MARKS.items():
            moment: Moment | None = getattr(change, step)
            if moment is not None and moment.t_ns == moment.t_ns:
                text = f"version {change.version} {step} in block {moment.num} ({change.why})"
                yield _Mark(moment.t_ns / 1e9, symbol, _label(text))


def _label(text: str) -> str:
    """Return text of hosts as a chart may hold it."""
    return html.escape(printable(text))
