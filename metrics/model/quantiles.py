"""Exact quantiles of interval-valued samples, with censoring counted and error carried through.

Every sample is a middle value and the interval it must lie in. Quantiles are nearest-rank values of
the raw samples (never averaged, never interpolated); a censored sample is longer than anything
seen, so a quantile that falls among the censored ones is unknown (None). So is one of too few
samples to have any beyond it: the p99 of twelve would be their maximum. The error interval of a
quantile is the same quantile of all lower and of all upper ends.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from metrics.model.arrays import Floats
from metrics.model.method import Method
from metrics.model.resolution import NEEDED

KEYS: dict[str, float] = {
    "min": 0.0, "p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999, "max": 1.0,
}  # fmt: skip
COVERAGE = 0.95


@dataclass(slots=True)
class Samples:
    """Signed values with their intervals; an infinite end means the error is not known."""

    censored: int = 0
    unknown: int = 0
    _added: list[tuple[float, float, float]] = field(default_factory=list)
    _parts: list[Floats] = field(default_factory=list)

    def add(self, mid: float, lo: float, hi: float) -> None:
        """Add one observed sample; that of a count is without error."""
        self._added.append((mid, lo, hi))

    def add_all(self, mid: Floats, lo: Floats, hi: Floats) -> None:
        """Add some; those without a middle are unknown."""
        known = ~np.isnan(mid)
        self.unknown += int((~known).sum())
        self._parts.append(np.stack([mid, lo, hi])[:, known])

    @property
    def n(self) -> int:
        """Return the number of samples, censored ones included."""
        return len(self._added) + sum(len(part[0]) for part in self._parts) + self.censored

    @property
    def values(self) -> Floats:
        """Return three rows of what was observed: middles, lower and upper ends."""
        added = np.asarray(self._added, dtype=np.float64).reshape(-1, 3).T
        return np.concatenate([added, *self._parts], axis=1)

    @property
    def ordered(self) -> Floats:
        """Return three rows: all middles, all lower and all upper ends, each in order."""
        return np.sort(self.values)


def quantile(values: Sequence[float] | Floats, share: float, censored: int = 0) -> float | None:
    """Return the nearest-rank quantile of sorted values, then censored ones; None if unknown."""
    n = len(values) + censored
    if n == 0:
        return None
    rank = max(math.ceil(share * n - 1e-9), 1) - 1
    return float(values[rank]) if rank < len(values) else None


def summarise(trials: Sequence[Samples], *, scale: float, digits: int) -> dict[str, Any]:
    """Return the Q structure of summary.json for the pooled samples of all trials.

    scale divides the raw values (1e9: ns to s). A quantile of too few samples is null and named in
    `few`, so that it can be told from one that lies among the censored. `ci` is about the median
    trial (see `_median_trial`): null below six trials, as few trials say little about the next.
    """
    pool = Samples(
        sum(trial.censored for trial in trials),
        sum(trial.unknown for trial in trials),
        _parts=[trial.values for trial in trials],
    )
    mid, lo, hi = pool.ordered

    def scaled(value: float | None) -> float | None:
        if value is None or not math.isfinite(value):
            return None
        return round(value / scale, digits)

    few = [key for key, least in NEEDED.items() if pool.n < least]
    q: dict[str, Any] = {
        "n": pool.n,
        "censored": pool.censored,
        "negative": int((mid < 0).sum()),
        "impossible": int((hi < 0).sum()),
        "unknown": pool.unknown,
        "few": few,
    }
    error: dict[str, list[float | None]] = {}
    for key, share in KEYS.items():
        q[key] = None if key in few else scaled(quantile(mid, share, pool.censored))
        if q[key] is not None:
            ends = (quantile(lo, share, pool.censored), quantile(hi, share, pool.censored))
            error[key] = [scaled(end) for end in ends]
    whole = pool.n > 0 and pool.censored == 0
    q["mean"] = scaled(float(mid.mean())) if whole else None
    if whole:
        error["mean"] = [scaled(float(lo.mean())), scaled(float(hi.mean()))]
    q["error"] = error
    intervals = {key: _median_trial(trials, key) for key in ("p50", "p99")}
    q["ci"] = {
        key: [round(end / scale, digits) for end in ends] for key, ends in intervals.items() if ends
    } or None
    return q


def _median_trial(trials: Sequence[Samples], key: str) -> tuple[float, float] | None:
    """Return an interval that holds the median trial's quantile in at least 95 % of all runs.

    The sign-test interval: of n trials' own quantiles, each below the median of all trials that
    could have been run with probability 1/2, the k-th smallest and the k-th largest enclose that
    median unless fewer than k lie on one side: 1 - 2 P(Binomial(n, 1/2) < k). No distribution is
    assumed, only that trials are independent. The ends are those of the clock error, so that it is
    included. None below six trials, where a trial has too few samples for the quantile, and where
    an end is not known or lies among the censored.
    """
    filled = [trial for trial in trials if trial.n]
    rank = sign_rank(len(filled))
    if rank == 0 or any(trial.n < NEEDED.get(key, 1) for trial in filled):
        return None
    _, lows, highs = zip(*(_own(trial, key) for trial in filled), strict=True)
    low, high = sorted(lows)[rank - 1], sorted(highs)[-rank]
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None


def _own(trial: Samples, key: str) -> list[float]:
    """Return one trial's quantile and its ends, infinite where they lie among the censored."""
    found = [quantile(row, KEYS[key], trial.censored) for row in trial.ordered]
    return [math.inf if end is None else end for end in found]


