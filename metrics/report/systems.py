"""Systems side by side: what the page says of cells that differ in their chain alone."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from metrics.measure import finality, forks, slots
from metrics.model import number_text
from metrics.model.cell_text import cell_text
from metrics.model.plan import WARMUP, Plan, PlannedCell
from metrics.report import charts
from metrics.results.analysis import Analysis
from metrics.results.systems import LATENCY

WHOLE = "whole trial"
SYMBOLS = ("circle", "diamond", "square", "cross")
Figures = dict[str, Any]


def chains(plan: Plan) -> list[str]:
    """Return in a few words what all chains of the plan are, then what each is beside that."""
    found = list(dict.fromkeys(_words(plan.in_cell(cell)) for cell in plan.cells))
    shared = [words[0] for words in zip(*found, strict=True) if len(set(words)) == 1]
    own = (", ".join(word for word in words if word not in shared) for words in found)
    return [text for text in (", ".join(shared), *own) if text]


def _words(plan: Plan) -> tuple[str, ...]:
    turn = f"{plan.blocks_per_turn} block{'s' if plan.blocks_per_turn > 1 else ''} a turn"
    return turn, f"slots of {plan.slot_ns / 1e6:g} ms", f"profile {plan.profile}"


def sides(plan: Plan, summary: Figures, analyses: list[Analysis]) -> list[Figures]:
    """Return what the page shows of each group of cells that stand side by side."""
    by_n = {a.data.file.n: a.data.planned.cell for a in analyses}
    figures = {by_n[cell["trials"][0]["n"]]: cell for cell in summary["cells"]}
    return [
        _group(plan, i, found, figures, analyses)
        for i, found in enumerate(summary["systems"], start=1)
    ]


def _group(
    plan: Plan, i: int, found: Figures, figures: dict[int, Figures], analyses: list[Analysis]
) -> Figures:
    planned = [cell for n in found["cells"] for cell in plan.cells if cell.n == n]
    cells = [figures[cell.n] for cell in planned]
    names = _names(plan, planned)
    firsts = [next(a for a in analyses if a.data.planned.cell == cell.n) for cell in planned]
    return {
        "names": names,
        "about": [_about(plan.in_cell(cell)) for cell in planned],
        "trials": [len(cell["trials"]) for cell in cells],
        "finality": [
            {
                "phase": phase,
                "sides": [m[LATENCY] | {"lag": m["finality_lag_blocks"]} for m in parts],
                "ratios": [
                    _ratios(found, cell, phase, [key for m in parts for key in m[LATENCY]["few"]])
                    for cell in planned[1:]
                ],
            }
            for phase, parts in _phases(cells)
        ],
        "slots": [(phase, [m["slots"] for m in parts]) for phase, parts in _phases(cells)],
        "reversals": [(phase, [_reversals(m) for m in parts]) for phase, parts in _phases(cells)],
        "transactions": [
            (phase, [m.get("reversals") or {} for m in parts]) for phase, parts in _phases(cells)
        ],
        "recovery": list(_recovery(cells)),
        "chart": _chart(names, firsts, f"systems-{i}"),
        "drawn": [a.data.file.n for a in firsts],
    }


def _names(plan: Plan, planned: list[PlannedCell]) -> list[str]:
    """Return a name for each cell: its profile, unless the same profile is there twice."""
    profiles = [plan.in_cell(cell).profile for cell in planned]
    if len(set(profiles)) == len(profiles):
        return profiles
    varied = [k for k in planned[0].params if len({str(c.params[k]) for c in planned}) > 1]
    return [cell_text({k: cell.params[k] for k in varied}) for cell in planned]


def _about(plan: Plan) -> str:
    """Return what finality takes on a chain."""
    lag, stages = plan.prediction.finality_lag_blocks, plan.finality.stages
    blocks = f"{lag.min}" if lag.min == lag.max else f"{lag.min} to {lag.max}"
    low, high = (f"{n * plan.interval_ns / 1e9:g}" for n in (lag.min, lag.max))
    seconds = low if low == high else f"{low} to {high}"
    return (
        f"a block each {plan.interval_ns / 1e9:g} s, {plan.blocks_per_turn} a turn; final when"
        f" {plan.quorum} of {plan.schedule_size} producers stand behind it, in {stages}"
        f" stage{'s' if stages > 1 else ''}; predicted undisturbed: {blocks} blocks later,"
        f" so {seconds} s"
    )


def _phases(cells: list[Figures]) -> Iterator[tuple[str, list[Figures]]]:
    """Yield (phase, M of each cell) of the phases that all have, then of the whole trials."""
    for phase in cells[0]["phases"]:
        if phase != WARMUP and all(phase in cell["phases"] for cell in cells):
            yield phase, [cell["phases"][phase] for cell in cells]
    yield WHOLE, [cell["metrics"] for cell in cells]


def _ratios(found: Figures, cell: PlannedCell, phase: str, few: list[str]) -> list[tuple[str, str]]:
    """Return (quantile, its ratio to that of the first cell in words), of each there could be.

    few: quantiles of which a cell has too few blocks.
    """
    return [
        (row["key"], number_text.UNKNOWN if row["ratio"] is None else _ratio(row))
        for row in found["ratios"]
        if (row["cell"], row["phase"]) == (cell.n, phase) and row["key"] not in few
    ]


def _ratio(row: Figures) -> str:
    low, high = row["error"]
    if low is None or high is None:
        return number_text.UNKNOWN
    half = max(row["ratio"] - low, high - row["ratio"])
    text = number_text.with_error(row["ratio"], half) if half else f"{row['ratio']:g}"
    pairs = row["pairs"]
    if pairs["n"] > 1:
        text += f" ({pairs['min']:.2f} … {pairs['max']:.2f} in {pairs['n']} pairs)"
    return text


def _reversals(m: Figures) -> Figures:
    """Return switches, blocks undone by them at all hosts, the deepest, and blocks made in vain."""
    depths = {int(depth): times for depth, times in m["forks"]["depths"].items()}
    return {
        "switches": m["forks"]["switches"],
        "undone": sum(depth * times for depth, times in depths.items()),
        "deepest": m["forks"]["depth_max"],
        "orphaned": m["slots"]["orphaned"],
    }


def _recovery(cells: list[Figures]) -> Iterator[tuple[str, list[str]]]:
    """Yield (fault, how long the slowest host of each cell took to be back to normal)."""
    for fault in cells[0]["metrics"]["recovery_s"]:
        qs = [cell["metrics"]["recovery_s"].get(fault) for cell in cells]
        yield fault, [_slowest(q) for q in qs]


def _slowest(q: Figures | None) -> str:
    if q is None:
        return "–"
    if not q["n"]:
        return "no host fell behind" if q.get("undisturbed") else number_text.UNKNOWN
    low, high = q["error"].get("max", [None, None])
    if q["max"] is None or low is None or high is None:
        return f"{number_text.figure(q, 'max', 's')} (of {q['n']} hosts)"
    return f"{number_text.span([q['max'], low, high])} s (of {q['n']} hosts)"


def _chart(names: list[str], analyses: list[Analysis], key: str) -> str:
    """Return the faults, below them when each block became final, and what was missed or undone."""
    figure = make_subplots(
        rows=3, cols=1, shared_xaxes=True, row_heights=[0.16, 0.5, 0.34], vertical_spacing=0.05
    )
    charts.fault_lanes(figure, analyses[0], row=1)
    lanes = [f"{what}: {charts.label(name)}" for what in ("missed", "undone") for name in names]
    for i, (name, analysis) in enumerate(zip(names, analyses, strict=True)):
        colour, symbol = charts.COLOURS[i], SYMBOLS[i % len(SYMBOLS)]
        points = list(_latencies(analysis))
        figure.add_trace(
            go.Scatter(
                x=charts.packed(np.asarray([x for x, _ in points])),
                y=charts.packed(np.asarray([y for _, y in points])), name=charts.label(name),
                mode="markers", marker={"color": colour, "symbol": symbol, "size": 7},
            ),
            row=2, col=1,
        )  # fmt: skip
        missed = [(s.t_ns / 1e9, 1) for s in analysis.of(slots.METRIC) if s.state == "missed"]
        undone = [(e.t_ns / 1e9, e.depth) for e, _ in analysis.of(forks.METRIC) if e.t_ns == e.t_ns]
        for lane, events in ((lanes[i], missed), (lanes[len(names) + i], undone)):
            _rug(figure, lane, events, colour, symbol)
    charts.shade_faults(figure, analyses[0].data.planned.faults, (2, 3))
    figure.update_yaxes(title_text="finality of the slot's<br>block (s)", row=2, col=1,
                        rangemode="tozero")  # fmt: skip
    figure.update_yaxes(
        row=3, col=1, autorange="reversed", categoryorder="array", categoryarray=lanes,
        range=[-0.5, len(lanes) - 0.5], showgrid=False, dtick=1,
    )  # fmt: skip
    figure.update_xaxes(title_text=charts.SECONDS, row=3, col=1)
    figure.update_xaxes(range=[0, analyses[0].data.end_ns / 1e9])
    return charts.fragment(figure, key, height=560)


def _latencies(analysis: Analysis) -> Iterator[tuple[float, float]]:
    """Yield (time of the slot, seconds until the quorum held the block final) of each block."""
    found = analysis.of(finality.METRIC)
    seen = finality.view(found, analysis.data, finality.QUORUM)
    for item, reached, t_ns in zip(
        found.blocks, seen.reached.tolist(), seen.t_ns.tolist(), strict=True
    ):
        if reached and t_ns == t_ns:
            yield item.slot_ns / 1e9, (t_ns - item.slot_ns) / 1e9


def _rug(
    figure: go.Figure, lane: str, events: Iterable[tuple[float, int]], colour: str, symbol: str
) -> None:
    """Draw events in a lane, larger where more was undone; one unseen keeps the lane there."""
    found = list(events)
    xs: list[float | None] = [x for x, _ in found]
    figure.add_trace(
        go.Scatter(
            x=xs or [None], y=[lane] * max(len(found), 1), mode="markers",
            showlegend=False, hoverinfo="text",
            hovertext=[f"{lane}, {x:.1f} s" + (f": {n} blocks" if n > 1 else "")
                       for x, n in found],
            marker={"color": colour, "symbol": symbol, "opacity": 0.7,
                    "size": [min(6 + n, 20) for _, n in found] or 6},
        ),
        row=3, col=1,
    )  # fmt: skip
