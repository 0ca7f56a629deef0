"""A map says what is known of each way, and marks what its error does not allow to say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.report import heat_maps
from metrics.report.heat_maps import Cell
from metrics.report.in_order import in_order
from tests.unit.metrics_report.charts_of import charts_of


def q(p50: float, error: float) -> dict[str, Any]:
    """Return quantiles of 30 blocks, too few for a p99."""
    ends = [p50 - error, p50 + error]
    return {
        "n": 30, "few": ["p99"], "p50": p50, "p99": None, "max": p50, "unknown": 0, "censored": 0,
        "error": {"p50": ends, "max": ends},
    }  # fmt: skip


def maps(**ways: dict[str, Any]) -> dict[str, Any]:
    """Return what is shown of ways named from_to."""
    table: dict[str, dict[str, Any]] = {}
    for name, found in ways.items():
        source, target = name.split("_")
        table.setdefault(source, {})[target] = found
    shown = heat_maps.shown({"propagation_ms": table}, "heat")
    assert shown is not None
    return shown


def test_hosts_stand_in_the_order_that_people_count_in() -> None:
    shown = maps(n10_n2=q(5, 1), n2_n10=q(5, 1), n1_n2=q(5, 1))
    figure = charts_of(shown["maps"][0][1])["heat-p50"]
    assert figure["layout"]["xaxis"]["categoryarray"] == ["n1", "n2", "n10"]
    assert [title for title, _ in shown["maps"]] == ["p50 (ms)", "max (ms)"]


def test_a_cell_whose_error_exceeds_its_value_is_marked_and_still_says_both() -> None:
    figure = charts_of(maps(n1_n2=q(0.2, 0.3), n2_n1=q(5, 1))["maps"][0][1])["heat-p50"]
    doubtful, known, strokes = figure["data"]
    assert doubtful["text"] == [["", "0.20<br>± 0.30"], ["", ""]]
    assert doubtful["z"] == [[None, 0.2], [None, None]]
    assert known["z"] == [[None, None], [5, None]]
    assert (strokes["y"], strokes["x"]) == (["n1"], ["n2"])


def test_times_are_coloured_from_zero_on_so_that_those_nearly_equal_look_so() -> None:
    figure = charts_of(maps(n1_n2=q(5, 1), n2_n1=q(5.1, 1))["maps"][0][1])["heat-p50"]
    known = figure["data"][1]
    assert (known["zmin"], known["zmax"]) == (0, 5.1)


@pytest.mark.parametrize(("error", "told"), [(14.9, True), (15.1, False)])
def test_an_asymmetry_carries_the_errors_of_both_ways(error: float, told: bool) -> None:
    shown = maps(n1_n2=q(40, error), n2_n1=q(10, error))
    assert [title for title, _ in shown["maps"]][2:] == (
        ["p50, one way less the way back (ms)"] if told else []
    )
    assert shown["alike"] == ("" if told else "n1 to n2 has 30 ± 31 ms more than the way back")


def test_an_asymmetry_is_of_pairs_that_have_both_ways() -> None:
    cells = {
        ("a", "b"): Cell(3.0, 1.0, 7),
        ("b", "a"): Cell(1.0, 0.5, 9),
        ("a", "c"): Cell(1, 0, 1),
    }
    found = heat_maps.asymmetry(cells)
    assert found == {("a", "b"): Cell(2.0, 1.5, 7), ("b", "a"): Cell(-2.0, 1.5, 7)}


def test_a_host_s_name_cannot_leave_its_chart() -> None:
    shown = heat_maps.shown({"propagation_ms": {"</script>x": {"n1": q(5, 1)}}}, "heat")
    assert shown is not None
    assert all(html.count("</script>") == 1 for _, html in shown["maps"])


@given(st.lists(st.integers(0, 10**12), unique=True))
def test_names_with_numbers_are_in_the_order_of_the_numbers(numbers: list[int]) -> None:
    names = [f"n{number}" for number in numbers]
    assert in_order(names) == [f"n{number}" for number in sorted(numbers)]


def test_names_of_any_shape_have_an_order() -> None:
    names = ["n10", "n2", "2n", "n", "", "n02", "a-10-b", "a-9-b"]
    assert in_order(names) == ["", "2n", "a-9-b", "a-10-b", "n", "n02", "n2", "n10"]
