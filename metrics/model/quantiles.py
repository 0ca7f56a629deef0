"""Exact quantiles of interval-valued samples, with censoring counted and error carried through.

Every sample is a middle value and the interval it must lie in. Quantiles are nearest-rank values of
the raw samples (never averaged, never interpolated); a censored sample is longer than anything
seen, so a quantile that falls among the censored ones is unknown (None). The error interval of a
quantile is the same quantile of all lower and of all upper ends.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

KEYS: dict[str, float] = {
    "min": 0.0, "p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999, "max": 1.0,
}  # fmt: skip
RESAMPLES = 400

Floats = npt.NDArray[np.float64]


@dataclass(slots=True)
class Samples:
    """Signed values with their intervals; an infinite end means the error is not known."""

    mid: list[float] = field(default_factory=list)
    lo: list[float] = field(default_factory=list)
    hi: list[float] = field(default_factory=list)
    censored: int = 0
    unknown: int = 0

    def add(self, mid: float, lo: float, hi: float) -> None:
        """Add one observed sample."""
        self.mid.append(mid)
        self.lo.append(lo)
        self.hi.append(hi)

    def add_exact(self, value: float) -> None:
        """Add one observed sample without error (a count)."""
        self.add(value, value, value)

    def extend(self, other: Samples) -> None:
        """Add every sample of other."""
        self.mid += other.mid
        self.lo += other.lo
        self.hi += other.hi
        self.censored += other.censored
        self.unknown += other.unknown

    @property
    def n(self) -> int:
        """Return the number of samples, censored ones included."""
        return len(self.mid) + self.censored


def quantile(values: Sequence[float] | Floats, share: float, censored: int = 0) -> float | None:
    """Return the nearest-rank quantile of sorted values, then censored ones; None if unknown."""
    n = len(values) + censored
    if n == 0:
        return None
    rank = max(math.ceil(share * n - 1e-9), 1) - 1
    return float(values[rank]) if rank < len(values) else None


def summarise(trials: Sequence[Samples], *, scale: float, digits: int, seed: int) -> dict[str, Any]:
    """Return the Q structure of summary.json for the pooled samples of all trials.

    scale divides the raw values (1e9: ns to s). `ci` is a bootstrap over whole trials, so it is
    null with fewer than two: one trial says nothing about the next.
    """
    pool = Samples()
    for samples in trials:
        pool.extend(samples)
    mid, lo, hi = (np.sort(np.asarray(a, dtype=np.float64)) for a in (pool.mid, pool.lo, pool.hi))

    def scaled(value: float | None) -> float | None:
        if value is None or not math.isfinite(value):
            return None
        return round(value / scale, digits)

    q: dict[str, Any] = {
        "n": pool.n,
        "censored": pool.censored,
        "negative": int((mid < 0).sum()),
        "impossible": int((hi < 0).sum()),
        "unknown": pool.unknown,
    }
    error: dict[str, list[float | None]] = {}
    for key, share in KEYS.items():
        q[key] = scaled(quantile(mid, share, pool.censored))
        if q[key] is not None:
            ends = (quantile(lo, share, pool.censored), quantile(hi, share, pool.censored))
            error[key] = [scaled(end) for end in ends]
    whole = pool.n > 0 and pool.censored == 0
    q["mean"] = scaled(float(mid.mean())) if whole else None
    if whole:
        error["mean"] = [scaled(float(lo.mean())), scaled(float(hi.mean()))]
    q["error"] = error
    q["ci"] = _bootstrap(trials, scale=scale, digits=digits, seed=seed)
    return q


def _bootstrap(
    trials: Sequence[Samples], *, scale: float, digits: int, seed: int
) -> dict[str, list[float]] | None:
    """Return 95 % percentile-bootstrap intervals of p50 and p99, None for fewer than 2 trials."""
    filled = [(np.asarray(t.mid, dtype=np.float64), t.censored) for t in trials if t.n]
    if len(filled) < 2:
        return None
    rng = random.Random(seed)
    draws: dict[str, list[float]] = {"p50": [], "p99": []}
    for _ in range(RESAMPLES):
        chosen = [filled[rng.randrange(len(filled))] for _ in filled]
        values = np.sort(np.concatenate([mid for mid, _ in chosen]))
        censored = sum(count for _, count in chosen)
        for key, found in draws.items():
            value = quantile(values, KEYS[key], censored)
            found.append(math.inf if value is None else value)
    result: dict[str, list[float]] = {}
    for key, found in draws.items():
        found.sort()
        ends = [quantile(found, share) for share in (0.025, 0.975)]
        if all(end is not None and math.isfinite(end) for end in ends):
            result[key] = [round(end / scale, digits) for end in ends if end is not None]
    return result or None


def resolved(q: dict[str, Any], key: str) -> bool:
    """Return whether the quantile's error is known and no larger than its value."""
    value, ends = q.get(key), q.get("error", {}).get(key)
    if value is None or ends is None or None in ends:
        return False
    return bool(max(abs(value - ends[0]), abs(ends[1] - value)) <= abs(value))
