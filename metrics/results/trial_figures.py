"""What each trial alone shows: the figures by which cells of a sweep, and runs, are compared.

The trial is the unit there: its blocks share a network, clocks and luck, so many blocks of one
trial say little about the next. A figure is named by its path in M: `finality_latency_s.p95`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from metrics.intake.phase_windows import BETWEEN
from metrics.intake.trial import OUTSIDE
from metrics.measure import recovery
from metrics.measure.metric import Figures, Pool
from metrics.measure.registry import EXPECTED, METRICS
from metrics.model.plan import WARMUP
from metrics.results.analysis import Analysis

EVERY = "all"
"""Stands for a phase in what is of all phases together but the warm-up."""
KEYS = ("p50", "p95", "p99", "max")
"""Quantiles of which there are figures."""
OF_FAULTS = ("recovery_s", "first_final_s")
"""Parts of M that have a Q for each fault."""
Figure = tuple[float | None, float | None, float | None]
"""A value, and the ends of its error; without all three it is longer than anything seen."""
OPEN: Figure = (None, None, None)
_METRICS = tuple(m for m in METRICS if m.expected or m is recovery.METRIC)


def of_trials(analyses: Sequence[Analysis]) -> dict[int, dict[str, Figures]]:
    """Return M of each trial by its number and phase, in so far as figures are of it."""
    return {a.data.file.n: dict(_by_phase(a)) for a in analyses}


def _by_phase(a: Analysis) -> Iterator[tuple[str, Figures]]:
    names = dict.fromkeys(p.name for p in a.data.phases if p.name != BETWEEN)
    every = frozenset({*names, BETWEEN} - {WARMUP, OUTSIDE})
    yield EVERY, _pooled(a, every, whole=True)
    for name in names:
        yield name, _pooled(a, frozenset({name}), whole=False)


def _pooled(a: Analysis, phases: frozenset[str], *, whole: bool) -> Figures:
    m: Figures = {}
    for metric in _METRICS:
        m |= metric.pool(Pool([(a.data, a.of(metric))], phases, whole))
    return m


def figures(m: Figures) -> dict[str, Figure]:
    """Return the figures of M by their paths; one that is not known is not there."""
    found = {}
    for path, value in _values(m):
        for name, each in _of_quantiles(path, value) if _is_q(value) else [(path, value)]:
            if isinstance(each, tuple):
                found[name] = each
            elif (figure := _of_number(m, name, each)) is not None:
                found[name] = figure
    return found


def _values(m: Figures) -> Iterator[tuple[str, Any]]:
    for name in EXPECTED:
        value: Any = m
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        yield name, value
    for name in OF_FAULTS:
        for fault, q in m.get(name, {}).items():
            yield f"{name}.{fault}", q


def _is_q(value: Any) -> bool:
    return isinstance(value, dict) and "few" in value


def _of_quantiles(path: str, q: Figures) -> Iterator[tuple[str, Figure]]:
    """Yield the quantiles of a Q that are known, or known to lie beyond the end."""
    if not q["n"] or q["unknown"]:
        return
    for key in KEYS:
        if key in q["few"]:
            continue
        low, high = q["error"].get(key, (None, None))
        if q[key] is None:
            yield f"{path}.{key}", OPEN
        elif low is not None and high is not None:
            yield f"{path}.{key}", (q[key], low, high)


def _of_number(m: Figures, name: str, value: Any) -> Figure | None:
    """Return a count or a ratio with what the record leaves open of it, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    left_open = EXPECTED[name].open
    found = left_open(m, name) if left_open else None
    if found is None:
        return value, value, value
    low, high = found.low, found.high
    return (value, low, high) if abs(low) != float("inf") != high else None
