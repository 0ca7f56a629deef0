"""Bands around the offsets of many pairs of clocks at once, each from its own samples.

Offsets with as many samples are rows of one array: what is done to hundreds of short rows takes
little longer than what is done to one. How each band is found does not depend on the others.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from metrics.intake.offset_bounds import BrokenBounds, OffsetBounds
from metrics.model.arrays import Floats, Ints

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
AT_ONCE = 20_000
"""So many samples, about, are worked on at once: what more take leaves the processor's cache."""
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
class Sampled:
    """What is known of an offset: its samples as rows (time, lower, upper; ns), how it may wander.

    series: the same samples as such rows of each prober.
    """

    samples: Ints
    wander: Wander
    series: Sequence[Ints] = ()


def fit_broken(samples: Ints, wander: Wander, jumps: int) -> OffsetBounds | BrokenBounds:
    """Return the band as `fit` does, broken at the largest jumps, as many as may be there.

    A sample that contradicts itself was taken across a jump and is left out.
    """
    sound = samples[:, samples[1] <= samples[2]]
    sound = sound[:, np.argsort(sound[0], kind="stable")]
    _, lower, upper = sound
    apart = np.maximum(lower[1:] - upper[:-1], lower[:-1] - upper[1:])
    largest = np.argsort(apart, kind="stable")[::-1][:jumps]
    edges = sorted(int(i) + 1 for i in largest if apart[i] > JUMP_NS)
    found = tuple(fit(part, wander) for part in np.split(sound, edges, axis=1))
    return found[0] if len(found) == 1 else BrokenBounds(found)


def fit(samples: Ints, wander: Wander) -> OffsetBounds:
    """Return the band around one offset."""
    return fit_all([Sampled(samples, wander)])[0]


