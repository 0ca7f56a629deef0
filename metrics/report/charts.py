"""The charts of one trial, as figures that the page's script draws; colour-blind safe.

Colours are those of day; what they are at night stands in page.js.
"""

import html
import re
from base64 import b64encode
from collections.abc import Iterable
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io
from plotly.subplots import make_subplots

from metrics.measure import clocks, head_lag, recovery
from metrics.model.arrays import Floats
from metrics.model.plan import PlannedFault
from metrics.model.printable import printable
from metrics.report import fault_text
from metrics.report.governance import time_line
from metrics.report.in_order import in_order
from metrics.results.analysis import Analysis

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#7F7F7F", "#000000")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
LANE_COLOURS = ("#56B4E9", "#E69F00", "#CC79A7", "#999999", "#009E73", "#F0E442")
PATTERNS = ("/", "x", ".", "\\", "-", "+", "|")
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
SECONDS = "time since T0 (s)"
INDEX_MAX = 2**8
_TYPES = (("i1", 2**7 - 1), ("i2", 2**15 - 1))
"""Whole numbers as plotly.js reads them, and up to where each goes."""
GAP = -(2**15)
"""Stands for a gap among steps of time."""
TRACES = ("scatter", "bar", "heatmap")
"""What charts are made of."""
TEMPLATE = plotly.io.templates["plotly_white"].to_plotly_json()
TEMPLATE["data"] = {kind: TEMPLATE["data"][kind] for kind in TRACES}
_AXIS = {"automargin": True, "title": {"standoff": 8, "font": {"size": 13}}}
for _unused in ("polar", "ternary", "scene", "geo", "coloraxis", "colorscale"):
    del TEMPLATE["layout"][_unused]
TEMPLATE["layout"] |= {
    "barmode": "overlay",
    "margin": {"l": 10, "r": 20, "t": 36, "b": 10},
    "font": {"family": FONT, "size": 13, "color": "#24313d"},
    "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    "xaxis": TEMPLATE["layout"]["xaxis"] | _AXIS | {"ticks": "outside", "tickcolor": "#ccd5dd"},
    "yaxis": TEMPLATE["layout"]["yaxis"] | _AXIS,
}
plotly.io.templates.default = None
"""The page has the one template once, for all charts: plotly would copy and check it anew for each
figure, half of the time that a report takes, and the copies would be a third of a large report."""
_NEEDLESS = re.compile(r"(\\\\)|\\u002f")
"""An escaped backslash, or the slash that plotly escapes: six bytes, and base64 is full of them."""


def colour(place: int) -> str:
    """Return the colour of one of several lines."""
    return COLOURS[place % len(COLOURS)]


def dash(place: int) -> str:
    """Return the dashes of one of several lines."""
    return DASHES[place % len(DASHES)]


def finality(analysis: Analysis, key: str) -> str:
    """Return fault lanes, lag of each host in blocks, and each host's last irreversible block.

    Where the schedule changed, who was scheduled stands under the faults.
    """
    height, shares = 620.0, [0.16, 0.42, 0.42]
    lines = len(time_line.lanes(analysis))
    if lines:
        own = time_line.ROW_PX * lines / height
        height, shares = height * (1 + own), [shares[0], own, *shares[1:]]
    last = len(shares)
    figure = make_subplots(
        rows=last, cols=1, shared_xaxes=True, row_heights=shares,
        vertical_spacing=0.05 * 620 / height,
    )  # fmt: skip
    fault_lanes(figure, analysis, row=1)
    recovery_brackets(figure, analysis, row=1)
    if lines:
        time_line.draw(figure, analysis, row=2)
    for i, host in enumerate(in_order(analysis.heads)):
        t_s, lag, lib = _with_gaps(analysis.heads[host], analysis.data.plan.slot_ns)
        style = {"color": colour(i), "dash": dash(i), "width": 1.8}
        name = label(host)
        for row, values, shown in ((last - 1, lag, True), (last, lib, False)):
            figure.add_trace(
                go.Scatter(**stairs(t_s, values), name=name, legendgroup=name, showlegend=shown,
                           line=style, mode="lines", line_shape="hv"),
                row=row, col=1,
            )  # fmt: skip
    for from_s, to_s, predicted in time_line.predictions(analysis):
        flat = predicted.min == predicted.max
        figure.add_shape(
            type="rect", x0=from_s, x1=to_s, y0=predicted.min, y1=predicted.max, row=last - 1,
            col=1, line={"color": "#999999", "width": 4 if flat else 0}, fillcolor="#999999",
            opacity=0.25, layer="below",
        )  # fmt: skip
    shade_faults(figure, analysis.data.planned.faults, range(2, last + 1))
    figure.update_yaxes(
        title_text="head − final<br>(blocks)", row=last - 1, col=1, rangemode="tozero"
    )
    figure.update_yaxes(title_text="last final<br>block (number)", row=last, col=1)
    figure.update_xaxes(title_text=SECONDS, row=last, col=1)
    figure.update_xaxes(range=[0, analysis.data.end_ns / 1e9])
    return fragment(figure, key, height=round(height))


