"""A plan warns of what can be run and is probably not what was meant."""

from __future__ import annotations

import pytest

from harness.plan import lab_view, planner
from harness.plan.warnings import warnings
from tests.unit.harness_plan.builders import file

DELAY = "{at: 20s, for: 20s, fault: delay, delay: 80ms}"


def warned(timeline: str = f"[{DELAY}]", more: str = "") -> list[str]:
    campaign = file(timeline, more=more)
    return warnings(campaign, planner.build(campaign, lab_view.simulated(campaign)))


def test_of_a_campaign_as_it_should_be_nothing_is_said() -> None:
    assert warned() == []


@pytest.mark.parametrize(
    ("timeline", "more", "texts"),
    [
        (
            f"[{DELAY.replace('80ms', '5h')}]",
            "",
            ["delay-1: 18000s late in a fault of 20s: nothing sent in it arrives"],
        ),
        (
            "[{at: 20s, for: 2s, fault: pause, on: n1}]",
            "",
            ["phase pause-1 lasts 2s, too short to judge: a block is final after up to 4s"],
        ),
        (
            f"[{DELAY.replace('at: 20s', 'at: 10s')}]",
            "",
            ["there is no baseline: the first fault begins when the warm-up ends"],
        ),
        (
            f"[{DELAY.replace('at: 20s', 'at: 11s')}]",
            "",
            ["phase baseline lasts 1s, too short to judge: a block is final after up to 4s"],
        ),
        (
            f"[{DELAY}]",
            "matrix: {rate: [1/s, 2/s]}",
            ["matrix.rate: stands for nothing; cells that differ in it alone are alike"],
        ),
        (
            f"[{DELAY}]",
            "load: {rate: 60000/s, size: 256B}",
            [
                "load: 7.68e+06 bytes a block, which has room for 1048576: most of it will be in"
                " none"
            ],
        ),
        (
            f"[{DELAY}]",
            "load: {rate: 8000/s, size: 256B}\ntrials: {repeat: 500}",
            ["load: 51.2 GB in all", "209 GB of raw events in all"],
        ),
        (
            f"[{DELAY}]",
            "load: {rate: 40/s, burst: {rate: 60000/s, for: 2s, every: 20s}}",
            [
                "load: at its highest 7.68e+06 bytes a block, which has room for 1048576: most of"
                " it will be in none"
            ],
        ),
        (
            "[{at: 20s, for: 20s, fault: delay, delay: '${d}'}]",
            "matrix: {d: [0ms, 30s]}",
            ["delay-1: 30s late in a fault of 20s: nothing sent in it arrives (cell 2: d=30s)"],
        ),
    ],
)
def test_what_is_probably_not_meant_is_said(timeline: str, more: str, texts: list[str]) -> None:
    assert warned(timeline, more) == texts
