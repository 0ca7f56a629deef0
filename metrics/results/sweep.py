"""The cells of a sweep beside each other: the median trial of each, with an interval over trials.

Cells that differ in one axis alone are a line: the axis with the most values, the others fixed.
Values of one map in the matrix go together, and are one axis.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from metrics.model.method import Method
from metrics.model.plan import WARMUP
from metrics.model.quantiles import COVERAGE, sign_interval
from metrics.results.trial_figures import Figure

Figures = dict[str, Any]
LEAST_TRIALS = 3
"""Of fewer trials no interval is given."""


class Cell(NamedTuple):
    """A cell: its number, its values in the matrix, and the figures of its trials by phase.

    trials: by number, then phase, then the figure's path.
    """

    n: int
    params: Mapping[str, Any]
    trials: Mapping[int, Mapping[str, Mapping[str, Figure]]]


def cell_of(cell: Figures) -> Cell:
    """Return a cell as summary.json has it."""
    trials = {trial["n"]: trial["figures"] for trial in cell["trials"]}
    return Cell(cell["n"], cell["params"], trials)


def axis_of(cells: Sequence[Cell]) -> str:
    """Return the axis along which a sweep is looked at: the one with the most values."""
    values = {name: len({str(cell.params[name]) for cell in cells}) for name in cells[0].params}
    return max(values, key=lambda name: values[name])


def held(cells: Sequence[Cell], axis: str) -> list[str]:
    """Return the parameters that a line along an axis holds fixed: not those of the same map of
    values (`net.loss` of `net.delay`) that follow from it, as they go with it.
    """
    first = cells[0].params

    def follows(name: str) -> bool:
        pairs = {(str(cell.params[axis]), str(cell.params[name])) for cell in cells}
        of_map = name.partition(".")[0] == axis.partition(".")[0]
        return of_map and len(pairs) == len({at for at, _ in pairs})

    return [name for name in first if name != axis and not follows(name)]


def lines(cells: Sequence[Cell], axis: str) -> list[list[Cell]]:
    """Return the cells, those together that differ in the axis alone, in their order."""
    fixed = held(cells, axis)
    found: dict[str, list[Cell]] = {}
    for cell in cells:
        found.setdefault(str([cell.params[name] for name in fixed]), []).append(cell)
    return list(found.values())


def sweep(cells: Sequence[Cell], axis: str = "") -> list[Figures]:
    """Return what cells show beside each other: the `sweep` part of the summary.

    axis: the axis that lines run along, where it is not the one with the most values.

    [{axis, fixed: {name: value}, phase, figure, points: [{cell, at, n, value, low, high, coverage,
    trials: [[number, value]]}], differs: [cell], open: whether a value lies beyond the end}]. A
    value of null is longer than anything seen; one not known is not there. low, high and coverage
    are null where there are too few trials. differs: the cells whose interval lies apart from that
    of the line's first.
    """
    if len(cells) < 2:
        return []
    axis = axis or axis_of(cells)
    names = held(cells, axis)
    return [
        row
        for line in lines(cells, axis)
        for row in _rows(line, axis, {name: line[0].params[name] for name in names})
    ]


def _rows(line: Sequence[Cell], axis: str, fixed: Mapping[str, Any]) -> Iterator[Figures]:
    found: dict[tuple[str, str], None] = {}
    for cell in line:
        for phases in cell.trials.values():
            found |= dict.fromkeys(
                (phase, path) for phase, m in phases.items() if phase != WARMUP for path in m
            )
    for phase, path in found:
        points = [p for cell in line if (p := _point(cell, axis, phase, path)) is not None]
        if len(points) > 1:
            yield {
                "axis": axis, "fixed": fixed, "phase": phase, "figure": path, "points": points,
                "differs": [p["cell"] for p in points[1:] if apart(points[0], p)],
            }  # fmt: skip


def _point(cell: Cell, axis: str, phase: str, path: str) -> Figures | None:
    """Return the median trial of a cell and its interval, or None if no trial has the figure."""
    found = {
        n: phases[phase][path] for n, phases in cell.trials.items() if path in phases.get(phase, {})
    }
    if not found:
        return None
    return {"cell": cell.n, "at": cell.params[axis], **median_trial(found)}


def median_trial(found: Mapping[int, Figure]) -> Figures:
    """Return {n, value, low, high, coverage, trials} of the figures of trials, by their number."""
    values, lows, highs = (
        sorted(math.inf if end is None else end for end in ends)
        for ends in zip(*found.values(), strict=True)
    )
    low, high, coverage = None, None, None
    if len(found) >= LEAST_TRIALS:
        rank, coverage = sign_interval(len(found))
        low, high = lows[rank - 1], highs[-rank]
    return {
        "n": len(found), "value": _finite(values[(len(values) - 1) // 2]),
        "low": _finite(low), "high": _finite(high), "coverage": coverage,
        "trials": [[n, figure[0]] for n, figure in found.items()],
    }  # fmt: skip


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def apart(first: Figures, other: Figures) -> bool:
    """Return whether the intervals of two points have nothing in common; those open above too."""
    known = first["coverage"] is not None and other["coverage"] is not None
    return known and effect(first, other) > 0


def effect(first: Figures, other: Figures) -> float:
    """Return how far two points lie apart at least, as a share of the larger: from 0, where their
    intervals meet, to 1, where one alone is zero or lies beyond the end.

    Of points without an interval, how far their values do. Values below zero part further.
    """
    (low, high), (least, most) = (_ends(point) for point in (first, other))
    if not (high < least or most < low):
        return 0.0
    gap = least - high if high < least else low - most
    largest = max(abs(end) for end in (low, high, least, most) if math.isfinite(end))
    return gap / largest if math.isfinite(gap) else 1.0


def _ends(point: Figures) -> tuple[float, float]:
    """Return the interval of a point, without one its value; null lies beyond the trial's end."""
    ends = ("low", "high") if point["coverage"] is not None else ("value", "value")
    low, high = (point[end] for end in ends)
    return (math.inf if low is None else low, math.inf if high is None else high)


METHOD = Method(
    name="Cells of a sweep",
    figures=("sweep",),
    formula="Of each trial its own figure (a quantile of its own samples); of a cell the median "
    "trial, the lower one of two. The interval is that of the sign test, from the k-th smallest "
    f"to the k-th largest trial with the largest k that covers {100 * COVERAGE:g} %, with the "
    "clock errors of both. With three to five trials it is that from the least to the largest, "
    "and covers what is told. Differs: the intervals of two cells have nothing in common. "
    "Finality and slots are told first, then what lies furthest apart, as a share of the larger.",
    left_out=f"Trials without the figure. No interval below {LEAST_TRIALS} trials. The warm-up.",
    assumes="Trials are independent and alike; no distribution is assumed. Many figures are "
    "looked at: of those that do not differ, some will seem to.",
    source="David and Nagaraja, Order Statistics, 7.1",
)
