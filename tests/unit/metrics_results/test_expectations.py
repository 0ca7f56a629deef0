"""What an expectation makes of few samples, unknown slots and many trials."""

from __future__ import annotations

import math
from typing import Any

import pytest

from metrics.model.quantiles import Samples, summarise
from metrics.results.expectations import _phase, _recovery
from metrics.results.over_trials import over_trials
from metrics.safety.checks import HOLDS, UNKNOWN, VIOLATED, Check


@pytest.mark.parametrize(("limit_s", "verdict"), [(12, HOLDS), (5, UNKNOWN), (0.5, VIOLATED)])
def test_a_p99_of_twelve_samples_is_only_known_to_lie_between_them(
    limit_s: float, verdict: str
) -> None:
    samples = Samples()
    for i in range(1, 13):
        samples.add(i * 1e9, i * 1e9, i * 1e9)
    metrics = {"finality_latency_s": summarise([samples], scale=1e9, digits=6)}
    body = {"finality_latency_s": {"p99": {"max": limit_s * 1e9}}}
    (check,) = _phase("after", body, metrics, "")
    assert check.verdict == verdict
    assert check.evidence == "p99 needs 100 samples, there are 12: 1 s .. 12 s"


@pytest.mark.parametrize(("limit", "verdict"), [(0.3, HOLDS), (0.1, UNKNOWN), (0.04, VIOLATED)])
def test_a_slot_of_which_nothing_is_known_may_have_been_missed(limit: float, verdict: str) -> None:
    slots = {"expected": 20, "produced": 14, "missed": 1, "unknown": 5, "missed_ratio": 1 / 15}
    (check,) = _phase("after", {"slots.missed_ratio": {"max": limit}}, {"slots": slots}, "")
    assert (check.verdict, check.evidence) == (verdict, "5 % .. 30 %, 5 of 20 slots unknown")


@pytest.mark.parametrize(("limit", "verdict"), [(9, UNKNOWN), (1, VIOLATED)])
def test_nothing_bounds_how_often_a_slot_without_evidence_was_signed(
    limit: int, verdict: str
) -> None:
    slots = {"expected": 20, "double": 2, "unknown": 3}
    (check,) = _phase("after", {"slots.double": {"max": limit}}, {"slots": slots}, "")
    assert (check.verdict, check.evidence) == (verdict, "at least 2, 3 of 20 slots unknown")


@pytest.mark.parametrize(
    ("values", "censored", "unknown", "key", "evidence"),
    [
        ([3.0, 4.0, 5.0], 9, 0, "p95", "p95 needs 20 samples, there are 12: at least 2.9 s"),
        ([3.0], 0, 2, "p50", "the times of 2 more are unknown, n=1"),
        ([], 0, 2, "p50", "the times of all 2 are unknown"),
        ([], 0, 0, "p50", "no samples"),
        ([3.0], 2, 0, "p50", "beyond the end of the trial, n=3, 2 not final by the end"),
    ],
)
def test_an_interval_with_an_open_end_is_told_in_words(
    values: list[float], censored: int, unknown: int, key: str, evidence: str
) -> None:
    samples = Samples(censored=censored, unknown=unknown)
    for value in values:
        samples.add(value * 1e9, value * 1e9 - 1e8, value * 1e9 + 1e8)
    metrics = {"finality_latency_s": summarise([samples], scale=1e9, digits=6)}
    body = {"finality_latency_s": {key: {"max": 1e9}}}
    (check,) = _phase("after", body, metrics, "")
    assert check.evidence == evidence


def test_one_known_end_still_decides_where_the_other_is_open() -> None:
    samples = Samples()
    samples.add(4e9, 3e9, math.inf)
    metrics = {"finality_latency_s": summarise([samples], scale=1e9, digits=6)}
    limits = {"finality_latency_s": {"p50": {"max": 2e9, "min": 2e9}}}
    found = [(c.verdict, c.evidence) for c in _phase("after", limits, metrics, "")]
    words = "4 s (at least 3 s), n=1"
    assert found == [(VIOLATED, words), (HOLDS, words)]


def test_checks_over_trials_say_how_all_did() -> None:
    def one(verdict: str) -> list[Check]:
        return [Check("claim", verdict, f"it {verdict}")]

    words = (HOLDS, HOLDS, VIOLATED, UNKNOWN, VIOLATED)
    (merged,) = over_trials([(n, one(word)) for n, word in enumerate(words, start=1)])
    assert (merged.verdict, merged.evidence) == (
        VIOLATED,
        "held in 2 of 5 trials (violated in 3, 5; unknown in 4); trial 3: it violated",
    )
    (fine,) = over_trials([(1, one(HOLDS)), (2, one(HOLDS))])
    assert (fine.verdict, fine.evidence) == (HOLDS, "held in 2 of 2 trials; it holds")


def test_a_recovery_is_judged_by_the_ends_of_its_interval() -> None:
    samples = Samples()
    samples.add(4e9, 3e9, 5e9)
    q: dict[str, Any] = summarise([samples], scale=1e9, digits=6)
    assert [_recovery(q, limit)[0] for limit in (5, 4, 2)] == [HOLDS, UNKNOWN, VIOLATED]
    none = summarise([Samples()], scale=1e9, digits=6)
    assert _recovery(none | {"undisturbed": 4}, 1)[0] == HOLDS
    assert _recovery(none | {"undisturbed": 0}, 1)[0] == UNKNOWN
