"""What each phase differs by from the baseline: of each trial its own difference."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from metrics.model import number_text
from metrics.model.method import Method
from metrics.model.plan import BASELINE, WARMUP
from metrics.results import sweep
from metrics.results.trial_figures import EVERY, OPEN, Figure

Figures = dict[str, Any]
Trials = Sequence[Mapping[str, Mapping[str, Figure]]]
"""Of each trial its figures by phase and path, as summary.json has them."""
QUANTILES = ("p50", "p95")
"""Of a figure with quantiles, those that are looked at."""
SHARE, POINTS = "share", "% points"
WIDEST = 6
"""Columns of a table; more would be wider than a page."""
DIGITS = 3
"""To a millisecond: what is less is no difference."""


def shown(cell: Figures) -> Figures:
    """Return {tables: [{titles, base, phases: {phase: differences}}], same, coverage} of a cell.

    titles: of figures in which some phase is apart from the baseline, as words and unit; base: what
    they are there; same: words of the others. coverage: how often intervals hold the median of all
    trials there could be, at least; None where trials are too few. Without a baseline: no tables.
    """
    trials = [trial["figures"] for trial in cell["trials"]]
    phases = [name for name in cell["phases"] if name not in (EVERY, WARMUP, BASELINE)]
    paths = [path for path in _paths(trials) if _compared(path)]
    rows = {path: {name: _difference(trials, name, path) for name in phases} for path in paths}
    told = [path for path in paths if any(row and row["apart"] for row in rows[path].values())]
    known = [row["coverage"] for path in paths for row in rows[path].values() if row]
    return {
        "tables": [
            {
                "titles": [(number_text.words(path)[0], _unit(path)) for path in some],
                "base": [_baseline(trials, path) for path in some],
                "phases": {name: [rows[path][name] for path in some] for name in phases},
            }
            for some in (told[i : i + WIDEST] for i in range(0, len(told), WIDEST))
        ],
        "same": [number_text.words(path)[0] for path in paths if path not in told],
        "coverage": min(known) if known and None not in known else None,
    }


def _paths(trials: Trials) -> list[str]:
    return list(dict.fromkeys(path for m in trials for path in m.get(BASELINE, {})))


def _compared(path: str) -> bool:
    """Return whether a figure means the same in phases of any length, as no count does."""
    unit = number_text.words(path)[1]
    return bool(unit) and (unit == SHARE or path.rpartition(".")[2] in QUANTILES)


def _baseline(trials: Trials, path: str) -> str:
    found = [m[BASELINE][path] for m in trials if path in m.get(BASELINE, {})]
    value = sweep.median_trial(dict(enumerate(found)))["value"]
    return "beyond the end" if value is None else number_text.of_figure(path, value)


def _difference(trials: Trials, phase: str, path: str) -> Figures | None:
    """Return {text, interval, n, coverage, apart}, or None if no trial has both figures."""
    pairs = [
        (m[BASELINE][path], m[phase][path])
        for m in trials
        if path in m.get(BASELINE, {}) and path in m.get(phase, {})
    ]
    own = [difference(*pair) for pair in pairs if tuple(pair[0]) != OPEN]
    if not own:
        return None
    found = sweep.median_trial(dict(enumerate(own)))
    low, high = _open(found["low"]), _open(found["high"])
    if found["coverage"] is None:
        low, high = min(_open(each[1]) for each in own), max(_open(each[2]) for each in own)
    ends = " .. ".join(_signed(path, end) for end in (low, high))
    return {
        "text": _signed(path, _open(found["value"])),
        "interval": "" if low == high else f"({ends})",
        "n": found["n"],
        "coverage": found["coverage"],
        "apart": round(low, DIGITS) > 0 or round(high, DIGITS) < 0,
    }


def difference(base: Figure, value: Figure) -> Figure:
    """Return by how much a figure is larger, with what the errors of both leave open."""
    if None in (*base, *value):
        return OPEN
    (mid, low, high), (own, least, most) = base, value
    return own - mid, least - high, most - low  # type: ignore[operator]


def _open(end: float | None) -> float:
    """Return an end, infinite where it lies beyond the end of the trial."""
    return math.inf if end is None else end


def _unit(path: str) -> str:
    unit = number_text.words(path)[1]
    return POINTS if unit == SHARE else unit


def _signed(path: str, value: float) -> str:
    if math.isinf(value):
        return "beyond the end"
    rounded = round(value * (100 if _unit(path) == POINTS else 1), DIGITS)
    return f"{rounded:+.4g}" if rounded else "0"


METHOD = Method(
    name="Difference to the baseline",
    formula="Of each trial its figure in the phase less that in its own baseline; then the median "
    "trial, the lower one of two, and the interval of the sign test over trials, as for cells. The "
    "ends hold the clock errors of both. Apart: no difference (zero) lies outside it.",
    left_out="Counts, as phases last differently long. What rounds to 0 ms. Trials without the "
    f"figure in both. With fewer than {sweep.LEAST_TRIALS} trials the interval holds only what "
    "these showed.",
    assumes="Trials are independent and alike. Within a trial time changes nothing but what the "
    "phase does. Many figures are looked at: of those that do not differ, some will seem to.",
)
