"""A hard band around a slowly drifting clock offset, from samples that bound it from both sides.

Between and beyond the samples the offset may wander only so fast, so every sample also bounds its
neighbours: the band is the tightest one that all of them allow. How fast is an assumption. Samples
that cannot all be true under it widen the band, which remembers that; a band that is empty even so
means that they contradict each other. Wide samples hide much, so a second look takes their middles:
see `steady_wander`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
FIT_NS = 20_000_000_000
"""How long samples must span for a constant drift to be fitted to them."""
WIDEST_PPM = 3000.0
"""How fast an offset may wander at most to make samples agree; beyond, they contradict each other.
"""
STEADY_RANK = 10
"""How many samples must come close to the smallest round trip before it is taken for a steady one.
"""
STEADY_FEWEST = 2 * STEADY_RANK
NEVER_FITTED = float("inf")
"""The wander from a fitted drift of an offset that may change its rate at any time."""
FINER = 1.25
"""By how much a wander is raised at a time until samples agree."""
JUMP_NS = 20_000_000
"""What two samples in a row must be apart at least to show a clock that stood still."""
ACCUMULATE_MIN = np.minimum.accumulate
ACCUMULATE_MAX = np.maximum.accumulate


@dataclass(frozen=True, slots=True)
class Wander:
    """How fast an offset may leave a fitted drift, or wander where none can be fitted, by what is
    assumed; and how fast at least, where something else broke that.
    """

    fitted_ppm: float
    plain_ppm: float
    least_ppm: float = 0.0


@dataclass(frozen=True, slots=True)
class OffsetBounds:
    """Lower and upper bound of an offset over time; made by `build` or `fit`.

    wander: how fast the offset may leave its slope (a ratio); assumed: the same by what is assumed;
    shown: what the samples need at least, more than that where they break it.
    """

    times: Ints
    lower: Floats
    upper: Floats
    base_ns: int
    slope: float
    wander: float
    assumed: float
    shown: float

    @property
    def empty(self) -> bool:
        """Return whether the samples contradict each other somewhere."""
        return bool((self.lower > self.upper).any())

    @property
    def shown_ppm(self) -> float:
        """Return the wander that the samples need beyond the assumed one; 0 when that does."""
        return self.shown * 1e6 if self.shown > self.assumed else 0.0

    @property
    def worst_half_ns(self) -> float:
        """Return the largest half width from the first sample to the last, gaps included."""
        grown = self.wander * np.diff(self.times)
        one_way = self.upper[:-1] - self.lower[1:] + grown
        other = self.upper[1:] - self.lower[:-1] + grown
        between = np.minimum(one_way, other)
        return float(max((self.upper - self.lower).max(), between.max(initial=0.0)) / 2)

    @property
    def median_half_ns(self) -> float:
        """Return the median half width over the samples."""
        return float(np.median(self.upper - self.lower) / 2)

    def at(self, times: Ints) -> tuple[Ints, Ints]:
        """Return (lower, upper) in ns at each of times, widened by the wander since the samples.

        Where the samples contradict each other the two change places, so lower stays below upper.
        """
        right = np.searchsorted(self.times, times)
        left = np.clip(right - 1, 0, len(self.times) - 1)
        right = np.clip(right, 0, len(self.times) - 1)
        grow_left = self.wander * np.abs(times - self.times[left])
        grow_right = self.wander * np.abs(times - self.times[right])
        low = np.maximum(self.lower[left] - grow_left, self.lower[right] - grow_right)
        high = np.minimum(self.upper[left] + grow_left, self.upper[right] + grow_right)
        low, high = np.minimum(low, high), np.maximum(low, high)
        trend = self.slope * (times - self.times[0])
        base = np.int64(self.base_ns)
        lower: Ints = base + np.floor(low + trend).astype(np.int64)
        upper: Ints = base + np.ceil(high + trend).astype(np.int64)
        return lower, upper


@dataclass(frozen=True, slots=True)
class BrokenBounds:
    """Bands one after the other around an offset that jumps in between, as when a clock stood
    still: bounds as of a OffsetBounds, and of both neighbours where the jump may be.
    """

    parts: tuple[OffsetBounds, ...]

    @property
    def times(self) -> Ints:
        """Return the times of all samples."""
        return np.concatenate([part.times for part in self.parts])

    @property
    def empty(self) -> bool:
        """Return whether samples of one part contradict each other."""
        return any(part.empty for part in self.parts)

    @property
    def shown_ppm(self) -> float:
        """Return the most wander that the samples of a part need; 0 when the assumed one does."""
        return max(part.shown_ppm for part in self.parts)

    @property
    def worst_half_ns(self) -> float:
        """Return the largest half width within any part, gaps between samples included."""
        return max(part.worst_half_ns for part in self.parts)

    @property
    def median_half_ns(self) -> float:
        """Return the median half width over the samples."""
        return float(np.median(np.concatenate([p.upper - p.lower for p in self.parts])) / 2)

    @property
    def slope(self) -> float:
        """Return the drift of the part with most samples."""
        return max(self.parts, key=lambda part: len(part.times)).slope

    def at(self, times: Ints) -> tuple[Ints, Ints]:
        """Return (lower, upper) in ns at each of times."""
        lower, upper = self.parts[0].at(times)
        for before, part in pairwise(self.parts):
            low, high = part.at(times)
            over, unsure = times >= part.times[0], times > before.times[-1]
            lower = np.where(over, low, np.where(unsure, np.minimum(lower, low), lower))
            upper = np.where(over, high, np.where(unsure, np.maximum(upper, high), upper))
        return lower, upper


def fit_broken(
    times: Ints, lower: Ints, upper: Ints, wander: Wander, jumps: int
) -> OffsetBounds | BrokenBounds:
    """Return the band as `fit` does, broken at the largest jumps, as many as may be there.

    A sample that contradicts itself was taken across a jump and is left out.
    """
    sound = lower <= upper
    order = np.argsort(times[sound], kind="stable")
    times, lower, upper = times[sound][order], lower[sound][order], upper[sound][order]
    apart = np.maximum(lower[1:] - upper[:-1], lower[:-1] - upper[1:])
    largest = np.argsort(apart, kind="stable")[::-1][:jumps]
    edges = sorted(int(i) + 1 for i in largest if apart[i] > JUMP_NS)
    found = tuple(
        fit(t, low, high, wander)
        for t, low, high in zip(
            np.split(times, edges), np.split(lower, edges), np.split(upper, edges), strict=True
        )
    )
    return found[0] if len(found) == 1 else BrokenBounds(found)


def fit(
    times: Ints, lower: Ints, upper: Ints, wander: Wander, series: Sequence[Ints] = ()
) -> OffsetBounds:
    """Return the band around a fitted drift, or around none where the samples tell it too badly.

    The offset may leave a fitted drift by fitted_ppm and by what the fit may be wrong; without one
    it wanders by plain_ppm. Where the samples need more, twice of that is allowed for. series: the
    same samples, as rows (times, lower, upper) of each prober.
    """
    order = np.argsort(times, kind="stable")
    slope, error = _drift(times[order], lower[order], upper[order])
    wander_ppm = wander.fitted_ppm + error * 1e6
    if wander_ppm >= wander.plain_ppm:
        slope, wander_ppm = 0.0, wander.plain_ppm
    first = found = build(times, lower, upper, wander_ppm=wander_ppm, slope=slope)
    while found.empty and FINER * wander_ppm <= WIDEST_PPM:
        wander_ppm *= FINER
        found = build(times, lower, upper, wander_ppm=wander_ppm, slope=slope)
    if found.empty:
        return first
    shown = max([found.wander, *(steady_wander(found, *rows) for rows in series)])
    used = max(2 * shown if shown > first.wander else shown, wander.least_ppm / 1e6)
    if used > found.wander:
        found = build(times, lower, upper, wander_ppm=used * 1e6, slope=slope)
    return replace(found, assumed=first.wander, shown=shown)


def steady_wander(found: OffsetBounds, times: Ints, lower: Ints, upper: Ints) -> float:
    """Return the wander (a ratio) of one prober's samples if the ways' least delays are steady.

    Then the smallest round trip splits into its two ways always alike, so that the middles of two
    samples differ by the clocks' wander and by no more than half of what each took longer: far less
    than their bounds. The smallest one seen may itself have waited; as a measure of that serves how
    much longer the tenth took. The band's own wander where they agree with it, or are too few.
    """
    wander = found.wander
    if len(times) < STEADY_FEWEST:
        return wander
    least, tenth = np.sort(upper - lower)[[0, STEADY_RANK - 1]]
    middle, half = (lower + upper) // 2, (upper - lower - least) // 2 + tenth - least + 1

    def agree() -> bool:
        rows = times, middle - half, middle + half
        return not build(*rows, wander_ppm=wander * 1e6, slope=found.slope).empty

    while not agree() and wander * FINER <= WIDEST_PPM / 1e6:
        wander *= FINER
    return wander


def build(
    times: Ints, lower: Ints, upper: Ints, *, wander_ppm: float, slope: float = 0.0
) -> OffsetBounds:
    """Return the tightest band that samples (times, lower, upper; ns) allow.

    slope: a drift taken off first, so that wander_ppm need only cover how the drift changes.
    """
    order = np.argsort(times, kind="stable")
    times, lower, upper = times[order], lower[order], upper[order]
    base = int(lower[0])
    elapsed = (times - times[0]).astype(np.float64)
    low = (lower - base).astype(np.float64) - slope * elapsed
    high = (upper - base).astype(np.float64) - slope * elapsed
    wander = wander_ppm * 1e-6
    rise = wander * elapsed
    low = np.maximum(
        ACCUMULATE_MAX(low + rise) - rise, ACCUMULATE_MAX((low - rise)[::-1])[::-1] + rise
    )
    high = np.minimum(
        ACCUMULATE_MIN(high - rise) + rise, ACCUMULATE_MIN((high + rise)[::-1])[::-1] - rise
    )
    return OffsetBounds(times, low, high, base, slope, wander, assumed=wander, shown=wander)


def _drift(times: Ints, lower: Ints, upper: Ints) -> tuple[float, float]:
    """Return (drift, how far the mean drift may be from it); (0, infinite) for too short a span.

    The drift is that of the middles, tight samples counting most. What it may be wrong by follows
    from the tightest sample of the first and of the last third of the time, whatever asymmetry.
    """
    elapsed = (times - times[0]).astype(np.float64)
    if elapsed[-1] < FIT_NS:
        return 0.0, float("inf")
    low, high = (lower - lower[0]).astype(np.float64), (upper - lower[0]).astype(np.float64)
    width = np.maximum(high - low, 1000.0)
    early, late = elapsed <= elapsed[-1] / 3, elapsed >= elapsed[-1] * 2 / 3
    i = int(np.argmin(np.where(early, width, np.inf)))
    j = int(np.argmin(np.where(late, width, np.inf)))
    apart = elapsed[j] - elapsed[i]
    least, most = (low[j] - high[i]) / apart, (high[j] - low[i]) / apart
    drift = min(max(_slope(elapsed, width, (low + high) / 2), least), most)
    return drift, float(max(most - drift, drift - least))


def _slope(elapsed: Floats, width: Floats, middle: Floats) -> float:
    """Return the slope of the middles, each weighted by how tight its sample is."""
    weight = 1.0 / width**2
    mean_x = float((weight * elapsed).sum() / weight.sum())
    mean_y = float((weight * middle).sum() / weight.sum())
    spread = float((weight * (elapsed - mean_x) ** 2).sum())
    return float((weight * (elapsed - mean_x) * (middle - mean_y)).sum()) / spread
