"""The time line above the finality chart: who was scheduled, what was elected and decided when."""

import html
from collections.abc import Iterator
from typing import NamedTuple

import plotly.graph_objects as go

from metrics.measure.delegation import decisions, elections, hard_forks, schedule
from metrics.measure.delegation.decisions import EXECUTED, Decisions
from metrics.measure.delegation.elections import COMMITTEE, ELECTED, Elections
from metrics.measure.delegation.facts import Moment
from metrics.measure.delegation.hard_forks import HardFork
from metrics.measure.delegation.schedule import PROPOSED, History
from metrics.model.plan import Bounds
from metrics.model.printable import printable
from metrics.results.analysis import Analysis

CHANGES, ELECTIONS, PROPOSALS, FORKS = "schedule", "elections", "proposals", "hard forks"
"""Its own rows, above the producers'."""
ROW_PX = 24
SCHEDULED = "#8fbcd9"
MARKS = dict(zip(schedule.STEPS, ("circle-open", "circle", "diamond"), strict=True))
FORK_MARKS = dict(zip(hard_forks.STATES, ("circle", "circle-open", "diamond", "x"), strict=True))


def lanes(analysis: Analysis) -> list[str]:
    """Return the rows of the time line, its own and all who were ever scheduled; none if nothing
    happened.
    """
    found, ballot = analysis.of(schedule.METRIC), analysis.of(elections.METRIC)
    decided = analysis.of(decisions.METRIC)
    own = [CHANGES] if found.changes else []
    bodies = {each.body for each in ballot.held}
    own += [ELECTIONS] if bodies - {COMMITTEE} or ballot.activated else []
    own += [COMMITTEE] if COMMITTEE in bodies else []
    own += [PROPOSALS] if decided.proposals or decided.changes else []
    own += [FORKS] if analysis.of(hard_forks.METRIC) else []
    names = [*found.start, *(name for change in found.changes for name in change.producers)]
    return [*own, *dict.fromkeys(map(_label, names))] if own else []


def predictions(analysis: Analysis) -> Iterator[tuple[float, float, Bounds]]:
    """Yield (from, to, lag) in seconds and blocks: what is predicted with as many as then take
    turns.
    """
    plan, found = analysis.data.plan, analysis.of(schedule.METRIC)
    begun = [(0.0, len(found.start))]
    begun += [
        (change.active.t_ns / 1e9, len(change.producers))
        for change in found.changes
        if change.active is not None and change.active.t_ns == change.active.t_ns
    ]
    ends = [from_s for from_s, _ in begun[1:]] + [analysis.data.end_ns / 1e9]
    for (from_s, count), to_s in zip(begun, ends, strict=True):
        yield from_s, to_s, plan.prediction.lag_of(count)


class _Mark(NamedTuple):
    lane: str
    at: Moment
    symbol: str
    text: str


def draw(figure: go.Figure, analysis: Analysis, *, row: int) -> None:
    """Draw a row for each producer, with a bar while it is scheduled, and what happened above."""
    found = analysis.of(schedule.METRIC)
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
    marks = [*_steps(found), *_results(analysis.of(elections.METRIC))]
    marks += _decided(analysis.of(decisions.METRIC))
    marks += _forked(analysis.of(hard_forks.METRIC))
    marks = [mark for mark in marks if mark.at.t_ns == mark.at.t_ns]
    figure.add_trace(
        go.Scatter(
            x=[mark.at.t_ns / 1e9 for mark in marks], y=[mark.lane for mark in marks],
            marker={"symbol": [mark.symbol for mark in marks], "size": 10, "color": "#24313d"},
            hovertext=[_label(mark.text) for mark in marks], hoverinfo="text",
            mode="markers", showlegend=False,
        ),
        row=row, col=1,
    )  # fmt: skip
    figure.update_yaxes(
        row=row, col=1, autorange="reversed", showgrid=False, dtick=1,
        categoryorder="array", categoryarray=lanes(analysis),
    )  # fmt: skip


def _steps(found: History) -> Iterator[_Mark]:
    for change in found.changes:
        for step, symbol in MARKS.items():
            moment: Moment | None = getattr(change, step)
            if moment is not None:
                text = f"version {change.version} {step} in block {moment.num} ({change.why})"
                yield _Mark(CHANGES, moment, symbol, text)


def _results(found: Elections) -> Iterator[_Mark]:
    if found.activated is not None:
        moment = found.activated[0]
        yield _Mark(ELECTIONS, moment, "triangle-up", f"enough had voted in block {moment.num}")
    for each in found.held:
        symbol = "star" if each.outcome in (PROPOSED, ELECTED) else "star-open"
        lane = COMMITTEE if each.body == COMMITTEE else ELECTIONS
        text = f"block {each.at.num}, {each.body} {each.outcome}: {', '.join(each.producers)}"
        yield _Mark(lane, each.at, symbol, text)


def _decided(found: Decisions) -> Iterator[_Mark]:
    for each in found.proposals:
        what = ", ".join(f"{key} = {text}" for key, text in each.changes.items())
        text = f"proposal {each.number} of {each.account} in block {each.at.num}: {what}"
        yield _Mark(PROPOSALS, each.at, "circle-open", text)
        if each.ended is not None:
            symbol = "circle" if each.outcome == EXECUTED else "x"
            text = f"proposal {each.number} {each.outcome} in block {each.ended.num}"
            yield _Mark(PROPOSALS, each.ended, symbol, text)
    for change in found.changes:
        what = ", ".join(f"{key} = {text}" for key, text in change.changes.items())
        yield _Mark(PROPOSALS, change.at, "diamond", f"in force from block {change.at.num}: {what}")


def _forked(found: list[HardFork]) -> Iterator[_Mark]:
    for each in found:
        text = f"hard fork {each.name} {each.state} in block {each.at.num}"
        yield _Mark(FORKS, each.at, FORK_MARKS.get(each.state, "x"), text)


def _label(text: str) -> str:
    """Return text of hosts as a chart may hold it."""
    return html.escape(printable(text))