def shade_faults(
    figure: go.Figure, faults: Iterable[PlannedFault], rows: Iterable[int] = ()
) -> None:
    """Shade the times of faults, alike however many there are at once: lines stay legible there.

    rows: of a figure that has several.
    """
    places: list[dict[str, Any]] = [{"row": row, "col": 1} for row in rows] or [{}]
    for from_ns, to_ns in _union((fault.at_ns, fault.end_ns) for fault in faults):
        for place in places:
            figure.add_vrect(
                x0=from_ns / 1e9, x1=to_ns / 1e9, line_width=0, fillcolor="#000000", opacity=0.05,
                layer="below", **place,
            )  # fmt: skip


def _union(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans in order, those that touch as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            first, last = found.pop()
            start, end = first, max(last, end)
        found.append((start, end))
    return found


def clock_offsets(analysis: Analysis, key: str) -> str:
    """Return each host's clock offset with its bound, the limit, and the injected skew as truth."""
    figure = go.Figure()
    points = analysis.of(clocks.METRIC).checks
    for i, planned in enumerate(analysis.data.plan.hosts):
        own = [p for p in points if p.host == planned.host and p.t_ns == p.t_ns]
        own.sort(key=lambda p: p.t_ns)
        if own:
            figure.add_trace(
                go.Scatter(
                    x=packed_seconds(np.asarray([p.t_ns / 1e9 for p in own])),
                    y=[round(p.offset_ns / 1e6, 3) for p in own],
                    error_y={"array": [round(p.bound_ns / 1e6, 3) for p in own],
                             "thickness": 1, "width": 3},
                    name=label(planned.host), mode="markers",
                    marker={"color": colour(i), "size": 7, "symbol": i},
                )
            )  # fmt: skip
    for fault in analysis.data.planned.faults:
        if truth := _truth(analysis, fault):
            x, y = truth
            figure.add_trace(
                go.Scatter(x=x, y=y, mode="lines", line={"color": "#000", "dash": "dot"},
                           name=label(f"{fault.id}: injected on {', '.join(fault.targets)}"))
            )  # fmt: skip
    limit = analysis.data.plan.clock_limit_ns
    if limit:
        for sign in (-1, 1):
            figure.add_hline(y=sign * limit / 1e6, line={"color": "#D55E00", "width": 1})
        figure.add_annotation(
            x=1, xref="paper", y=limit / 1e6, text=f"limit ± {limit / 1e6:g} ms", showarrow=False,
            xanchor="right", yanchor="bottom", font={"color": "#D55E00", "size": 12},
        )  # fmt: skip
    figure.update_yaxes(title_text="node clock − NTP (ms)")
    figure.update_xaxes(title_text=SECONDS, range=[0, analysis.data.end_ns / 1e9])
    return fragment(figure, key, height=360)


def _truth(
    analysis: Analysis, fault: PlannedFault
) -> tuple[list[float], list[float | None]] | None:
    """Return (seconds, ms) of what a fault adds to node clock minus NTP; None for other kinds."""
    start, stop, end = fault.at_ns / 1e9, fault.end_ns / 1e9, analysis.data.end_ns / 1e9
    match fault.kind.clock:
        case "step":
            first = last = fault.asked["by_ns"] / 1e6
        case "drift":
            first, last = 0.0, fault.asked["by_ppb"] * (stop - start) / 1e6
        case "lie":
            first = last = -fault.asked["by_ns"] / 1e6
        case _:
            return None
    return [0, start, start, stop, stop, end], [0, 0, first, last, 0, 0]


def fault_lanes(figure: go.Figure, analysis: Analysis, *, row: int) -> None:
    """Draw each fault as a labelled, patterned bar in a lane of its own kind."""
    kinds = list(dict.fromkeys(fault.fault for fault in analysis.data.planned.faults))
    for fault in analysis.data.planned.faults:
        lane = kinds.index(fault.fault)
        width = max(fault.end_ns - fault.at_ns, analysis.data.plan.slot_ns) / 1e9
        figure.add_trace(
            go.Bar(
                x=[width], base=[fault.at_ns / 1e9], y=[label(fault.fault)], orientation="h",
                showlegend=False, marker={
                    "color": LANE_COLOURS[lane % len(LANE_COLOURS)], "line": {"width": 0},
                    "pattern": {"shape": PATTERNS[lane % len(PATTERNS)], "size": 6},
                },
                hoverinfo="text",
                hovertext=label(
                    f"{fault.id} on {fault_text.where(fault.groups, fault.targets, 0)}"
                ),
            ),
            row=row, col=1,
        )  # fmt: skip
    figure.update_yaxes(row=row, col=1, autorange="reversed", showgrid=False)


def recovery_brackets(figure: go.Figure, analysis: Analysis, *, row: int) -> None:
    """Draw, from where each fault healed, until when the slowest host was not back to normal."""
    kind_of = {fault.id: fault.fault for fault in analysis.data.planned.faults}
    found: dict[str, list[recovery.Recovery]] = {}
    for item in analysis.of(recovery.METRIC):
        if item.disturbed:
            found.setdefault(item.fault, []).append(item)
    for fault, items in found.items():
        start_s, end_s, said = _bracket(items, analysis.data.end_ns / 1e9)
        figure.add_trace(
            go.Scatter(
                x=[start_s, end_s], y=[label(kind_of[fault])] * 2, mode="lines+markers",
                line={"color": "#24313d", "width": 1.5}, showlegend=False, name=f"{fault}: back",
                marker={"symbol": "line-ns-open", "size": 11, "color": "#24313d"},
                hoverinfo="text", hovertext=[label(f"{fault}: {said}")] * 2,
            ),
            row=row, col=1,
        )  # fmt: skip


def _bracket(items: list[recovery.Recovery], end_s: float) -> tuple[float, float, str]:
    """Return (from, to, what is said of it) in seconds, to the end where a host is not back."""
    start_s = items[0].healed.t_ns / 1e9
    lost = [item.host for item in items if item.back is None]
    if lost:
        return start_s, end_s, f"not back by the end: {', '.join(lost)}"
    at_s, host = max((item.back.t_ns / 1e9, item.host) for item in items if item.back)
    return start_s, at_s, f"back to normal after {at_s - start_s:.2f} s, last {host}"


def _with_gaps(found: head_lag.Series, slot_ns: int) -> tuple[Floats, Floats, Floats]:
    """Return (seconds, lag, lib) with a gap wherever the node wrote nothing for more than three
    slots.
    """
    breaks = np.nonzero(np.diff(found.t_ns) > 3 * slot_ns)[0] + 1
    t = np.insert(found.t_ns / 1e9, breaks, np.nan)
    lag = np.insert(found.head - found.lib, breaks, np.nan)
    lib = np.insert(found.lib, breaks, np.nan)
    return t, lag, lib


def stairs(x: Floats, y: Floats) -> dict[str, dict[str, str]]:
    """Return the x and y of stairs, less what lies within a step, packed as plotly.js reads it."""
    needed = np.ones(len(y), dtype=bool)
    needed[1:-1] = (y[1:-1] != y[:-2]) | np.isnan(y[2:])
    return {"x": packed_seconds(x[needed]), "y": packed(y[needed])}


def packed_seconds(t_s: Floats) -> dict[str, str]:
    """Return seconds as page.js reads them: each in milliseconds more than the one before, in two
    bytes.

    Clocks are not known better. Where they lie further apart they are packed as other numbers.
    """
    known = ~np.isnan(t_s)
    steps = np.diff(np.round(t_s[known] * 1e3), prepend=0.0)
    if np.max(np.abs(steps), initial=0) > -GAP - 1:
        return packed(t_s)
    found = np.full(len(t_s), GAP)
    found[known] = steps
    return {"dtype": "ms", "bdata": b64encode(found.astype("<i2").tobytes()).decode()}


def packed(values: Floats) -> dict[str, str]:
    """Return numbers as plotly.js reads them: of few bytes, as a chart shows no seventh digit."""
    whole, top = bool(np.all(values == np.round(values))), np.max(np.abs(values), initial=0)
    dtype = next((name for name, most in _TYPES if whole and top <= most), "f4")
    return {"dtype": dtype, "bdata": b64encode(values.astype(f"<{dtype}").tobytes()).decode()}


def label(text: str) -> str:
    """Return text of hosts as a chart may hold it."""
    return html.escape(printable(text))


def fragment(figure: go.Figure, key: str, *, height: int) -> str:
    """Return a chart as HTML: its figure, which the page draws when it is not folded away."""
    return (
        f'<div class="chart" id="{key}"><div class="drawing" style="height:{height}px"></div>'
        f'<div class="take"></div><script type="application/json">'
        f"{embedded(_once(figure.to_plotly_json()))}</script></div>"
    )


def _once(figure: dict[str, Any]) -> dict[str, Any]:
    """Return a figure whose long lists of few words hold each once: page.js puts them back."""
    for trace in figure["data"]:
        for key in ("y", "text"):
            words = trace.get(key)
            if isinstance(words, (list, tuple)) and all(isinstance(word, str) for word in words):
                own = list(dict.fromkeys(words))
                if len(own) < min(len(words) / 2, INDEX_MAX):
                    at = bytes(own.index(word) for word in words)
                    trace[key] = {"words": own, "at": b64encode(at).decode()}
    return figure


def embedded(value: Any) -> str:
    """Return a value as JSON that no text within can end the script it stands in."""
    text = _NEEDLESS.sub(lambda found: found[1] or "/", str(plotly.io.json.to_json_plotly(value)))
    return text.replace("<", "\\u003c")
