"""Runs of one campaign beside each other: what is another in one of them, beyond chance.

The trial is the unit: a figure of a run is that of its trials, each with its own quantiles. The
first run is the base; where a campaign says by how much a figure may get worse, that is judged.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from metrics.model.plan import WARMUP
from metrics.results import ranks
from metrics.results.trial_figures import EVERY, Figure

Figures = dict[str, Any]
RULES: Mapping[str, float] = {"finality_latency_s.p50": 0.01, "slots.missed_ratio": 0.01}
"""By how much figures may get worse where the campaign says nothing."""
MORE_IS_BETTER = (
    "slots.produced", "transactions.sent", "transactions.included", "transactions.irreversible",
)  # fmt: skip
FIND = 0.05
"""The difference, as a share of the base, for which a number of trials is advised."""
WORSE, BETTER, SAME = "worse", "better", "no difference"
TOLERATED, CLOCKS, FEW = "within tolerance", "within the clocks' error", "too few trials"


class Place(NamedTuple):
    """Where a figure stands: its cell's parameters in words, its phase, its path."""

    cell: str
    phase: str
    figure: str


def figures_of(summary: Mapping[str, Any], cell_name: Any) -> dict[Place, list[Figure]]:
    """Return the trials' figures of a run by their place. cell_name: returns a cell's name."""
    found: dict[Place, list[Figure]] = {}
    for cell in summary["cells"]:
        for trial in cell["trials"]:
            for phase, m in trial["figures"].items():
                for path, figure in m.items():
                    found.setdefault(Place(cell_name(cell), phase, path), []).append(tuple(figure))
    return {place: figures for place, figures in found.items() if place.phase != WARMUP}


def compare(
    base: Mapping[Place, Sequence[Figure]],
    other: Mapping[Place, Sequence[Figure]],
    rules: Mapping[str, float],
) -> list[Figures]:
    """Return a row for each figure that both runs have, those that the rules judge first.

    [{cell, phase, figure, base: {n, value}, other: {n, value}, shift, low, high, p, p_holm, effect,
    could_find, advised, tolerance, verdict}]: value is the median trial, null beyond the end; shift
    with its interval how much larger the other's trials are, null without an end, which way the
    effect tells; p_holm, tolerance and verdict are null of what is not judged. advised: trials of
    each run that would find FIND of the base.
    """
    both = [place for place in base if place in other]
    judged = [place for place in both if place.figure in rules and place.phase != EVERY]
    rows = [
        _row(place, base[place], other[place], len(judged) if place in judged else 1)
        for place in (*judged, *(place for place in both if place not in set(judged)))
    ]
    for row, p_holm in zip(rows, _holm([row["p"] for row in rows[: len(judged)]]), strict=False):
        row["p_holm"], row["tolerance"] = p_holm, rules[row["figure"]]
        row["verdict"] = _verdict(row, len(judged))
    return rows


def _row(place: Place, base: Sequence[Figure], other: Sequence[Figure], tests: int) -> Figures:
    a, b = ([_open(figure) for figure in group] for group in (base, other))
    first, second = ([value for value, _, _ in group] for group in (a, b))
    shift, low, high = ranks.shift(a, b)
    middle = _middle(first)
    return {
        **place._asdict(),
        "base": {"n": len(a), "value": _finite(middle)},
        "other": {"n": len(b), "value": _finite(_middle(second))},
        "shift": _finite(shift), "low": _finite(low), "high": _finite(high),
        "p": ranks.p_of(first, second),
        "p_holm": None,
        "effect": ranks.dominance(first, second),
        "could_find": ranks.could_find(first, second, tests),
        "advised": ranks.advised(first, second, FIND * abs(middle), tests),
        "tolerance": None,
        "verdict": None,
        "certain": low is not None and high is not None and not low <= 0 <= high,
    }  # fmt: skip


def _verdict(row: Figures, tests: int) -> str:
    if ranks.least_p(row["base"]["n"], row["other"]["n"]) > ranks.ALPHA / tests:
        return FEW
    if row["p_holm"] > ranks.ALPHA:
        return SAME
    if not row["certain"]:
        return CLOCKS
    sign = -1 if row["figure"] in MORE_IS_BETTER else 1
    endless = math.copysign(math.inf, row["effect"])
    change = endless if row["shift"] is None else row["shift"]
    if sign * change < 0:
        return BETTER
    share = row["figure"].endswith("_ratio")
    scale = 1.0 if share else abs(row["base"]["value"] or 0.0)
    return WORSE if sign * change > row["tolerance"] * scale else TOLERATED


def _holm(found: Sequence[float]) -> Iterator[float]:
    """Yield each p as what it is worth among all of them (Holm)."""
    order = sorted(range(len(found)), key=lambda i: found[i])
    worth, least = [0.0] * len(found), 0.0
    for place, i in enumerate(order):
        least = max(least, min(found[i] * (len(found) - place), 1.0))
        worth[i] = least
    yield from worth


def _open(figure: Figure) -> tuple[float, float, float]:
    """Return a figure with infinity for what is longer than anything seen."""
    value, low, high = (math.inf if end is None else end for end in figure)
    return value, low, high


def _middle(values: Sequence[float]) -> float:
    return sorted(values)[(len(values) - 1) // 2]


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
