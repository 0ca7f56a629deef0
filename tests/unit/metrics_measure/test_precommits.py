"""Pre-committed blocks: each counts once, is undone only by a switch, is judged when it is old."""

from __future__ import annotations

from typing import Any

import pytest

from metrics.measure import precommits
from metrics.measure.metric import Pool
from tests.unit.metrics_measure.told import Told, applied, trial


def measured(hosts: dict[str, list[Told]], **about: Any) -> dict[str, Any]:
    """Return M of what hosts told."""
    data, chain = trial(hosts, **about)
    found = precommits.measure(data, chain)
    return precommits.pool(Pool([(data, found)], frozenset({"early", "late"}), whole=True))


UP_TO_6 = [*applied("a2", "a3", "a4"), ("precommitted", "2", "3"), *applied("a5", "a6")]


def counts(found: dict[str, Any]) -> tuple[int, int, int, int]:
    """Return (final, reversed, open, young)."""
    m = found["precommits"]
    return m["final"], m["reversed"], m["open"], m["young"]


def test_a_block_that_several_hosts_tell_of_counts_once_with_the_least_lag() -> None:
    late = [*applied("a2", "a3", "a4", "a5", "a6"), ("precommitted", "2", "3")]
    found = measured({"h1": UP_TO_6, "h2": late}, final="a2 a3")
    assert (found["precommits"]["blocks"], counts(found)) == (2, (2, 0, 0, 0))
    lag = found["precommit_lag_blocks"]
    assert (lag["n"], lag["min"], lag["max"]) == (2, 1, 2)
    assert found["precommits"]["reversed_ratio"] == 0


def test_what_a_switch_undoes_is_reversed_if_that_host_had_seen_it_pre_committed() -> None:
    switch: Told = ("switched", "2")
    undone = [*UP_TO_6, switch, *applied("b3", "b4"), ("precommitted", "3", "3")]
    unaware = [*applied("a2", "a3", "a4"), switch, *applied("b3", "b4")]
    found = measured({"h1": undone, "h2": unaware}, final="a2 b3")
    assert counts(found) == (2, 1, 0, 0)
    assert found["precommits"]["by_host"] == {"h1": 1}
    assert found["precommits"]["reversed_ratio"] == pytest.approx(1 / 3, abs=1e-6)


def test_a_block_undone_and_taken_back_is_reversed_once() -> None:
    there_and_back = [
        *UP_TO_6, ("switched", "2"), *applied("b3"), ("switched", "2"), *applied("a3", "a4"),
        ("precommitted", "3", "3"), ("switched", "2"),
    ]  # fmt: skip
    found = measured({"h1": there_and_back}, final="a2 a3")
    assert counts(found) == (1, 1, 0, 0)
    assert found["precommits"]["by_host"] == {"h1": 1}


def test_what_a_crash_took_was_undone_by_nobody_and_is_told_anew_without_counting_again() -> None:
    crashed = [*UP_TO_6, ("started", "2"), *applied("b3", "b4"), ("precommitted", "2", "3")]
    found = measured({"h1": crashed}, final="a2 b3")
    assert counts(found) == (2, 0, 1, 0)


def test_a_block_near_the_end_is_left_out_whatever_became_of_it() -> None:
    undone = [*UP_TO_6, ("switched", "2")]
    assert counts(measured({"h1": undone}, final="a2", end=12)) == (1, 0, 0, 1)
    assert counts(measured({"h1": undone}, final="a2", end=13)) == (1, 1, 0, 0)


def test_what_a_liar_tells_counts_for_nothing() -> None:
    undone = [*UP_TO_6, ("switched", "2")]
    found = measured({"h1": undone, "h2": UP_TO_6}, final="a2 a3", liars="h1")
    assert counts(found) == (2, 0, 0, 0)


def test_without_a_first_stage_there_is_nothing_and_no_ratio() -> None:
    found = measured({"h1": applied("a2", "a3")}, final="a2")
    assert found["precommits"] == {
        "blocks": 0, "final": 0, "reversed": 0, "open": 0, "young": 0, "reversed_ratio": None,
        "by_host": {},
    }  # fmt: skip


def test_a_record_that_tells_of_blocks_nobody_has_adds_none() -> None:
    strange = [*UP_TO_6, ("precommitted", "1", str(2**63 - 1)), ("switched", str(2**63 - 1))]
    assert measured({"h1": strange})["precommits"]["blocks"] == 5
