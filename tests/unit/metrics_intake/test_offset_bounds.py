"""The clock band always holds the true offset, and says so when samples contradict each other."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.intake import offset_fits
from metrics.intake.offset_bounds import BrokenBounds, OffsetBounds
from metrics.intake.offset_fits import NEVER_FITTED, Sampled, Wander
from metrics.model.arrays import Ints


def plain(times: Ints, lower: Ints, upper: Ints, wander_ppm: float) -> OffsetBounds:
    """Return the band of an offset to which no drift is fitted."""
    return offset_fits.fit(np.stack([times, lower, upper]), Wander(NEVER_FITTED, wander_ppm))


@settings(max_examples=60)
@given(
    offset=st.integers(-(10**15), 10**15),
    drift_ppm=st.floats(-80, 80),
    delays=st.lists(
        st.tuples(st.integers(10_000, 5_000_000), st.integers(10_000, 5_000_000)),
        min_size=8, max_size=60,
    ),
)  # fmt: skip
def test_the_band_holds_the_true_offset_between_samples_whatever_the_asymmetry(
    offset: int, drift_ppm: float, delays: list[tuple[int, int]]
) -> None:
    times = np.arange(len(delays), dtype=np.int64) * 10**9 + 7 * 10**14

    def truth(at: Ints) -> Ints:
        moved: Ints = offset + np.round((at - times[0]) * drift_ppm * 1e-6).astype(np.int64)
        return moved

    lower = truth(times) - np.asarray([back for _, back in delays], dtype=np.int64)
    upper = truth(times) + np.asarray([there for there, _ in delays], dtype=np.int64)
    found = plain(times, lower, upper, 200.0)
    assert not found.empty
    asked = np.linspace(times[0] - 10**9, times[-1] + 10**9, 97).astype(np.int64)
    low, high = found.at(asked)
    assert (low <= truth(asked) + 2).all()
    assert (high >= truth(asked) - 2).all()


def test_a_fitted_drift_narrows_the_band() -> None:
    times = np.arange(120, dtype=np.int64) * 10**9
    middle = 3_600_000_000_000 + (times * 40e-6).astype(np.int64)
    width = np.where(np.arange(120) % 10 == 0, 50_000, 2_000_000).astype(np.int64)
    fitted = offset_fits.fit(np.stack([times, middle - width, middle + width]), Wander(10, 300))
    wide = plain(times, middle - width, middle + width, 100)
    assert abs(fitted.slope - 40e-6) < 1e-7
    assert fitted.median_half_ns < wide.median_half_ns / 3


def test_samples_that_no_clock_can_satisfy_leave_the_band_empty() -> None:
    times = np.arange(3, dtype=np.int64) * 10**9
    offset = np.asarray([0, 10_000_000, 0], dtype=np.int64)
    assert plain(times, offset - 1000, offset + 1000, 10).empty


def test_a_band_breaks_where_a_clock_stood_still_and_nowhere_else() -> None:
    times = np.arange(0, 100 * 10**9, 10**9, dtype=np.int64)
    offset = np.where(times < 40 * 10**9, 0, -7 * 10**9)
    found = offset_fits.fit_broken(
        np.stack([times, offset - 1000, offset + 1000]), Wander(10, 20), 2
    )
    assert isinstance(found, BrokenBounds)
    assert len(found.parts) == 2
    assert not found.empty
    low, high = found.at(np.asarray([20, 60, 39], dtype=np.int64) * 10**9)
    assert (high - low).max() < 3000
    low, high = found.at(np.asarray([39 * 10**9 + 10**9 // 2]))
    assert low[0] <= -7 * 10**9
    assert high[0] >= 0
    whole = offset_fits.fit_broken(
        np.stack([times, offset * 0 - 1000, offset * 0 + 1000]), Wander(10, 20), 2
    )
    assert isinstance(whole, OffsetBounds)


def test_the_worst_half_width_is_the_widest_that_the_band_gets_between_samples() -> None:
    rng = np.random.default_rng(7)
    for _ in range(50):
        times = np.cumsum(rng.integers(10**8, 10**10, 12))
        there, back = (rng.integers(10_000, 5_000_000, 12) for _ in range(2))
        found = plain(times, -back, there, 100.0)
        low, high = found.at(np.linspace(times[0], times[-1], 20_001).astype(np.int64))
        widest = float((high - low).max()) / 2
        assert widest - 2 <= found.worst_half_ns <= widest * 1.01


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_bands_that_are_found_together_are_those_found_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    offsets = []
    for count in rng.choice([1, 5, 19, 20, 40, 40, 40, 41], 8).tolist():
        times = np.cumsum(rng.integers(10**8, 2 * 10**9, count)) + 7 * 10**14
        moved = (times - times[0]) // 10**6 * int(rng.integers(-150, 150))
        moved += np.where(np.arange(count) == count // 2, int(rng.choice([0, 10**5, 10**10])), 0)
        there, back = rng.exponential(10**6, (2, count)).astype(np.int64) + 20_000
        rows = np.stack([times, moved - back, moved + there])[:, rng.permutation(count)]
        wander = Wander(100.0, 320.0, float(rng.choice([0, 700])))
        offsets.append(Sampled(rows, wander, [rows[:, : count // 2], rows[:, count // 2 :]]))
    for each, found in zip(offsets, offset_fits.fit_all(offsets), strict=True):
        (alone,) = offset_fits.fit_all([each])
        assert [own.tolist() for own in (found.times, found.lower, found.upper)] == [
            own.tolist() for own in (alone.times, alone.lower, alone.upper)
        ]
        assert (found.base_ns, found.slope, found.wander, found.assumed, found.shown) == (
            alone.base_ns, alone.slope, alone.wander, alone.assumed, alone.shown
        )  # fmt: skip
