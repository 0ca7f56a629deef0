"""Times of charts take two bytes each, and are as exact as clocks are."""

from __future__ import annotations

from base64 import b64decode

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from metrics.report import charts
from tests.unit.metrics_report.charts_of import numbers

STEPS = st.lists(st.one_of(st.floats(-5, 30), st.none()), max_size=40)


def times(steps: list[float | None]) -> list[float]:
    """Return times that lie apart by steps; none is a gap."""
    found, at = [], 0.0
    for step in steps:
        at += step or 0.0
        found.append(float("nan") if step is None else at)
    return found


@given(STEPS)
def test_times_come_back_within_half_a_millisecond_and_gaps_stay(steps: list[float | None]) -> None:
    given_s = np.asarray(times(steps), dtype=np.float64)
    packed = charts.packed_seconds(given_s)
    assert len(b64decode(packed["bdata"])) == 2 * len(steps)
    found = np.asarray(numbers(packed), dtype=np.float64)
    assert np.isnan(found).tolist() == np.isnan(given_s).tolist()
    assert np.max(np.abs(found - given_s), initial=0, where=~np.isnan(given_s)) <= 0.5001e-3


def test_times_too_far_apart_for_that_are_packed_as_numbers() -> None:
    far = np.asarray([1.0, 40.0])
    assert charts.packed_seconds(far) == charts.packed(far)
