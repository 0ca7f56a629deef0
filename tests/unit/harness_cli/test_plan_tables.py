"""`slotlab plan` shows one table a cell, and of further cells what is another there."""

from __future__ import annotations

import pytest
from rich.table import Table

from harness.cli.plan import loads_of
from harness.cli.tables.plan_tables import cells_of, numbers
from harness.plan import lab_view, planner
from metrics.model.plan import Plan
from tests.unit.harness_plan.builders import file


def planned(timeline: str, more: str) -> Plan:
    campaign = file(timeline, more=more)
    return planner.build(campaign, lab_view.simulated(campaign))


def rows(table: Table | str) -> list[tuple[str, ...]]:
    assert isinstance(table, Table)
    return list(zip(*(list(column.cells) for column in table.columns), strict=True))


@pytest.mark.parametrize(
    ("trials", "text"),
    [
        ([7], "trial 7"), ([2, 1], "trials 1, 2"), ([1, 2, 3, 7, 9, 10], "trials 1 to 3, 7, 9, 10"),
    ],
)  # fmt: skip
def test_trials_are_named_by_their_numbers(trials: list[int], text: str) -> None:
    assert numbers(trials) == text


def test_further_cells_show_only_what_is_not_as_in_the_first() -> None:
    plan = planned(
        "[{at: 20s, for: 20s, fault: delay, delay: '${d}'}]",
        "load: {rate: '${rate}'}\nmatrix: {d: [0ms, 80ms], rate: [1/s, 2/s]}\n"
        "trials: {repeat: 2, order: listed}",
    )
    first, second, third, _ = cells_of(plan)
    assert [row[:2] for row in rows(first)] == [
        ("0s", "warmup"), ("10s", "baseline"), ("20s", "delay-1"), ("40s", "recovery"),
        ("45s", "after"),
    ]  # fmt: skip
    pairs = "6 pairs of n1, n2, n3, n4"
    assert rows(first)[2][2:] == ("delay 0s one way", pairs, "20s", "absent", "4/3")
    assert second == "cell 2: d=0ms, rate=2/s (trials 3, 4): all as in the first"
    assert [row[1:3] for row in rows(third)] == [("delay-1", "delay 80ms one way")]
    assert isinstance(third, Table)
    assert third.title == "cell 3: d=80ms, rate=1/s (trials 5, 6): all as in the first, but"


def test_what_was_drawn_otherwise_in_some_trials_stands_beside_their_numbers() -> None:
    plan = planned(
        "[{at: 20s, for: 20s, fault: pause, on: one}]", "trials: {repeat: 6, order: listed}"
    )
    (table,) = cells_of(plan)
    drawn: dict[str, list[int]] = {}
    for trial in plan.trials:
        drawn.setdefault(trial.faults[0].targets[0], []).append(trial.n)
    assert len(drawn) > 1
    who = "\n".join(f"{host} ({numbers(ns)})" for host, ns in drawn.items())
    assert rows(table)[2][3:] == (who, "20s", "sim", "3/3")


def test_the_live_weight_is_shown_at_each_instant() -> None:
    split = "{at: 20s, for: 20s, fault: partition, shape: [[n1, n2], [n3, n4]]}"
    (table,) = cells_of(planned(f"[{split}]", ""))
    assert [row[-1] for row in rows(table)] == [
        "4/3", "4/3", "2/3  no finality expected", "4/3", "4/3",
    ]  # fmt: skip


def test_a_load_is_told_with_its_highest_rate_and_all_that_it_comes_to() -> None:
    ramp = "load: {ramp: {from: 10/s, to: '${to}'}, burst: {rate: 500/s, for: 2s, every: 20s}}\n"
    timeline = "[{at: 20s, for: 20s, fault: pause, on: one}]"
    assert loads_of(planned(timeline, ramp.replace("'${to}'", "200/s"))) == [
        "load: 10/s to 200/s within 45 s, bursts of 500/s for 2 s every 20 s; 500/s at most, 6162"
        " transactions of 256 B in each trial, 1.58 MB"
    ]
    steady = "load: 40/s; 40/s at most, 1800 transactions of 256 B in each trial, 461 kB"
    cells = "load: {rate: '${rate}'}\nmatrix: {rate: [0/s, 40/s]}\n"
    assert loads_of(planned(timeline, cells)) == [f"cell 2, {steady}"]
    assert loads_of(planned(timeline, "load: {rate: 40/s}\nmatrix: {x: [1, 2]}\n")) == [steady]
    assert loads_of(planned(timeline, "")) == []