def sign_interval(n: int) -> tuple[int, float]:
    """Return the rank k of the sign-test interval of n trials, and how often it holds the median.

    It goes from the k-th smallest to the k-th largest: the largest k that covers COVERAGE, or the
    whole range where none does.
    """
    rank = max(sign_rank(n), 1)
    return rank, 1 - sum(2 * math.comb(n, i) for i in range(rank)) / 2**n


def sign_rank(n: int) -> int:
    """Return the largest k with 1 - 2 P(Binomial(n, 1/2) < k) >= COVERAGE, 0 if there is none."""
    rank, outside = 0, 0
    while rank <= n:
        outside += 2 * math.comb(n, rank)
        if 2**n - outside < COVERAGE * 2**n:
            break
        rank += 1
    return rank


METHODS = (
    Method(
        name="Quantiles and mean",
        figures=tuple(f"Q.{key}" for key in (*KEYS, "mean", "few")),
        formula="Nearest rank: of n raw samples of all trials together, in order, the one of rank "
        "⌈share × n⌉; censored ones come last. Never averaged, never interpolated. The mean only "
        "where nothing is censored.",
        left_out="Not given for fewer samples than lie beyond it ("
        + ", ".join(f"{key}: {least:,}" for key, least in NEEDED.items())
        + "), or where it falls among the censored. Samples of unknown times have no rank.",
        assumes="Samples of one trial are not independent of each other: these describe what was "
        "seen. What other trials would show, only the interval over trials says.",
    ),
    Method(
        name="± and error of a quantile",
        figures=("Q.error",),
        formula="The same quantile of the lower ends of all samples, and of all upper ends; "
        "± is the larger distance to one of them. Unknown where that exceeds the value.",
        left_out="Nothing.",
        assumes="Each sample lies in its interval: then the quantile lies in this one.",
    ),
    Method(
        name="Interval over trials",
        figures=("Q.ci",),
        formula=f"The sign-test interval of the median trial, for p50 and p99: it holds the "
        f"median of all trials that could have been run in at least {100 * COVERAGE:g} % of "
        "campaigns. Its ends are those of the clock error.",
        left_out=f"Not given below six trials, nor where a trial has fewer than {NEEDED['p99']} "
        "samples (p99), nor where an end is not known. Trials without any sample do not count.",
        assumes="Trials are independent and alike; no distribution is assumed.",
        source="David and Nagaraja, Order Statistics, 7.1",
    ),
    Method(
        name="Samples",
        figures=tuple(f"Q.{key}" for key in ("n", "censored", "negative", "impossible", "unknown")),
        formula="n: all samples, censored ones included. Censored: longer than anything seen, as "
        "it had not ended by the end. Negative: below zero; kept. Impossible: below zero by more "
        "than its error. Unknown: its times are not related; not in n.",
        left_out="Nothing.",
        assumes="Nothing.",
    ),
)
