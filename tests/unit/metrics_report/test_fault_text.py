"""What the report says of a delay: the figure judged, how it was read, and the other one."""

from typing import Any

import pytest

from metrics.report import fault_text

PAIRS = [{"pair": ["n1", "n2"]}, {"pair": ["n1", "n3"]}]
FIGURES = {"delay_ms": 50.2, "difference_percent": 0.41, "median_ms": 53.6, "probes": 1776}


@pytest.mark.parametrize(
    ("by", "words"),
    [
        (
            "fastest",
            "50.2 ms one way (+0.4 %) by the fastest answers of 2 pairs (1,776 in all);"
            " 53.6 ms by their medians: as asked",
        ),
        (
            "median",
            "50.2 ms one way (+0.4 %) by the median answers of 2 pairs (1,776 in all): as asked",
        ),
    ],
)
def test_a_delay_says_how_it_was_read(by: str, words: str) -> None:
    measured: dict[str, Any] = {**FIGURES, "by": by, "pairs": PAIRS, "judged": "as asked"}
    assert fault_text.measured({"fault": "delay", "measured": measured}) == words
