"""A zero is a value: a fault without strength is absent in that cell, and its phase is there."""

from __future__ import annotations

import pytest

from harness.plan import lab_view, planner
from metrics.model.plan import ABSENT, PlannedTrial
from tests.unit.harness_plan.builders import file, lab

WHERE = "at: 20s, for: 10s"
OTHER = "{at: 25s, for: 10s, fault: pause, on: n1, id: other}"
SWEPT = {
    "delay": (f"{WHERE}, fault: delay, delay: '${{x}}', jitter: 1ms", "[0ms, 50ms]"),
    "rtt": (f"{WHERE}, fault: delay, rtt: '${{x}}'", "[0ms, 50ms]"),
    "loss": (f"{WHERE}, fault: loss, share: '${{x}}'", "[0%, 1%]"),
    "step": (f"{WHERE}, fault: clock_step, on: n2, by: '${{x}}'", "[0ms, 50ms]"),
    "drift": (f"{WHERE}, fault: clock_drift, on: n2, by: '${{x}}'", "[0ppm, 50ppm]"),
    "lie": (f"{WHERE}, fault: ntp_offset, on: n2, by: '${{x}}'", "[0ms, 50ms]"),
    "hosts": (f"{WHERE}, fault: pause, on: '${{x}}'", "[0%, 25%]"),
    "no host": (f"{WHERE}, fault: pause, on: '${{x}}'", "[[], [n2]]"),
    "pairs": (f"{WHERE}, fault: loss, between: '${{x}}', share: 1%", "[0%, all]"),
    "groups": (f"{WHERE}, fault: partition, shape: '${{x}}'", "[[], minority]"),
    "arrows": (f"{WHERE}, fault: cut, from: '${{x}}', to: n3", "[[], n2]"),
}


def both(fault: str, values: str) -> tuple[PlannedTrial, PlannedTrial]:
    """Return the trials of the cell without the fault and of the one with it."""
    campaign = file(f"[{{id: swept, {fault}}}, {OTHER}]", more=f"matrix: {{x: {values}}}")
    made = planner.build(campaign, lab_view.simulated(campaign))
    without, with_it = sorted(made.trials, key=lambda trial: trial.cell)
    return without, with_it


@pytest.mark.parametrize("name", SWEPT)
def test_a_fault_without_strength_is_absent_and_phases_are_those_of_the_other_cell(
    name: str,
) -> None:
    without, with_it = both(*SWEPT[name])
    assert [fault.id for fault in without.faults] == ["other"]
    assert [(fault.id, fault.how, fault.end_ns) for fault in without.absent] == [
        ("swept", ABSENT, 30_000_000_000)
    ]
    assert [fault.id for fault in with_it.faults] == ["swept", "other"]
    assert with_it.absent == []
    assert without.phases == with_it.phases
    assert "swept+other" in [phase.name for phase in without.phases]


def test_an_absent_fault_takes_nobody_from_the_quorum() -> None:
    without, with_it = both(*SWEPT["hosts"])
    assert [min(q.live for q in trial.quorum) for trial in (without, with_it)] == [3, 2]


def test_of_a_host_nothing_is_asked_for_an_absent_fault() -> None:
    able = {"nfqueue": False, "netem": False, "nft": True, "systemd": True}
    absent = "[{at: 20s, for: 10s, fault: delay, delay: 0ms}]"
    assert planner.build(file(absent), lab(capabilities=able)).trials[0].faults == []
