"""How figures are printed on the page and the terminal."""

from __future__ import annotations

from typing import Any

import pytest

from metrics.model.number_text import figure


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.300319, "0.3 s"),
        (1.00029, "1 s"),
        (2.5, "2.5 s"),
        (172, "172 s"),
        (0.000042, "4.2e-05 s"),
    ],
)
def test_a_figure_of_one_clock_has_three_decimals_where_it_is_not_smaller(
    value: float, text: str
) -> None:
    of_one_clock: dict[str, Any] = {
        "n": 40, "unknown": 0, "few": [], "p50": value, "error": {"p50": [value, value]},
        "censored": 0,
    }  # fmt: skip
    assert figure(of_one_clock, "p50", "s") == text
