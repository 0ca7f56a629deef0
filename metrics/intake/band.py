"""A hard band around a slowly drifting clock offset, from samples that bound it from both sides.

Between and beyond the samples the offset may wander only so fast, so every sample also bounds its
neighbours: the band is the tightest one that all of them allow. A band that comes out empty means
that the samples contradict each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
JUMP_NS = 20_000_000
"""What two samples in a row must be apart at least to show a clock that stood still."""
ACCUMULATE_MIN = np.minimum.accumulate
ACCUMULATE_MAX = np.maximum.accumulate


@dataclass(frozen=True, slots=True)
class Band:
    """Lower and upper bound of an offset over time; made by `build`."""

    times: Ints
    lower: Floats
    upper: Floats
    base_ns: int
    slope: float
    wander: float

    @property
    def empty(self) -> bool:
        """Return whether the samples contradict each other somewhere."""
        return bool((self.lower > self.upper).any())

    @property
    def worst_half_ns(self) -> float:
        """Return the largest half width at any sample."""
        return float((self.upper - self.lower).max() / 2)

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
class Broken:
    """Bands one after the other around an offset that jumps in between, as when a clock stood
    still: bounds as of a Band, and of both neighbours where the jump may be.
    """

    parts: tuple[Band, ...]

    @property
    def times(self) -> Ints:
        """Return the times of all samples."""
        return np.concatenate([part.times for part in self.parts])

    @property
    def empty(self) -> bool:
        """Return whether samples of one part contradict each other."""
        return any(part.empty for part in self.parts)

    @property
    def worst_half_ns(self) -> float:
        """Return the largest half width at any sample."""
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


def build_broken(
    times: Ints, lower: Ints, upper: Ints, *, wander_ppm: float, jumps: int
) -> Band | Broken:
    """Return the band, broken at the largest jumps of the samples, as many as may be there.

    A sample that contradicts itself was taken across a jump and is left out.
    """
    sound = lower <= upper
    order = np.argsort(times[sound], kind="stable")
    times, lower, upper = times[sound][order], lower[sound][order], upper[sound][order]
    apart = np.maximum(lower[1:] - upper[:-1], lower[:-1] - upper[1:])
    largest = np.argsort(apart, kind="stable")[::-1][:jumps]
    edges = sorted(int(i) + 1 for i in largest if apart[i] > JUMP_NS)
    found = tuple(
        build(t, low, high, wander_ppm=wander_ppm, detrend=True)
        for t, low, high in zip(
            np.split(times, edges), np.split(lower, edges), np.split(upper, edges), strict=True
        )
    )
    return found[0] if len(found) == 1 else Broken(found)


def build(times: Ints, lower: Ints, upper: Ints, *, wander_ppm: float, detrend: bool) -> Band:
    """Return the tightest band that samples (times, lower, upper; ns) allow.

    detrend: fit a constant drift first (weighted by how tight each sample is), so that wander_ppm
    need only cover the change of the drift, not the drift itself.
    """
    order = np.argsort(times, kind="stable")
    times, lower, upper = times[order], lower[order], upper[order]
    base = int(lower[0])
    low, high = (lower - base).astype(np.float64), (upper - base).astype(np.float64)
    elapsed = (times - times[0]).astype(np.float64)
    slope = _slope(elapsed, low, high) if detrend and len(times) > 2 else 0.0
    low, high = low - slope * elapsed, high - slope * elapsed
    wander = wander_ppm * 1e-6
    rise = wander * elapsed
    low = np.maximum(
        ACCUMULATE_MAX(low + rise) - rise, ACCUMULATE_MAX((low - rise)[::-1])[::-1] + rise
    )
    high = np.minimum(
        ACCUMULATE_MIN(high - rise) + rise, ACCUMULATE_MIN((high + rise)[::-1])[::-1] - rise
    )
    return Band(times=times, lower=low, upper=high, base_ns=base, slope=slope, wander=wander)


def _slope(elapsed: Floats, low: Floats, high: Floats) -> float:
    """Return the drift of the band's middle, tight samples counting most."""
    width = np.maximum(high - low, 1000.0)
    weight = 1.0 / width**2
    middle = (low + high) / 2
    mean_x = float((weight * elapsed).sum() / weight.sum())
    mean_y = float((weight * middle).sum() / weight.sum())
    spread = float((weight * (elapsed - mean_x) ** 2).sum())
    if spread <= 0 or elapsed[-1] < 5e9:
        return 0.0
    return float((weight * (elapsed - mean_x) * (middle - mean_y)).sum()) / spread
