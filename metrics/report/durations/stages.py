"""Stages of blocks: a stacked bar a phase, and how long each took at, and between, which hosts."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from metrics.measure.metric import Figures
from metrics.measure.stages import stages
from metrics.measure.stages.stages import AFTER, AT_MAKER, RECEIVED, STAGES, WHOLE, Passages, Stage
from metrics.model import number_text
from metrics.model.arrays import Bools
from metrics.model.cell_text import cell_text
from metrics.model.plan import WARMUP
from metrics.model.quantiles import Samples, summarise
from metrics.report import charts
from metrics.report.in_order import in_order
from metrics.results.analysis import Analysis

SHORT = STAGES[: STAGES.index("applied") + 1]
"""Stages that take milliseconds; the others wait for other blocks."""
COLOURS = dict(zip(STAGES, (*charts.COLOURS[:4], *charts.COLOURS[:3:-1]), strict=True))
PX_A_PHASE = 34


def shown(summary: dict[str, Any], analyses: list[Analysis]) -> list[Figures]:
    """Return what the section shows of each cell that has any block's stages."""
    found = []
    for cell in summary["cells"]:
        phases = {
            name: m["stages_ms"]
            for name, m in cell["phases"].items()
            if name != WARMUP and m["stages_ms"]["produced"]["n"]
        }
        own = {trial["n"] for trial in cell["trials"]}
        if phases:
            found.append(
                {
                    "params": cell_text(cell["params"]),
                    "chart": _chart(phases, f"stages-{cell['n']}"),
                    "names": [*STAGES, WHOLE],
                    "phases": phases,
                    "trials": [_hosts(a) for a in analyses if a.data.file.n in own],
                }
            )
    return found


def _chart(phases: dict[str, Figures], key: str) -> str:
    """Return the stacked medians of each phase, those of short stages and of long ones apart."""
    figure = make_subplots(
        rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.04, column_widths=[0.5, 0.5]
    )
    names = [charts.label(name) for name in phases]
    for column, part, scale in ((1, SHORT, 1.0), (2, STAGES[len(SHORT) :], 1e3)):
        base = np.zeros(len(phases))
        for stage in part:
            qs = [found[stage] for found in phases.values()]
            width = np.asarray([(q["p50"] or 0.0) / scale for q in qs])
            said = [f"{stage}: p50 {number_text.figure(q, 'p50', 'ms')}, "
                    f"p95 {number_text.figure(q, 'p95', 'ms')}" for q in qs]  # fmt: skip
            figure.add_trace(
                go.Bar(y=names, x=width, base=base.copy(), orientation="h", name=stage,
                       marker={"color": COLOURS[stage], "line": {"width": 0}},
                       hovertext=said, hoverinfo="text+y"),
                row=1, col=column,
            )  # fmt: skip
            base += width
    whole = [found[WHOLE] for found in phases.values()]
    figure.add_trace(_whole(names, whole), row=1, col=2)
    figure.update_xaxes(title_text="medians, begin of the slot to applied (ms)", row=1, col=1)
    figure.update_xaxes(title_text="medians, applied to irreversible (s)", row=1, col=2)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return charts.fragment(figure, key, height=150 + PX_A_PHASE * len(phases))


def _whole(names: list[str], whole: list[Figures]) -> go.Scatter:
    """Return the mark of the whole's own median, which no sum of others is, with its error."""
    known = [(name, q) for name, q in zip(names, whole, strict=True) if q["p50"] is not None]
    values = [q["p50"] / 1e3 for _, q in known]
    ends = [_ends(q) for _, q in known]
    return go.Scatter(
        y=[name for name, _ in known], x=values, mode="markers", name="whole, its own median",
        marker={"symbol": "diamond-open", "size": 10, "color": "#000000"},
        error_x={"symmetric": False, "thickness": 1,
                 "array": [high / 1e3 - at for at, (_, high) in zip(values, ends, strict=True)],
                 "arrayminus": [at - low / 1e3 for at, (low, _) in zip(values, ends, strict=True)]},
    )  # fmt: skip


def _ends(q: Figures) -> tuple[float, float]:
    """Return the ends of the median's error, itself where one is not known."""
    low, high = q["error"]["p50"]
    at = q["p50"]
    return (at if low is None else low), (at if high is None else high)


def _hosts(analysis: Analysis) -> dict[str, Any]:
    """Return medians of a trial: of each pair of hosts, and of stages within each host."""
    found = analysis.of(stages.METRIC)
    inside = ~np.isin(found.phase, [WARMUP])
    hosts = in_order({*found.source.tolist(), *found.target.tolist()})
    return {
        "n": analysis.data.file.n,
        "hosts": hosts,
        "names": [*AT_MAKER, *AFTER],
        "within": {host: _within(found, inside, host) for host in hosts},
        "received": _pairs(found, found.ways[RECEIVED], inside, hosts, 1e6),
        "whole": _pairs(found, found.ways[WHOLE], inside, hosts, 1e9),
    }


def _within(found: Passages, inside: Bools, host: str) -> dict[str, str]:
    """Return the median of each stage within a host: of blocks made there, of those that came."""
    made, came = inside & (found.source == host), inside[found.block] & (found.target == host)
    here = {name: (found.made[name], made) for name in AT_MAKER}
    here |= {name: (found.ways[name], came) for name in AFTER}
    return {name: _median(stage.samples(chosen), 1e6) for name, (stage, chosen) in here.items()}


def _pairs(
    found: Passages, stage: Stage, inside: Bools, hosts: list[str], scale: float
) -> dict[str, dict[str, str]]:
    """Return the median of a stage by maker and receiver."""
    places = {host: i for i, host in enumerate(hosts)}
    source = np.asarray([places[host] for host in found.source.tolist()], dtype=np.int64)
    target = np.asarray([places[host] for host in found.target.tolist()], dtype=np.int64)
    pair = np.where(inside[found.block], source[found.block] * len(hosts) + target, -1)
    order = np.argsort(pair, kind="stable")
    edges = np.searchsorted(pair[order], np.arange(len(hosts) ** 2 + 1))
    table: dict[str, dict[str, str]] = {host: {} for host in hosts}
    for n in range(len(hosts) ** 2):
        own = order[edges[n] : edges[n + 1]]
        if len(own):
            source_host, target_host = (hosts[place] for place in divmod(n, len(hosts)))
            table[source_host][target_host] = _median(stage.samples(own), scale)
    return table


def _median(samples: Samples, scale: float) -> str:
    return number_text.figure(summarise([samples], scale=scale, digits=6), "p50")
