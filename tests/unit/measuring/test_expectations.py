"""What an expectation makes of few samples, unknown slots and many trials."""

from __future__ import annotations

from typing import Any

import pytest

from metrics.model.quantiles import Samples, summarise
from metrics.results.expectations import _phase, _recovery, over_trials
from metrics.safety.checks import HOLDS, UNKNOWN, VIOLATED, Check


@pytest.mark.parametrize(("limit_s", "verdict"), [(12, HOLDS), (5, UNKNOWN), (0.5, VIOLATED)])
def test_a_p99_of_twelve_samples_is_only_known_to_lie_between_them(
    limit_s: float, verdict: str
) -> None:
    samples = Samples()
    for i in range(1, 13):
        samples.add_exact(i * 1e9)
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


def test_checks_over_trials_say_how_all_did() -> None:
    def one(verdict: str) -> list[Check]:
        return [Check("claim", verdict, f"it {verdict}")]

    words = (HOLDS, HOLDS, VIOLATED, UNKNOWN, VIOLATED)
    (merged,) = over_trials([(n, one(word)) for n, word in enumerate(words, start=1)])
    assert (merged.verdict, merged.evidence) == (
        VIOLATED,
        "2 of 5 trials (3, 5) violated, 1 (4) unknown; trial 3: it violated",
    )
    (fine,) = over_trials([(1, one(HOLDS)), (2, one(HOLDS))])
    assert (fine.verdict, fine.evidence) == (HOLDS, "2 trials hold; trial 1: it holds")


def test_a_recovery_is_judged_by_the_ends_of_its_interval() -> None:
    samples = Samples()
    samples.add(4e9, 3e9, 5e9)
    q: dict[str, Any] = summarise([samples], scale=1e9, digits=6)
    assert [_recovery(q, limit)[0] for limit in (5, 4, 2)] == [HOLDS, UNKNOWN, VIOLATED]
    none = summarise([Samples()], scale=1e9, digits=6)
    assert _recovery(none | {"undisturbed": 4}, 1)[0] == HOLDS
    assert _recovery(none | {"undisturbed": 0}, 1)[0] == UNKNOWN
