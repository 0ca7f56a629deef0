"""Quantiles are exact, keep what was not seen to end, and say how far they can be trusted."""

from __future__ import annotations

import random

import pytest

from metrics.model.quantiles import Samples, quantile, summarise
from metrics.model.resolution import resolved


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
    q = summarise([_samples([1, 2, 3], censored=1)], scale=1, digits=3)
    assert (q["n"], q["censored"], q["p50"], q["max"], q["mean"]) == (4, 1, 2, None, None)


def test_the_error_of_a_quantile_is_that_quantile_of_the_ends() -> None:
    q = summarise([_samples([4.0, 1.0, 3.0], half=0.5)], scale=1, digits=3)
    assert q["error"]["p50"] == [2.5, 3.5]
    assert resolved(q, "p50")


def test_a_figure_smaller_than_its_error_is_not_resolved() -> None:
    q = summarise([_samples([0.2, 0.3], half=1.0)], scale=1, digits=3)
    assert not resolved(q, "p50")


def test_negative_values_are_kept_and_impossible_ones_told_apart() -> None:
    q = summarise([_samples([-1.0, -3.0, 2.0], half=2.0)], scale=1, digits=3)
    assert (q["negative"], q["impossible"], q["min"]) == (2, 1, -3.0)


@pytest.mark.parametrize("n", range(6, 13))
def test_an_interval_over_trials_holds_the_median_trial_19_times_in_20(n: int) -> None:
    rng = random.Random(n)
    held = 0
    for _ in range(2_000):
        trials = [_samples([rng.lognormvariate(0, 1)]) for _ in range(n)]
        low, high = summarise(trials, scale=1, digits=9)["ci"]["p50"]
        held += low <= 1.0 <= high
    assert held >= 0.94 * 2_000


def test_fewer_than_six_trials_have_no_interval_and_the_clock_error_is_in_it() -> None:
    trials = [_samples([float(i)], half=0.5) for i in range(1, 7)]
    assert summarise(trials[:5], scale=1, digits=3)["ci"] is None
    assert summarise(trials, scale=1, digits=3)["ci"] == {"p50": [0.5, 6.5]}
    open_ended = [*trials[:5], _samples([], censored=1)]
    assert summarise(open_ended, scale=1, digits=3)["ci"] is None


def test_the_p99_of_the_median_trial_needs_a_hundred_samples_in_every_trial() -> None:
    enough = [_samples([float(i) for i in range(100)]) for _ in range(6)]
    found = summarise(enough, scale=1, digits=3)["ci"]
    assert found == {"p50": [49.0, 49.0], "p99": [98.0, 98.0]}
    short = [*enough, _samples([float(i) for i in range(99)])]
    assert list(summarise(short, scale=1, digits=3)["ci"]) == ["p50"]


@pytest.mark.parametrize(
    ("n", "few"),
    [(2, ["p90", "p95", "p99", "p999"]), (19, ["p95", "p99", "p999"]), (100, ["p999"])],
)
def test_a_quantile_of_too_few_samples_is_not_given(n: int, few: list[str]) -> None:
    q = summarise([_samples([float(i) for i in range(n)])], scale=1, digits=3)
    assert q["few"] == few
    assert [key for key in ("p90", "p95", "p99", "p999") if q[key] is None] == few
