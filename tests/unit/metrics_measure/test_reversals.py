"""A transaction is reversed if a switch took its block and no block of the chain holds it."""

from __future__ import annotations

from typing import Any

from metrics.measure.confidence import reversals
from metrics.measure.metric import Pool
from tests.unit.metrics_measure.told import Told, applied, trial

BOTH = frozenset({"early", "late"})
ON_A = applied("a2 x", "a3 spent", "a4", "a5 load")
TO_B: list[Told] = [("switched", "2"), *applied("b3 other", "b4 load", "b5", "b6")]
WON = "a2 b3 b4 b5 b6"
NOTHING = {
    "seen": 0, "undone": 0, "reversed": 0, "reversed_ratio": None, "after_safe": 0,
    "after_final": 0, "depth_max": 0, "depths": {}, "by_host": {}, "young": 0,
}  # fmt: skip


def measured(
    hosts: dict[str, list[Told]], phases: frozenset[str] = BOTH, **about: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return M's part of what hosts told, and what is told of the trial."""
    data, chain = trial(hosts, **about)
    found = reversals.measure(data, chain)
    m = reversals.pool(Pool([(data, found)], phases, whole=True))
    return m["reversals"], reversals.told(found)


def test_what_a_switch_took_and_nobody_took_up_again_is_reversed_with_the_depth_it_had() -> None:
    m, told = measured(
        {"h1": [*ON_A, *TO_B], "h2": applied("a2 x", "b3 other", "b4 load", "b5", "b6")},
        best=WON, acts={"spent": "transfer"},
    )  # fmt: skip
    assert m == {
        "seen": 5, "undone": 2, "reversed": 1, "reversed_ratio": 0.2, "after_safe": 0,
        "after_final": 0, "depth_max": 3, "depths": {"3": 1}, "by_host": {"h1": 1}, "young": 0,
    }  # fmt: skip
    assert told == {
        "reversed": [
            {"id": "spent", "act": "transfer", "num": 3, "depth": 3, "hosts": ["h1"], "after": ""}
        ]
    }


def test_of_several_hosts_the_deepest_counts_and_a_transaction_counts_once() -> None:
    short = [*applied("a2 x", "a3 spent"), *TO_B]
    m, told = measured({"h1": [*ON_A, *TO_B], "h2": short}, best=WON)
    assert (m["reversed"], m["depths"], m["by_host"]) == (1, {"3": 1}, {"h1": 1, "h2": 1})
    assert told["reversed"][0]["hosts"] == ["h1", "h2"]


def test_what_was_told_to_be_built_on_by_half_before_is_said() -> None:
    promised: list[Told] = [*ON_A, ("safe", "2", "3"), *TO_B]
    early: list[Told] = [*ON_A, ("safe", "2", "2"), *TO_B]
    for lines, counted, word in ((promised, 1, "safe"), (early, 0, "")):
        m, told = measured({"h1": lines}, best=WON)
        assert (m["after_safe"], told["reversed"][0]["after"]) == (counted, word)


def test_what_was_told_irreversible_before_is_said() -> None:
    promised = [*ON_A, ("irreversible", "a3"), *TO_B]
    m, told = measured({"h1": promised}, best=WON)
    assert (m["after_final"], told["reversed"][0]["after"]) == (1, "final")


def test_a_branch_that_is_left_and_taken_again_reverses_nothing() -> None:
    m, told = measured({"h1": [*ON_A, *TO_B, ("switched", "2"), *ON_A[1:]]}, best="a2 a3 a4 a5")
    assert (m["undone"], m["reversed"], told["reversed"][0]["id"]) == (4, 1, "other")


def test_neither_a_crash_nor_a_liar_reverses_anything() -> None:
    crashed = [*ON_A, ("started", "2"), *TO_B[1:]]
    m, told = measured({"h1": crashed, "h2": [*ON_A, *TO_B]}, best=WON, liars="h2")
    assert (m["seen"], m["undone"], m["reversed"], told) == (5, 0, 0, {})


def test_a_block_near_the_end_is_left_out_whatever_became_of_it() -> None:
    m, told = measured({"h1": [*ON_A, *TO_B]}, best=WON, end=12)
    assert m == NOTHING | {"seen": 1, "reversed_ratio": 0.0, "young": 4}
    assert told == {}


def test_a_phase_counts_the_blocks_of_its_slots() -> None:
    late, early = (
        measured({"h1": [*ON_A, *TO_B]}, frozenset({name}), best=WON)[0]
        for name in ("late", "early")
    )
    assert late == NOTHING
    assert early["reversed"] == 1


def test_where_the_record_does_not_tell_what_blocks_hold_nothing_is_claimed() -> None:
    data, chain = trial({"h1": [*ON_A, *TO_B]}, best=f"{WON} b7")
    found = reversals.measure(data, chain)
    m = reversals.pool(Pool([(data, found)], BOTH, whole=True))
    assert m == {"reversals": dict.fromkeys(NOTHING)}
    assert reversals.told(found) == {}
