"""Cells that differ in their chain alone, side by side.

They have the same hosts, loads, faults, targets and times, and what is drawn is drawn alike: the
plan gives their trials the same seeds. So what differs comes from the systems, and from chance.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from metrics.measure import finality
from metrics.measure.metric import Figures, Pool
from metrics.model.method import Method
from metrics.model.plan import WARMUP, Plan, PlannedCell
from metrics.model.resolution import resolved
from metrics.results.analysis import Analysis

LATENCY = "finality_latency_s"
KEYS = "p50", "p95"
"""Figures of it of which the ratio is told."""


def groups(plan: Plan) -> list[list[PlannedCell]]:
    """Return the cells that stand beside each other, more than one a group."""
    found: dict[tuple[int, ...], list[PlannedCell]] = {}
    for cell in plan.cells:
        seeds = sorted(trial.seed for trial in plan.trials if trial.cell == cell.n)
        found.setdefault(tuple(seeds), []).append(cell)
    return [cells for cells in found.values() if len(cells) > 1]


def compare(
    plan: Plan, cells: Sequence[tuple[PlannedCell, Figures]], analyses: Sequence[Analysis]
) -> list[dict[str, Any]]:
    """Return the `systems` part of the summary, of its cells: what the later ones of a group are
    to its first.

    [{cells: [n], profiles: [word], ratios: [{cell, to, phase, metric, key, ratio, error: [least,
    most], pairs: {n, min, max}}]}]. A ratio is null where a figure is not known or within its own
    error; pairs are those of trials with one seed, of which both have the figure.
    """
    figures = {cell.n: each for cell, each in cells}
    found = []
    for group in groups(plan):
        there = [cell for cell in group if cell.n in figures]
        if len(there) > 1:
            found.append({
                "cells": [cell.n for cell in there],
                "profiles": [plan.in_cell(cell).profile for cell in there],
                "ratios": [
                    row for cell in there[1:]
                    for row in _ratios((there[0].n, cell.n), figures, analyses)
                ],
            })  # fmt: skip
    return found


def _ratios(
    sides: tuple[int, int], figures: dict[int, Figures], analyses: Sequence[Analysis]
) -> Iterator[dict[str, Any]]:
    base, cell = sides
    for phase in figures[base]["phases"]:
        if phase == WARMUP or phase not in figures[cell]["phases"]:
            continue
        first, second = (figures[n]["phases"][phase][LATENCY] for n in sides)
        by_seed = [_by_seed(n, phase, analyses) for n in sides]
        for key in KEYS:
            pairs = [
                ratio
                for seed in sorted(by_seed[0].keys() & by_seed[1].keys())
                if (ratio := _ratio(by_seed[0][seed], by_seed[1][seed], key)[0]) is not None
            ]
            ratio, error = _ratio(first, second, key)
            yield {
                "cell": cell, "to": base, "phase": phase, "metric": LATENCY, "key": key,
                "ratio": ratio, "error": error,
                "pairs": {"n": len(pairs), "min": min(pairs, default=None),
                          "max": max(pairs, default=None)},
            }  # fmt: skip


def _by_seed(cell: int, phase: str, analyses: Sequence[Analysis]) -> dict[int, Figures]:
    """Return the latency of each trial of a cell in a phase."""
    return {
        a.data.planned.seed: finality.pool(
            Pool([(a.data, a.of(finality.METRIC))], frozenset({phase}), whole=False)
        )[LATENCY]
        for a in analyses
        if a.data.planned.cell == cell
    }


def _ratio(
    first: Figures, second: Figures, key: str
) -> tuple[float | None, list[float | None] | None]:
    """Return second to first, and its least and most by the errors of both."""
    if not (resolved(first, key) and resolved(second, key)) or not first[key]:
        return None, None
    (low, high), (least, most) = first["error"][key], second["error"][key]
    ends = [round(least / high, 4) if high else None, round(most / low, 4) if low else None]
    return round(second[key] / first[key], 4), ends


METHOD = Method(
    name="Ratio of two systems",
    figures=("systems",),
    formula="Of cells that differ in their chain alone: a quantile of finality of the later one, "
    "divided by that of the first one, each pooled over its trials. ± holds the clock errors of "
    "both. Pairs: the same ratio of two trials with one seed, the smallest and the largest.",
    left_out="Where a quantile is not known, lies within its own error or is zero. The warm-up.",
    assumes="Hosts, faults, times and what is drawn are the same; how fast machines and networks "
    "were beside that is not. Few pairs say little about other trials.",
)
