"""Times of faults are shaded alike, however many faults there are at once."""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go
import pytest

from metrics.report.charts import shade_faults


@dataclass(frozen=True)
class Fault:
    """What a shade knows of a fault."""

    at_ns: int
    end_ns: int


def shades(*spans_s: tuple[int, int]) -> list[tuple[float, float, float]]:
    figure = go.Figure()
    shade_faults(figure, [Fault(a * 10**9, b * 10**9) for a, b in spans_s])  # type: ignore[misc]
    return [(shape.x0, shape.x1, shape.opacity) for shape in figure.layout.shapes]


@pytest.mark.parametrize(
    ("spans_s", "shaded_s"),
    [
        ([], []),
        ([(5, 9), (1, 2)], [(1, 2), (5, 9)]),
        ([(1, 4), (2, 3), (3, 6), (3, 6)], [(1, 6)]),
        ([(1, 4), (4, 6), (7, 8)], [(1, 6), (7, 8)]),
    ],
    ids=["none", "apart", "at once", "one after the other"],
)
def test_no_time_is_shaded_twice(
    spans_s: list[tuple[int, int]], shaded_s: list[tuple[int, int]]
) -> None:
    assert shades(*spans_s) == [(a, b, 0.05) for a, b in shaded_s]
