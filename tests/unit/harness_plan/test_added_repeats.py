"""Added repeats come after all others, drawn as if there had been so many from the start."""

from __future__ import annotations

import pytest

from harness.plan import planner
from metrics.model.plan import Plan
from tests.unit.harness_plan.builders import file, lab


def plan(*, repeat: int, added: int, order: str = "random") -> Plan:
    campaign = file(
        '[{at: 20s, for: 5s, fault: clock_step, on: one, by: "${step}"}]',
        more=f"matrix: {{step: [10ms, 20ms, 30ms]}}\ntrials: {{repeat: {repeat}, order: {order}}}",
    )
    return planner.build(campaign, lab(), added=added)


def test_what_was_planned_before_stays_as_it_is() -> None:
    before, after = plan(repeat=2, added=0), plan(repeat=2, added=3)
    assert after.trials[:6] == before.trials
    assert [trial.n for trial in after.trials] == list(range(1, 16))
    assert after.estimate.seconds == before.estimate.seconds * 5 // 2


def test_seeds_and_draws_are_those_of_a_campaign_with_so_many_repeats() -> None:
    first, more = plan(repeat=5, added=0), plan(repeat=2, added=3)
    told = [
        {(trial.cell, trial.seed, trial.faults[0].targets[0]) for trial in each.trials}
        for each in (first, more)
    ]
    assert told[0] == told[1]
    assert len({trial.seed for trial in more.trials}) == 15


def test_it_does_not_matter_whether_repeats_are_added_at_once() -> None:
    assert plan(repeat=1, added=3).trials[:9] == plan(repeat=1, added=2).trials


def test_in_blocks_each_repeat_has_every_cell_before_the_next_in_an_order_of_its_own() -> None:
    trials = plan(repeat=8, added=0, order="blocked").trials
    blocks = [[trial.cell for trial in trials[i : i + 3]] for i in range(0, 24, 3)]
    assert [sorted(block) for block in blocks] == [[1, 2, 3]] * 8
    assert len({str(block) for block in blocks}) > 1
    assert trials == plan(repeat=5, added=3, order="blocked").trials


@pytest.mark.parametrize("order", ["random", "blocked", "listed"])
def test_each_added_repeat_has_every_cell_once(order: str) -> None:
    trials = plan(repeat=2, added=4, order=order).trials[6:]
    blocks = [[trial.cell for trial in trials[i : i + 3]] for i in range(0, 12, 3)]
    assert [sorted(block) for block in blocks] == [[1, 2, 3]] * 4
    assert (blocks == [[1, 2, 3]] * 4) == (order == "listed")
