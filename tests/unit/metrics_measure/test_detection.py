"""Which alarm is a fault's: the first that is worse, from its begin until its harm may be over."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from metrics.intake.intervals import steady
from metrics.measure.confidence import detection

S = 10**9


def told(host: str, at_s: float, state: str) -> Any:
    t_ns = at_s * S
    return SimpleNamespace(
        host=host, node=host, state=state, t_ns=t_ns, lo_ns=t_ns - 1, hi_ns=t_ns + 1
    )


def found(*lines: Any, liars: str = "", end_s: int = 100) -> list[tuple[str, float | None, str]]:
    """Return (fault, seconds until it was told, by whom) of two faults, at 10 and 40 s for 10."""
    faults = [
        SimpleNamespace(id=id_, at_ns=at * S, end_ns=(at + 10) * S, open=False)
        for id_, at in (("a", 10), ("b", 40))
    ]
    data: Any = SimpleNamespace(
        planned=SimpleNamespace(faults=faults, liars=liars.split()), agents=[], end_ns=end_s * S,
        plan=SimpleNamespace(round_blocks=4, slot_ns=S), events=lambda *_: list(lines),
    )  # fmt: skip
    chain: Any = SimpleNamespace(intervals=steady(S))
    return [
        (d.fault, None if d.told is None else (d.told.t_ns - d.begun.t_ns) / S, d.host)
        for d in detection.measure(data, chain)
    ]


def test_the_first_worse_word_of_any_node_counts() -> None:
    lines = (told("n1", 14, "degraded"), told("n2", 12, "halted"), told("n1", 44, "halted"))
    assert found(*lines) == [("a", 2.0, "n2"), ("b", 4.0, "n1")]


def test_a_better_word_and_the_same_again_tell_nothing() -> None:
    lines = (
        told("n1", 5, "halted"), told("n1", 12, "degraded"), told("n1", 13, "healthy"),
        told("n1", 41, "degraded"),
    )  # fmt: skip
    assert found(*lines) == [("a", None, ""), ("b", 1.0, "n1")]


@pytest.mark.parametrize(("at_s", "seconds"), [(9.9, None), (10, 0.0), (24, 14.0), (24.1, None)])
def test_an_alarm_counts_from_the_begin_to_a_round_after_the_end(
    at_s: float, seconds: float | None
) -> None:
    assert found(told("n1", at_s, "degraded"))[0][1] == (
        None if seconds is None else pytest.approx(seconds)
    )


def test_a_liar_detects_nothing_and_a_fault_after_the_end_is_not_there() -> None:
    assert found(told("n1", 12, "halted"), liars="n1", end_s=30) == [("a", None, "")]
