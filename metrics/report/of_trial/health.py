"""The network's health over time: which share of its slots it used, and when which node said so."""

import html
from collections import deque
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from metrics.measure import slots
from metrics.measure.confidence import health
from metrics.measure.confidence.health import DEGRADED, FULL, HALTED, HEALTHY
from metrics.model.printable import printable
from metrics.report.charts import SECONDS, fragment, stairs
from metrics.results.analysis import Analysis

COLOURS = {DEGRADED: "#F0E442", HALTED: "#D55E00"}
LINE_PX, LANE_PX, ROUND_PX = 150, 24, 90


def chart(analysis: Analysis, key: str) -> str:
    """Return the used share of the latest slots of the chain that won, and each node's alarms.

    "" where every slot has its block and no node said otherwise.
    """
    told = analysis.of(health.METRIC)
    times, shares = participation(analysis)
    if not told and all(share == 1 for share in shares):
        return ""
    hosts = [host.host for host in analysis.data.plan.hosts]
    height = LINE_PX + LANE_PX * len(hosts) + ROUND_PX
    share = LANE_PX * len(hosts) / (LINE_PX + LANE_PX * len(hosts))
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[1 - share, share], vertical_spacing=0.06
    )
    figure.add_trace(
        go.Scatter(**stairs(np.asarray(times), 100 * np.asarray(shares)), mode="lines",
                   line_shape="hv", line={"color": "#0072B2", "width": 1.8}, showlegend=False),
        row=1, col=1,
    )  # fmt: skip
    limits = analysis.data.plan.health
    for below, word in ((limits.degraded_below, DEGRADED), (limits.halted_below, HALTED)):
        figure.add_hline(
            y=100 * below / FULL, row=1, col=1, line={"color": COLOURS[word], "width": 2},
            annotation={"text": f"{word} below", "font": {"size": 11}, "x": 0, "xanchor": "left"},
            annotation_position="bottom left",
        )  # fmt: skip
    lanes = [_label(host) for host in hosts]
    figure.add_trace(
        go.Bar(x=[0] * len(lanes), y=lanes, orientation="h", showlegend=False), row=2, col=1
    )
    for host in hosts:
        for word, start_s, end_s in alarms(analysis, host):
            figure.add_trace(
                go.Bar(
                    x=[round(end_s - start_s, 3)], base=[round(start_s, 3)],
                    y=[_label(host)], orientation="h",
                    showlegend=False, marker={"color": COLOURS[word], "line": {"width": 0}},
                    hoverinfo="text",
                    hovertext=_label(f"{host}: {word} from {start_s:.1f} to {end_s:.1f} s"),
                ),
                row=2, col=1,
            )  # fmt: skip
    figure.update_yaxes(title_text="slots used (%)", row=1, col=1, range=[0, 105])
    figure.update_yaxes(row=2, col=1, autorange="reversed", showgrid=False)
    figure.update_xaxes(title_text=SECONDS, row=2, col=1)
    figure.update_xaxes(range=[0, analysis.data.end_ns / 1e9])
    return fragment(figure, key, height=height)


def participation(analysis: Analysis) -> tuple[list[float], list[float]]:
    """Return (seconds, share): of the latest slots, those whose block is of the chain that won.

    As a node's monitor begins, slots from before the first count as used.
    """
    size = analysis.data.plan.health_slots
    latest: deque[bool] = deque([True] * size, maxlen=size)
    times, shares = [], []
    for slot in analysis.of(slots.METRIC):
        latest.append(slot.state == "produced" and not slot.orphaned)
        times.append(slot.t_ns / 1e9)
        shares.append(sum(latest) / size)
    return times, shares


def alarms(analysis: Analysis, host: str) -> list[tuple[str, float, float]]:
    """Return (word, from, to) in seconds of each stretch that a node called other than healthy."""
    found, word, since = [], HEALTHY, 0.0
    end_s = analysis.data.end_ns / 1e9
    events = [told.event for told in analysis.of(health.METRIC) if told.event.host == host]
    marks = [(event.state, event.t_ns / 1e9) for event in events if event.t_ns == event.t_ns]
    for state, at_s in [*marks, (HEALTHY, end_s)]:
        if word != HEALTHY:
            found.append((word, since, at_s))
        word, since = state, at_s
    return found


def rows(analysis: Analysis) -> list[dict[str, Any]]:
    """Return a row for each change that a node told, by time."""
    told = analysis.of(health.METRIC)
    return [
        {
            "at_s": item.slot_ns / 1e9,
            "host": item.event.host,
            "state": item.event.state,
            "share": item.event.participation / FULL,
            "phase": item.phase,
        }
        for item in sorted(told, key=lambda item: (item.slot_ns, item.event.host))
    ]


def _label(text: str) -> str:
    return html.escape(printable(text))
