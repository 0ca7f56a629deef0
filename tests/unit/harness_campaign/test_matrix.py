"""A matrix: values, maps of values and ranges; one cell for each combination of its axes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.campaign import campaign_file
from harness.campaign.campaign_file import CampaignFile
from harness.campaign.matrix import Range, axes
from harness.errors import CampaignError
from metrics.model.cell_text import cell_text


def parsed(matrix: str, timeline: str = "[]", more: str = "") -> CampaignFile:
    text = (
        f"schema: slotlab.campaign/v1\ntitle: t\nmatrix: {matrix}\n{more}\ntimeline: {timeline}\n"
    )
    return campaign_file.parse(text, Path("t.yml"))


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ({"from": "0ms", "to": "200ms", "steps": 5}, ["0ms", "50ms", "100ms", "150ms", "200ms"]),
        ({"from": "0s", "to": "1s", "steps": 4}, ["0s", "0.333s", "0.667s", "1s"]),
        ({"from": "100ppm", "to": "-100ppm", "steps": 3}, ["100ppm", "0ppm", "-100ppm"]),
        ({"from": "10/s", "to": "100/s", "factor": 2}, ["10/s", "20/s", "40/s", "80/s"]),
        ({"from": "1%", "to": "2.25%", "factor": 1.5}, ["1%", "1.5%", "2.25%"]),
        ({"from": 4, "to": 13, "steps": 4}, [4, 7, 10, 13]),
        ({"from": "256B", "to": "1000B", "steps": 3}, ["256B", "628B", "1000B"]),
    ],
)
def test_a_range_is_the_values_between_both_ends(written: Any, values: list[Any]) -> None:
    assert axes({"x": written}) == {"x": values}


@given(low=st.integers(-1000, 1000), gap=st.integers(1, 1000), steps=st.integers(2, 20))
def test_a_range_has_so_many_values_in_order_and_both_ends(low: int, gap: int, steps: int) -> None:
    values = Range.model_validate({"from": f"{low}ms", "to": f"{low + gap}ms", "steps": steps})
    found = [float(each.removesuffix("ms")) for each in values.values()]
    assert len(found) == steps
    assert (found[0], found[-1]) == (low, low + gap)
    assert found == sorted(set(found))


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ("[a]", "matrix: write a map of name: [values]"),
        ("{x: []}", "matrix.x: write a list of values, or {from, to, steps}"),
        ("{x-y: [1]}", "matrix.x-y: no name; write one of letters, digits and _"),
        ("{x: {from: 0ms, to: 1s, steps: 3}}", "matrix.x: 0ms and 1s have two units;"),
        ("{x: {from: 0ms, to: 9ms}}", "matrix.x: give exactly one of steps and factor"),
        ("{x: {from: 0ms, to: 9ms, factor: 2}}", "matrix.x: by a factor, from must be more than"),
        ("{x: {from: 1ms, to: 9ms, factor: 1}}", "matrix.x.factor: 1 is out of range; write more"),
        ("{x: {from: 1, to: 4, steps: 9}}", "matrix.x: has two values alike; write fewer steps"),
        ("{x: {from: fast, to: 4, steps: 9}}", "matrix.x: 'fast' is no number with its unit;"),
        ("{x: {from: 1, too: 4, steps: 9}}", "matrix.x.too: unknown key; did you mean to?"),
        ("{x: [{a: 1, b: 2}, {a: 1}]}", "matrix.x[1]: b is not in all of the list; give each"),
        ("{x: [{a: 1}, 2]}", "matrix.x[1]: a value without a key is not in all of"),
        (f"{{x: {list(range(40))}, y: {list(range(40))}}}", "matrix: 1600 cells; write at most"),
    ],
)
def test_what_is_no_matrix_is_refused_with_its_key(matrix: str, message: str) -> None:
    with pytest.raises(CampaignError) as caught:
        parsed(matrix)
    assert str(caught.value).startswith(f"t.yml: {message}")


NETS = "{net: [{delay: 10ms, loss: 1%}, {delay: 20ms, loss: 2%}], on: [[n1, n2], n3]}"
BOTH = (
    "[{at: 20s, for: 5s, fault: delay, delay: '${net.delay}'},"
    " {at: 30s, for: 5s, fault: loss, share: '${net.loss}'},"
    " {at: 40s, for: 5s, fault: pause, on: '${on}'}]"
)


def test_the_values_of_a_map_go_together_and_a_cell_says_each_of_them() -> None:
    cells = parsed(NETS, BOTH).cells
    asked = [[fault.asked() for fault in cell.campaign.faults.values()][:2] for cell in cells]
    near = [{"delay_ns": 10_000_000, "jitter_ns": 0}, {"share": 0.01}]
    far = [{"delay_ns": 20_000_000, "jitter_ns": 0}, {"share": 0.02}]
    assert asked == [near, near, far, far]
    assert [cell_text(cell.params) for cell in cells] == [
        "net.delay=10ms, net.loss=1%, on=[n1, n2]",
        "net.delay=10ms, net.loss=1%, on=n3",
        "net.delay=20ms, net.loss=2%, on=[n1, n2]",
        "net.delay=20ms, net.loss=2%, on=n3",
    ]


def test_a_whole_map_may_stand_for_a_part_of_the_campaign() -> None:
    cells = parsed("{load: [{rate: 1/s}, {rate: 2/s}]}", more="load: '${load}'").cells
    assert [cell.campaign.load and cell.campaign.load.rate for cell in cells] == [1_000, 2_000]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("${net.dealy}", "${net.dealy} is not in matrix; did you mean net.delay?"),
        ("${skew}", "${skew} is not in matrix; known are net.delay, net.loss"),
        ("x${net}", "${net} is more than one value; let it stand alone"),
    ],
)
def test_what_stands_for_nothing_is_refused_with_its_key(value: str, message: str) -> None:
    timeline = f"[{{at: 20s, for: 5s, fault: delay, delay: '{value}'}}]"
    with pytest.raises(CampaignError) as caught:
        parsed("{net: [{delay: 10ms, loss: 1%}]}", timeline)
    assert str(caught.value) == f"t.yml: timeline[0].delay: {message}"


def test_values_that_stand_for_nothing_are_known() -> None:
    one = "[{at: 20s, for: 5s, fault: delay, delay: '${net.delay}'}]"
    assert parsed(NETS, one).unused == ("net.loss", "on")
    assert parsed(NETS, BOTH).unused == ()


def test_more_trials_than_anybody_waits_for_are_refused() -> None:
    with pytest.raises(CampaignError, match=r"trials.repeat: 1000 of 11 cells; write 909 or less"):
        parsed("{x: {from: 0, to: 10, steps: 11}}", more="trials: {repeat: 1000}")
