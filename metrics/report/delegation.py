"""Who was scheduled and elected when and why: rows of a trial's tables and time line."""

import html
from collections.abc import Iterator
from typing import Any, NamedTuple

import plotly.graph_objects as go

from metrics.measure.delegation import elections, schedule
from metrics.measure.delegation.elections import Election, Elections
from metrics.measure.delegation.facts import Moment
from metrics.measure.delegation.schedule import ACTIVE, PROPOSED, Change, History
from metrics.model import number_text
from metrics.model.plan import Asset
from metrics.model.printable import printable
from metrics.results.analysis import Analysis

CHANGES, ELECTIONS = "schedule", "elections"
"""The time line's own rows, above the producers'."""
ROW_PX = 24
VOTES_MAX = 200
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


def schedules(analysis: Analysis) -> list[dict[str, Any]]:
    """Return a row for each change of the schedule."""
    held = {e.at.id: e for e in analysis.of(elections.METRIC).held if e.outcome == PROPOSED}
    return [
        {
            "version": change.version,
            **{step: at(getattr(change, step)) for step in schedule.STEPS},
            "fate": "" if change.fate == ACTIVE else change.fate,
            "joined": ", ".join(change.joined),
            "left": ", ".join(change.left),
            "why": _why(
                change,
                held.get(change.proposed.id) if change.proposed else None,
                analysis.data.plan.asset,
            ),
        }
        for change in analysis.of(schedule.METRIC).changes
    ]


def _why(change: Change, election: Election | None, asset: Asset) -> str:
    """Return why a schedule was proposed; for an election the votes of who came and who left."""
    if change.why != schedule.ELECTION or election is None:
        return change.why
    votes = [f"{name} {_place(election, name, asset)}" for name in change.joined + change.left]
    return f"{change.why}: {', '.join(votes)}" if votes else change.why


def _place(election: Election, name: str, asset: Asset) -> str:
    """Return the votes of a producer, or why it has no place."""
    if name in election.tally:
        return number_text.amount(election.tally[name], asset.digits)
    return election.out.get(name, "unregistered").replace("_", " ")


def ballots(analysis: Analysis) -> dict[str, Any]:
    """Return the block in which enough had voted, rows of elections' results, and rows of votes.

    more: how many votes are left out, where they would fill a page.
    """
    found, asset = analysis.of(elections.METRIC), analysis.data.plan.asset

    def weight(units: int) -> str:
        return number_text.amount(units, asset.digits)

    def tally(each: Election, names: list[str]) -> str:
        ranked = sorted(names, key=lambda name: -each.tally.get(name, 0))
        return ", ".join(f"{name} {_place(each, name, asset)}" for name in ranked)

    results = [
        {
            "at": at(each.at),
            "outcome": each.outcome,
            "elected": tally(each, each.producers),
            "standby": tally(each, each.standby),
            "out": tally(each, list(each.out)),
        }
        for each in found.held
    ]
    votes = [
        {
            "at": at(vote.at), "account": vote.account, "act": vote.act, "what": vote.what,
            "weight": "" if vote.weight is None else weight(vote.weight),
        }
        for vote in found.votes
    ]  # fmt: skip
    activated = ""
    if found.activated is not None:
        moment, units = found.activated
        activated = f"{at(moment)} s, with {weight(units)} {asset.name}"
    return {
        "activated": activated,
        "results": results,
        "votes": votes[:VOTES_MAX],
        "more": len(votes[VOTES_MAX:]),
    }


def doubts(analysis: Analysis) -> list[str]:
    """Return what is not known of the schedules, a sentence each."""
    found = analysis.of(schedule.METRIC)
    if not found.unknown:
        return []
    text = f"Of {found.unknown} final blocks it is not known what they did."
    return [text, *(f"{each}." for each in found.contradictions)]


def lanes(analysis: Analysis) -> list[str]:
    """Return the rows of the time line, its own and all who were ever scheduled; none if nothing
    happened.
    """
    found, ballot = analysis.of(schedule.METRIC), analysis.of(elections.METRIC)
    own = [CHANGES] if found.changes else []
    own += [ELECTIONS] if ballot.held or ballot.activated else []
    names = [*found.start, *(name for change in found.changes for name in change.producers)]
    return [*own, *dict.fromkeys(map(_label, names))] if own else []


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
        symbol = "star" if each.outcome == PROPOSED else "star-open"
        text = f"block {each.at.num}, {each.outcome}: {', '.join(each.producers)}"
        yield _Mark(ELECTIONS, each.at, symbol, text)


def _label(text: str) -> str:
    """Return text of hosts as a chart may hold it."""
    return html.escape(printable(text))
