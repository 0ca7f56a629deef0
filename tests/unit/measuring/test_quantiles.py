"""Quantiles are exact, keep what was not seen to end, and say how far they can be trusted."""

from __future__ import annotations

import random

import pytest

from metrics.model.quantiles import Samples, quantile, resolved, summarise


def _samples(values: list[float], *, half: float = 0.0, censored: int = 0) -> Samples:
    found = Samples(censored=censored)
    for value in values:
        found.add(value, value - half, value + half)
    return found


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.0, 1), (0.1, 1), (0.11, 2), (0.5, 5), (0.51, 6), (0.9, 9), (0.91, 10), (1.0, 10)],
)
def test_a_quantile_is_a_sample_by_nearest_rank(share: float, expected: int) -> None:
    assert quantile([float(i) for i in range(1, 11)], share) == expected


def test_censored_samples_count_as_longer_than_anything_seen() -> None:
    q = summarise([_samples([1, 2, 3], censored=1)], scale=1, digits=3, seed=1)
    assert (q["n"], q["censored"], q["p50"], q["max"], q["mean"]) == (4, 1, 2, None, None)


def test_the_error_of_a_quantile_is_that_quantile_of_the_ends() -> None:
    q = summarise([_samples([4.0, 1.0, 3.0], half=0.5)], scale=1, digits=3, seed=1)
    assert q["error"]["p50"] == [2.5, 3.5]
    assert resolved(q, "p50")


def test_a_figure_smaller_than_its_error_is_not_resolved() -> None:
    q = summarise([_samples([0.2, 0.3], half=1.0)], scale=1, digits=3, seed=1)
    assert not resolved(q, "p50")


def test_negative_values_are_kept_and_impossible_ones_told_apart() -> None:
    q = summarise([_samples([-1.0, -3.0, 2.0], half=2.0)], scale=1, digits=3, seed=1)
    assert (q["negative"], q["impossible"], q["min"]) == (2, 1, -3.0)


def test_one_trial_has_no_confidence_interval_and_several_have_one_that_holds_the_pool() -> None:
    rng = random.Random(5)
    trials = [_samples([rng.gauss(10 + i, 1) for _ in range(50)]) for i in range(4)]
    assert summarise(trials[:1], scale=1, digits=3, seed=1)["ci"] is None
    q = summarise(trials, scale=1, digits=3, seed=1)
    low, high = q["ci"]["p50"]
    assert low <= q["p50"] <= high
    assert q == summarise(trials, scale=1, digits=3, seed=1)