def fit_all(offsets: Sequence[Sampled]) -> list[OffsetBounds]:
    """Return the band of each: around a fitted drift, or around none where samples tell it badly.

    The offset may leave a fitted drift by fitted_ppm and by what the fit may be wrong; without one
    it wanders by plain_ppm. Where the samples need more, twice of that is allowed for.
    """
    alike: dict[tuple[int, Wander], list[int]] = defaultdict(list)
    for place, each in enumerate(offsets):
        alike[each.samples.shape[1], each.wander].append(place)
    found: dict[int, OffsetBounds] = {}
    for (count, wander), places in alike.items():
        size = max(AT_ONCE // max(count, 1), 1)
        for some in (places[i : i + size] for i in range(0, len(places), size)):
            own = [offsets[place] for place in some]
            found |= zip(some, _fit(own, wander), strict=True)
    return [found[place] for place in range(len(offsets))]


class _Rows(NamedTuple):
    """Samples of several offsets, a row each, in order of time.

    elapsed: since the first; low and high: the bounds, less base, the first lower one.
    """

    times: Ints
    base: Ints
    elapsed: Floats
    low: Floats
    high: Floats

    def some(self, which: Ints) -> "_Rows":
        times, base, elapsed, low, high = self
        return _Rows(times[which], base[which], elapsed[which], low[which], high[which])

    def bands(self, slope: Floats, wander: Floats) -> tuple[Floats, Floats]:
        """Return the ends of the tightest bands that the samples allow, and no more.

        slope: a drift taken off first, so that wander, a ratio as well, need only cover how it
        changes.
        """
        trend, rise = slope[:, None] * self.elapsed, wander[:, None] * self.elapsed
        low, high = self.low - trend, self.high - trend
        low = np.maximum(
            ACCUMULATE_MAX(low + rise, axis=1) - rise,
            ACCUMULATE_MAX((low - rise)[:, ::-1], axis=1)[:, ::-1] + rise,
        )
        high = np.minimum(
            ACCUMULATE_MIN(high - rise, axis=1) + rise,
            ACCUMULATE_MIN((high + rise)[:, ::-1], axis=1)[:, ::-1] - rise,
        )
        return low, high


def _rows(samples: Sequence[Ints]) -> _Rows:
    """Return samples of several offsets, as many of each."""
    told = np.stack(samples, axis=1)
    order = np.argsort(told[0], axis=1, kind="stable")
    times, lower, upper = (np.take_along_axis(own, order, axis=1) for own in told)
    base = lower[:, :1]
    elapsed, low, high = (
        own.astype(np.float64) for own in (times - times[:, :1], lower - base, upper - base)
    )
    return _Rows(times, base[:, 0], elapsed, low, high)


def _fit(offsets: Sequence[Sampled], wander: Wander) -> Iterator[OffsetBounds]:
    """Yield the band of each; all have as many samples, and wander alike."""
    rows = _rows([each.samples for each in offsets])
    slope, error = _drifts(rows)
    ppm = wander.fitted_ppm + error * 1e6
    badly = ppm >= wander.plain_ppm
    slope[badly], ppm[badly] = 0.0, wander.plain_ppm
    assumed = ppm * 1e-6
    low, high = rows.bands(slope, assumed)
    empty = np.flatnonzero((low > high).any(axis=1))
    while len(again := empty[FINER * ppm[empty] <= WIDEST_PPM]):
        ppm[again] *= FINER
        ends = rows.some(again).bands(slope[again], ppm[again] * 1e-6)
        agree = ~(ends[0] > ends[1]).any(axis=1)
        low[again[agree]], high[again[agree]] = ends[0][agree], ends[1][agree]
        empty = np.setdiff1d(empty, again[agree])
    needed = ppm * 1e-6
    needed[empty] = assumed[empty]
    shown = needed.copy()
    sound = np.setdiff1d(np.arange(len(offsets)), empty).tolist()
    series = [(i, own) for i in sound for own in offsets[i].series]
    for i, steady in _steady_wanders(series, slope, needed):
        shown[i] = max(shown[i], steady)
    used = np.maximum(np.where(shown > assumed, 2 * shown, shown), wander.least_ppm / 1e6)
    used[empty] = needed[empty]
    wider = np.flatnonzero(used > needed)
    if len(wider):
        needed[wider] = used[wider] * 1e6 * 1e-6
        low[wider], high[wider] = rows.some(wider).bands(slope[wider], needed[wider])
    for i, times in enumerate(rows.times):
        yield OffsetBounds(
            times, low[i], high[i], int(rows.base[i]), float(slope[i]), float(needed[i]),
            assumed=float(assumed[i]), shown=float(shown[i]),
        )  # fmt: skip


def _steady_wanders(
    series: Sequence[tuple[int, Ints]], slope: Floats, wander: Floats
) -> Iterator[tuple[int, float]]:
    """Yield (offset, wander) of the samples of each prober of an offset if the ways' least delays
    are steady.

    Then the smallest round trip splits into its two ways always alike, so that the middles of two
    samples differ by the clocks' wander and by no more than half of what each took longer: far less
    than their bounds. The smallest one seen may itself have waited; as a measure of that serves how
    much longer the tenth took. Nothing of probers with too few samples.
    """
    alike: dict[int, list[tuple[int, Ints]]] = defaultdict(list)
    for offset, own in series:
        if own.shape[1] >= STEADY_FEWEST:
            alike[own.shape[1]].append((offset, own))
    for those in alike.values():
        times, lower, upper = np.stack([own for _, own in those], axis=1)
        least, tenth = np.sort(upper - lower, axis=1)[:, [0, STEADY_RANK - 1]].T[:, :, None]
        middle, half = (lower + upper) // 2, (upper - lower - least) // 2 + tenth - least + 1
        rows = _rows([*np.stack([times, middle - half, middle + half], axis=1)])
        of = np.asarray([offset for offset, _ in those])
        found, rest = wander[of], np.arange(len(of))
        while len(rest):
            low, high = rows.some(rest).bands(slope[of[rest]], found[rest] * 1e6 * 1e-6)
            raised = found[rest] * FINER
            rest = rest[(low > high).any(axis=1) & (raised <= WIDEST_PPM / 1e6)]
            found[rest] *= FINER
        yield from zip(of.tolist(), found.tolist(), strict=True)


def _drifts(rows: _Rows) -> tuple[Floats, Floats]:
    """Return drifts, and how far the mean drifts may be from them; (0, infinite) for too short a
    span.

    A drift is that of the middles, tight samples counting most. What it may be wrong by follows
    from the tightest sample of the first and of the last third of the time, whatever asymmetry.
    """
    drift, error = np.zeros(len(rows.base)), np.full(len(rows.base), np.inf)
    long = np.flatnonzero(rows.elapsed[:, -1] >= FIT_NS)
    if not len(long):
        return drift, error
    _, _, elapsed, low, high = rows.some(long)
    width = np.maximum(high - low, 1000.0)
    last = elapsed[:, -1:]
    tight = [
        np.argmin(np.where(part, width, np.inf), axis=1)[:, None]
        for part in (elapsed <= last / 3, elapsed >= last * 2 / 3)
    ]
    (begin, first_low, first_high), (end, last_low, last_high) = (
        [np.take_along_axis(own, at, axis=1)[:, 0] for own in (elapsed, low, high)] for at in tight
    )
    apart = end - begin
    least, most = (last_low - first_high) / apart, (last_high - first_low) / apart
    drift[long] = np.minimum(np.maximum(_slopes(elapsed, width, (low + high) / 2), least), most)
    error[long] = np.maximum(most - drift[long], drift[long] - least)
    return drift, error


def _slopes(elapsed: Floats, width: Floats, middle: Floats) -> Floats:
    """Return the slope of the middles of each row, each weighted by how tight its sample is."""
    weight = 1.0 / width**2
    whole = weight.sum(axis=1)
    x = elapsed - ((weight * elapsed).sum(axis=1) / whole)[:, None]
    y = middle - ((weight * middle).sum(axis=1) / whole)[:, None]
    found: Floats = (weight * x * y).sum(axis=1) / (weight * x**2).sum(axis=1)
    return found
