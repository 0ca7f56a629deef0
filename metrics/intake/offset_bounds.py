"""A hard band around a slowly drifting clock offset, from samples that bound it from both sides.

Between and beyond the samples the offset may wander only so fast, so every sample also bounds its
neighbours: the band is the tightest one that all of them allow. How fast is an assumption. Samples
that cannot all be true under it widen the band, which remembers that; a band that is empty even so
means that they contradict each other. How bands come from samples is in `offset_fits`.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from metrics.model.arrays import Floats, Ints


@dataclass(frozen=True, slots=True)
class OffsetBounds:
    """Lower and upper bound of an offset over time; made by `offset_fits`.

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
        last = len(self.times) - 1
        left = np.maximum(right - 1, 0)
        right = np.minimum(right, last)
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
