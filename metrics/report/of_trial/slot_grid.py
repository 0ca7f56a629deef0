"""Each producer's slots at their own time: a lane a producer, a mark where a block is missing."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from metrics.measure import slots
from metrics.measure.slots import Slot
from metrics.report import charts
from metrics.report.in_order import in_order
from metrics.results.analysis import Analysis

WORDS = {
    "produced": ("#9cc6e2", ""), "late": ("#56B4E9", "L"), "abstained": ("#F0E442", "A"),
    "missed": ("#D55E00", "M"), "orphaned": ("#CC79A7", "O"), "double": ("#000000", "D"),
    "unknown": ("#bbbbbb", "?"),
}  # fmt: skip
"""The colour and the letter of what became of a slot."""
PAGE_SLOTS = 1200
"""So many slots are legible in one chart."""
LANE_PX = 30


class Spell(NamedTuple):
    """Slots of one producer after one another that became the same."""

    producer: str
    host: str
    word: str
    reason: str
    first: Slot
    slots: int
    from_s: float
    to_s: float


def pages(analysis: Analysis, key: str) -> list[tuple[str, str]]:
    """Return (from – to in seconds, chart) of all slots, by time, as many as are legible each."""
    found = analysis.of(slots.METRIC)
    producers = list(analysis.data.plan.producers)
    producers += in_order({slot.producer for slot in found} - set(producers))
    parts = [found[i : i + PAGE_SLOTS] for i in range(0, len(found), PAGE_SLOTS)]
    return [
        (_chart(analysis, producers, spells(analysis, part), f"{key}-{i}" if i else key))
        for i, part in enumerate(parts)
    ]


def spells(analysis: Analysis, found: Sequence[Slot]) -> list[Spell]:
    """Return slots in order, those together that are one producer's and became the same."""

    def alike(slot: Slot) -> tuple[str, str, str, str]:
        return slot.producer, slot.host, slot.colour_word, slot.reason

    result = []
    for what, group in groupby(found, key=alike):
        own = list(group)
        last_ns = own[-1].t_ns
        end_ns = last_ns + analysis.intervals.at(last_ns).every_ns
        result.append(Spell(*what, own[0], len(own), own[0].t_ns / 1e9, end_ns / 1e9))
    return result


def _chart(
    analysis: Analysis, producers: list[str], found: list[Spell], key: str
) -> tuple[str, str]:
    lanes = [charts.label(f"{name} ({analysis.data.plan.host_of(name)})") for name in producers]
    lane_of = dict(zip(producers, lanes, strict=True))
    figure = go.Figure()
    for word, (colour, letter) in WORDS.items():
        own = [spell for spell in found if spell.word == word]
        if not own:
            continue
        ys = [lane_of[spell.producer] for spell in own]
        figure.add_trace(
            go.Bar(
                base=charts.packed(np.asarray([s.from_s for s in own])), y=ys, orientation="h",
                x=charts.packed_seconds(np.asarray([s.to_s - s.from_s for s in own])), width=0.5,
                marker={"color": colour, "line": {"width": 0}}, name=word, showlegend=False,
                **_hover(own, letter),
            )
        )  # fmt: skip
        if letter:
            _mark(figure, own, ys, colour, letter)
    from_s, to_s = found[0].from_s, found[-1].to_s
    charts.shade_faults(figure, analysis.data.planned.faults)
    figure.update_xaxes(title_text=charts.SECONDS, range=[from_s, to_s])
    figure.update_yaxes(
        title_text="producer (host)", showgrid=False, categoryorder="array", categoryarray=lanes,
        range=[len(lanes) - 0.5, -0.7], dtick=1,
    )  # fmt: skip
    html = charts.fragment(figure, key, height=100 + LANE_PX * len(lanes))
    return f"{from_s:g} – {to_s:g} s", html


def _mark(figure: go.Figure, own: list[Spell], lanes: list[str], colour: str, letter: str) -> None:
    """Mark spells with their letter, so that the shortest is seen in the longest trial."""
    figure.add_trace(
        go.Scatter(
            x=charts.packed_seconds(np.asarray([(s.from_s + s.to_s) / 2 for s in own])), y=lanes,
            text=[letter if s.slots == 1 else f"{s.slots} {letter}" for s in own],
            mode="markers+text", textposition="top center", textfont={"size": 10},
            marker={"color": colour, "size": 7, "symbol": "square"}, showlegend=False,
            hoverinfo="skip", name=f"{own[0].word}: mark", cliponaxis=False,
        )
    )  # fmt: skip


def _hover(own: list[Spell], letter: str) -> dict[str, Any]:
    """Return what bars say; those that are as they should be say no more than where they are."""
    if not letter:
        return {"hovertemplate": "%{y}, %{base:.1f} s: %{fullData.name}<extra></extra>"}
    return {"hoverinfo": "y+text", "hovertext": [charts.label(_said(spell)) for spell in own]}


def _said(spell: Spell) -> str:
    last = spell.first.slot + spell.slots - 1
    which = f"slot {last}" if spell.slots == 1 else f"slots {spell.first.slot} – {last}"
    reason = f" – {spell.reason.replace('_', ' ')}" if spell.reason else ""
    return f"{which}, {spell.from_s:.1f} s: {spell.word}{reason}"


def words(found: list[Slot]) -> Iterator[tuple[str, str, str]]:
    """Yield (word, colour, letter) of what became of slots, in the order of the page's key."""
    there = {slot.colour_word for slot in found}
    for word, (colour, letter) in WORDS.items():
        if word in there:
            yield word, colour, letter
