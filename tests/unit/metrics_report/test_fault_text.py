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


def test_a_delay_that_is_another_back_says_each_way_with_its_ends() -> None:
    ways = {"forth": {"ms": 40.21, "interval_ms": [40.1, 40.32], "ways": {}},
            "back": {"ms": 10.2, "interval_ms": [10.05, 10.31], "ways": {}}}  # fmt: skip
    measured: dict[str, Any] = {**FIGURES, **ways, "by": "fastest", "pairs": PAIRS}
    assert fault_text.measured({"fault": "delay", "measured": measured}) == (
        "50.2 ms half of both ways (+0.4 %) by the fastest answers of 2 pairs (1,776 in all);"
        " forth 40.2 ms (40.1 to 40.3); back 10.2 ms (10.1 to 10.3); 53.6 ms by their medians"
    )
    fault = {"fault": "delay", "pairs": [["n3", "n1"]],
             "asked": {"delay_ns": 40_000_000, "jitter_ns": 0, "back_ns": 10_000_000}}  # fmt: skip
    assert fault_text.asked(fault) == "delay 40 ms, back 10 ms, n3 → n1"
