"""Curves of trials that still wait, after a fault, for it to be noticed or to be over."""

from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from metrics.model.cell_text import cell_text
from metrics.report import charts
from metrics.results.survival import DETECTED, RECOVERED

TITLES = {
    DETECTED: "not yet detected so long after it began (s)",
    RECOVERED: "not yet recovered so long after its heal (s)",
}
LINES_MAX = 8
"""Of more curves in one chart none could be told from another: the rows say it then."""


def shown(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the rows of the section and its chart, "" where one trial alone waits for each."""
    named = [{**row, "of": f"{row['fault']} {cell_text(row['params'])}".strip()} for row in rows]
    return {"rows": named, "chart": _chart(named)}


def _chart(rows: list[dict[str, Any]]) -> str:
    drawn = [row for row in rows if row["n"] > 1]
    faults = list(dict.fromkeys(row["of"] for row in drawn))
    if not drawn or len(faults) > LINES_MAX:
        return ""
    figure = make_subplots(rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.06)
    seen: set[str] = set()
    placed = [(row, list(TITLES).index(row["what"]) + 1, faults.index(row["of"])) for row in drawn]
    for row, column, place in placed:
        _lines(figure, row, column, place, first=row["of"] not in seen)
        seen.add(row["of"])
    for row, column, place in placed:
        _trials(figure, row, column, place)
    for column, title in enumerate(TITLES.values(), start=1):
        figure.update_xaxes(title_text=title, rangemode="tozero", row=1, col=column)
    figure.update_yaxes(title_text="share of trials", range=[-0.05, 1.05], row=1, col=1)
    return charts.fragment(figure, "survival-chart", height=380)


def _lines(figure: go.Figure, row: dict[str, Any], column: int, place: int, *, first: bool) -> None:
    """Draw the steps of a curve and of its interval, up to how long was watched."""
    steps, name = row["steps"], charts.label(row["of"])
    last = max([steps[-1][0], *(t for _, t, _ in row["trials"])])
    times = [step[0] for step in steps] + [last]
    style = {"color": charts.colour(place), "dash": charts.dash(place), "width": 2}
    for end in (2, 3):
        if steps[0][end] is not None:
            figure.add_trace(
                go.Scatter(x=times, y=[step[end] for step in steps] + [steps[-1][end]],
                           mode="lines", line_shape="hv", legendgroup=name, showlegend=False,
                           line={**style, "width": 0.8}, hoverinfo="skip"),
                row=1, col=column,
            )  # fmt: skip
    figure.add_trace(
        go.Scatter(x=times, y=[step[1] for step in steps] + [steps[-1][1]], mode="lines",
                   line_shape="hv", name=name, legendgroup=name, showlegend=first, line=style),
        row=1, col=column,
    )  # fmt: skip


def _trials(figure: go.Figure, row: dict[str, Any], column: int, place: int) -> None:
    """Mark each trial on its curve: a ring where it ended so, a stroke up to where it was watched.

    They are drawn above all curves, of which none hides them.
    """
    for ended, symbol, words in (
        (True, "circle-open", "ended after {:.2f} s"),
        (False, "line-ns-open", "watched for {:.2f} s, not ended"),
    ):
        found = [(t, n) for n, t, own in row["trials"] if own == ended]
        figure.add_trace(
            go.Scatter(x=[t for t, _ in found], y=[_still(row["steps"], t) for t, _ in found],
                       mode="markers", legendgroup=charts.label(row["of"]), showlegend=False,
                       hovertext=[f"trial {n}: {words.format(t)}" for t, n in found],
                       hoverinfo="text", cliponaxis=False,
                       marker={"symbol": symbol, "size": 10, "color": charts.colour(place),
                               "line": {"width": 1.5}}),
            row=1, col=column,
        )  # fmt: skip


def _still(steps: list[list[float]], t: float) -> float:
    return [step[1] for step in steps if step[0] <= t][-1]
