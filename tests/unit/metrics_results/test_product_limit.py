"""The curve of what still waits: against another way to it, and its interval within bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.results.product_limit import LEAST, Step, curve, median

Times = st.lists(st.integers(1, 12).map(float), max_size=14)


def by_hand(ended: list[float], watched: list[float]) -> dict[float, float]:
    """Return the share that waits after each end: who is not watched on leaves his weight to those
    behind him, in equal parts (Efron's redistribution to the right).
    """
    order = sorted([(t, 0) for t in ended] + [(t, 1) for t in watched])
    weights, still, found = [1 / len(order)] * len(order), 1.0, {}
    for i, (t, censored) in enumerate(order):
        if censored:
            behind = len(order) - i - 1
            for j in range(i + 1, len(order)):
                weights[j] += weights[i] / behind
        else:
            still -= weights[i]
            found[t] = still
    return found


@given(ended=Times, watched=Times)
def test_both_ways_to_the_curve_agree(ended: list[float], watched: list[float]) -> None:
    first, *steps = curve(ended, watched)
    assert (first.t, first.still) == (0.0, 1.0)
    found = {step.t: step.still for step in steps}
    assert found == pytest.approx(by_hand(ended, watched) if ended else {}, abs=1e-12)


@given(ended=Times, watched=Times)
def test_an_interval_holds_the_curve_and_few_have_none(
    ended: list[float], watched: list[float]
) -> None:
    for step in curve(ended, watched):
        if len(ended) + len(watched) < LEAST:
            assert (step.low, step.high) == (None, None)
        else:
            assert step.low is not None
            assert step.high is not None
            assert 0 <= step.low <= step.still <= step.high <= 1


def test_a_curve_of_six_as_a_textbook_has_it() -> None:
    steps = curve([6.0, 6.0, 6.0, 7.0], [6.0, 9.0])
    # 3 of 6, then 1 of 2 who were still watched; ln(-ln) limits by Greenwood's sum.
    assert steps == [
        Step(0.0, 1.0, 1.0, 1.0),
        Step(6.0, 0.5, pytest.approx(0.110948, abs=1e-5), pytest.approx(0.803709, abs=1e-5)),
        Step(7.0, 0.25, pytest.approx(0.012310, abs=1e-5), pytest.approx(0.645949, abs=1e-5)),
    ]
    assert median(steps) == 6.0


def test_there_is_no_median_where_more_than_half_were_not_watched_to_their_end() -> None:
    assert median(curve([1.0], [2.0, 2.0, 2.0])) is None
    assert median(curve([], [2.0])) is None
