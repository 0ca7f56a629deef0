"""The quantiles of a figure over samples, each with what the second analysis may be off."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tests.sim.second.agree import Near, counted

SHARES = {"min": 0.0, "p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999, "max": 1.0}
LEAST = {"p90": 10, "p95": 20, "p99": 100, "p999": 1000}
"""How many samples a quantile needs before one of them lies beyond it."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample: its true value lies in low..high by this analysis; never reached is inf."""

    low: float
    high: float


Trials = list[list[Sample]]


def exact(value: float) -> Sample:
    """Return a sample that is a count."""
    return Sample(value, value)


def about(value: float, slack: float) -> Sample:
    """Return a sample that may be off by slack."""
    return Sample(value - slack, value + slack)


def rank(values: list[float], share: float) -> float:
    """Return the nearest-rank quantile of sorted values."""
    return values[max(math.ceil(share * len(values) - 1e-9), 1) - 1]


def spread(trials: Trials, *, wide: float = 0.0, wide_share: float = 0.0) -> dict[str, Any]:
    """Return the figures of the pooled samples of trials, to be compared with a Q of summary.json.

    wide: how much wider than this analysis the first one's error may be, and wide_share of the
    value; what exceeds that is as wrong as an interval that leaves the truth out.
    """
    samples = [sample for trial in trials for sample in trial]
    lows, highs = sorted(s.low for s in samples), sorted(s.high for s in samples)
    never = sum(math.isinf(s.low) for s in samples)
    few = [key for key, least in LEAST.items() if len(samples) < least]
    found: dict[str, Any] = {
        "n": len(samples),
        "censored": counted(never, sum(math.isinf(s.high) for s in samples)),
        "negative": counted(sum(s.high < -wide for s in samples), sum(s.low < wide for s in samples
                                                                      if s.low < s.high)),
        "impossible": 0,
        "unknown": 0,
        "few": few,
    }  # fmt: skip
    if all(s.low == s.high for s in samples):
        found["negative"] = sum(s.low < 0 for s in samples)
    error: dict[str, Any] = {}
    for key, share in SHARES.items():
        found[key] = None
        if samples and key not in few and math.isfinite(rank(lows, share)):
            low, high = rank(lows, share), rank(highs, share)
            found[key], error[key] = _figure(low, high, _more(wide, wide_share, high))
    found["mean"] = None
    if samples and not never:
        low, high = sum(lows) / len(lows), sum(highs) / len(highs)
        found["mean"], error["mean"] = _figure(low, high, _more(wide, wide_share, high))
    found["error"] = error
    found["ci"] = _over_trials(trials, wide, wide_share)
    return found


def _more(wide: float, wide_share: float, value: float) -> float:
    return wide + (wide_share * abs(value) if wide_share else 0.0)


def _figure(low: float, high: float, wide: float) -> tuple[Any, Any]:
    """Return (value, [lower end, upper end]) as they may be told."""
    if low == high and not wide:
        value = round(low, 3)
        return value, [value, value]
    rounding = 1e-6 if wide else 0.0006
    low, high = low - rounding, high + rounding
    return Near(low - wide, high + wide), [Near(low - wide, high), Near(low, high + wide)]


def _over_trials(trials: Trials, wide: float, wide_share: float) -> dict[str, Any] | None:
    """Return the sign-test intervals of the median trial's p50 and p99; none below six trials."""
    filled = [trial for trial in trials if trial]
    k = sign_rank(len(filled))
    found = {}
    for key in ("p50", "p99"):
        if not k or any(len(trial) < LEAST.get(key, 1) for trial in filled):
            continue
        lows = sorted(rank(sorted(s.low for s in trial), SHARES[key]) for trial in filled)
        highs = sorted(rank(sorted(s.high for s in trial), SHARES[key]) for trial in filled)
        if math.isfinite(lows[k - 1]) and math.isfinite(highs[-k]):
            more = _more(wide, wide_share, highs[-k])
            first = _figure(lows[k - 1], highs[k - 1], more)[1][0]
            last = _figure(lows[-k], highs[-k], more)[1][1]
            found[key] = [first, last]
    return found or None


def sign_rank(n: int) -> int:
    """Return the largest k such that the k-th and the k-th last of n trials enclose the median of
    all possible trials in 95 % of runs: each trial is below it as a fair coin falls. 0 if none.
    """
    best = 0
    for k in range(1, n // 2 + 1):
        outside = 2 * sum(math.comb(n, i) for i in range(k)) / 2**n
        if 1 - outside >= 0.95:
            best = k
    return best
