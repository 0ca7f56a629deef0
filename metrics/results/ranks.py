"""Two groups of trials by rank: whether they differ, by how much, and what could have been found.

Nothing is assumed of how trials are distributed; a trial longer than anything seen is infinite.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist, median

import numpy as np

from metrics.model.arrays import Floats

ALPHA = 0.05
POWER = 0.8
SURE = 0.9
"""With which probability a difference is found: of what could have been, and what is advised."""
TRIALS_MAX = 1_000
_RANK_SPREAD = math.sqrt(math.pi / 3)
"""By how much ranks need a larger difference than means do, of normal values."""


def p_of(base: Sequence[float], other: Sequence[float]) -> float:
    """Return how often chance alone parts the trials' ranks so far or further, exactly.

    The permutation test of the sum of ranks (Wilcoxon), two-sided; equal values share their rank.
    """
    ranks = _ranks([*base, *other])
    sums = _sums(ranks, len(other))
    middle = len(other) * sum(ranks) / len(ranks)
    off = abs(sum(ranks[len(base) :]) - middle)
    far = np.abs(np.arange(len(sums)) - middle) >= off - 1e-6
    return float(min(sums[far].sum() / sums.sum(), 1.0))


def least_p(n: int, m: int) -> float:
    """Return the smallest p that so many trials can have at all."""
    return min(2 / math.comb(n + m, n), 1.0)


def shift(
    base: Sequence[tuple[float, float, float]], other: Sequence[tuple[float, float, float]]
) -> tuple[float, float | None, float | None]:
    """Return by how much trials (value, least, most) of the other group are larger, and between
    what that lies; None where there are too few trials.

    Hodges-Lehmann: the median of all differences of two trials. The interval goes from the k-th
    smallest to the k-th largest of them, by the distribution of ranks, and holds the errors of all.
    """
    mids = sorted(_less(b[0], a[0]) for a in base for b in other)
    k = _rank_of_interval(len(base), len(other))
    if k == 0:
        return median(mids), None, None
    lows = sorted(_less(b[1], a[2]) for a in base for b in other)
    highs = sorted(_less(b[2], a[1]) for a in base for b in other)
    return median(mids), lows[k - 1], highs[-k]


def dominance(base: Sequence[float], other: Sequence[float]) -> float:
    """Return the effect size: how much oftener a trial of the other group is larger than smaller.

    Cliff's delta, from -1 to 1.
    """
    signs = [(b > a) - (b < a) for a in base for b in other]
    return sum(signs) / len(signs)


def could_find(base: Sequence[float], other: Sequence[float], tests: int) -> float | None:
    """Return the smallest difference that so many trials find four times of five, if any.

    tests: how many figures are judged together.
    """
    n, m = len(base), len(other)
    spread = _spread(base, other)
    if spread is None or least_p(n, m) > ALPHA / tests:
        return None
    return _reach(POWER, tests) * spread * math.sqrt(1 / n + 1 / m)


def advised(
    base: Sequence[float], other: Sequence[float], difference: float, tests: int
) -> int | None:
    """Return how many trials of each group find such a difference nine times of ten, if any do.

    Trials may spread more than these few show: it is reckoned with as much as nine of ten such
    groups would stay below (Wilson and Hilferty's quantile of the chi-square distribution).
    """
    spread = _spread(base, other)
    if spread is None or difference <= 0:
        return None
    free = len(base) + len(other) - 2
    part = 2 / (9 * free)
    spread /= math.sqrt(max(1 - part - NormalDist().inv_cdf(SURE) * math.sqrt(part), 0.1) ** 3)
    for n in range(2, TRIALS_MAX + 1):
        found = _reach(SURE, tests) * spread * math.sqrt(2 / n) <= difference
        if found and least_p(n, n) <= ALPHA / tests:
            return n
    return None


def _reach(power: float, tests: int) -> float:
    normal = NormalDist()
    return (normal.inv_cdf(1 - ALPHA / tests / 2) + normal.inv_cdf(power)) * _RANK_SPREAD


def _spread(base: Sequence[float], other: Sequence[float]) -> float | None:
    """Return the standard deviation of trials within their groups."""
    groups = [np.asarray(group, dtype=np.float64) for group in (base, other)]
    free = sum(len(group) - 1 for group in groups)
    if free < 1 or not all(np.isfinite(group).all() for group in groups):
        return None
    return float(math.sqrt(sum(((g - g.mean()) ** 2).sum() for g in groups) / free))


def _less(value: float, by: float) -> float:
    """Return a difference; none of two that are longer than anything seen."""
    return 0.0 if value == by else value - by


def _ranks(values: Sequence[float]) -> list[int]:
    """Return twice the rank of each value, so that shared ranks are whole."""
    ordered = sorted(values)
    first = {value: i for i, value in reversed(list(enumerate(ordered, start=1)))}
    return [2 * first[value] + ordered.count(value) - 1 for value in values]


def _sums(ranks: Sequence[int], size: int) -> Floats:
    """Return in how many ways so many of the ranks have each sum."""
    ways = np.zeros((size + 1, sum(ranks) + 1))
    ways[0, 0] = 1
    for rank in ranks:
        ways[1:, rank:] += ways[:-1, : ways.shape[1] - rank].copy()
    found: Floats = ways[size]
    return found


def _rank_of_interval(n: int, m: int) -> int:
    """Return the largest k whose interval covers 1 - ALPHA, 0 if there is none."""
    sums = _sums(range(1, n + m + 1), m)
    below = np.cumsum(sums[m * (m + 1) // 2 :]) / sums.sum()
    return int(np.searchsorted(below, ALPHA / 2, side="right"))
