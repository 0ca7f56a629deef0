"""How often finality took longer: by phase, as a tail on a logarithmic scale, with its error."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from metrics.measure import finality
from metrics.model.arrays import Floats
from metrics.model.method import Method
from metrics.model.plan import WARMUP
from metrics.report import charts
from metrics.results.analysis import Analysis

POINTS_MAX = 240
"""Samples of a line that are drawn: all of the tail, of the rest evenly on the scale."""
HEIGHT = 420


def finality_tails(phases: Sequence[str], analyses: Sequence[Analysis], key: str) -> str:
    """Return the share of blocks that were not final after so many seconds, a line for each phase.

    Of all trials together, from raw samples; one not final by the end keeps its line up. "" for no
    samples.
    """
    figure = go.Figure()
    found = {name: _samples(name, analyses) for name in phases if name != WARMUP}
    found = {name: tail for name, tail in found.items() if len(tail.mid)}
    longest_s = max((float(tail.mid[-1]) for tail in found.values()), default=0.0)
    for i, (name, tail) in enumerate(found.items()):
        _draw(figure, name, tail, longest_s, i)
    if not figure.data:
        return ""
    figure.update_yaxes(title_text="not yet final (% of blocks)", type="log", dtick=1)
    figure.update_xaxes(title_text="since the slot of the block (s)")
    return charts.fragment(figure, key, height=HEIGHT)


class Tail(NamedTuple):
    """Lower ends, middles and upper ends in seconds, each in order; total: the censored, too."""

    low: Floats
    mid: Floats
    high: Floats
    total: int


def _samples(phase: str, analyses: Sequence[Analysis]) -> Tail:
    parts, total = [np.empty((3, 0))], 0
    for analysis in analyses:
        found = analysis.of(finality.METRIC)
        own = found.within(frozenset({phase}), all_of_them=False)
        samples = finality.latency_samples(found, own, analysis.data, finality.QUORUM)
        parts.append(samples.values)
        total += samples.n
    mid, low, high = np.sort(np.concatenate(parts, axis=1)) / 1e9
    return Tail(low, mid, high, total)


def _draw(figure: go.Figure, phase: str, tail: Tail, longest_s: float, place: int) -> None:
    ranks = drawn(len(tail.mid), tail.total)
    x, share = tail.mid[ranks], (tail.total - ranks) / tail.total
    colour, name = charts.colour(place), charts.label(phase)
    if np.isfinite(tail.low).all() and np.isfinite(tail.high).all():
        figure.add_trace(_band(tail.low[ranks], tail.high[ranks], share, colour, name))
    if tail.total > len(tail.mid):
        left = 1 - len(tail.mid) / tail.total
        x, share = np.append(x, [x[-1], longest_s]), np.append(share, [left, left])
    figure.add_trace(
        go.Scatter(
            x=charts.packed(x), y=charts.packed(100 * share), mode="lines", line_shape="vh",
            name=f"{name} (n = {tail.total})", legendgroup=name,
            line={"color": colour, "width": 2, "dash": charts.dash(place // len(charts.COLOURS))},
        )
    )  # fmt: skip


def drawn(known: int, total: int) -> npt.NDArray[np.int64]:
    """Return which of so many samples, in order, are drawn: few on the scale of what is left."""
    if known <= POINTS_MAX:
        return np.arange(known)
    left = np.geomspace(total, total - known + 1, POINTS_MAX)
    return np.unique(np.clip(total - np.round(left).astype(np.int64), 0, known - 1))


def _band(low: Floats, high: Floats, share: Floats, colour: str, name: str) -> go.Scatter:
    """Return what lies between the tail of all lower ends and that of all upper ends."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    fast, slow = _stepped(low, share), _stepped(high, share)
    return go.Scatter(
        x=charts.packed(np.concatenate([fast[0], slow[0][::-1]])),
        y=charts.packed(100 * np.concatenate([fast[1], slow[1][::-1]])),
        name=f"{name}: error", legendgroup=name, showlegend=False, mode="lines", line={"width": 0},
        fill="toself", fillcolor=f"rgba({red}, {green}, {blue}, 0.25)", hoverinfo="skip",
    )  # fmt: skip


def _stepped(x: Floats, share: Floats) -> tuple[Floats, Floats]:
    """Return a line with the corners of its steps."""
    return np.repeat(x, 2)[:-1], np.repeat(share, 2)[1:]


METHOD = Method(
    name="Tails of finality",
    formula="Of all blocks of a phase, in all trials of a cell together: the share that took "
    "longer than so many seconds. The band lies between the same of all lower ends and of all "
    "upper ends of the samples' errors.",
    left_out="As for finality. Of long lines, points that lie close together. Blocks that were "
    "not final by the end count as longer than anything seen: the line stays up.",
    assumes="As for finality. Blocks of one trial are not independent: this is what was seen.",
)
