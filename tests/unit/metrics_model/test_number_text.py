"""How figures are printed on the page and the terminal."""

from __future__ import annotations

from typing import Any

import pytest

from metrics.model.number_text import figure, many, of_figure


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


@pytest.mark.parametrize(
    ("n", "words", "text"),
    [
        (0, "blocks", "0 blocks"),
        (1, "blocks", "1 block"),
        (1.0, "schedule changes", "1 schedule change"),
        (1, "fork switches", "1 fork switch"),
        (1, "stretches", "1 stretch"),
        (1.5, "blocks", "1.5 blocks"),
        (1, "s", "1 s"),
        (1, "ms", "1 ms"),
        (1, "", "1"),
    ],
)
def test_one_of_them_is_told_in_the_singular(n: float, words: str, text: str) -> None:
    assert many(n, words) == text


def test_a_lag_of_one_is_one_block() -> None:
    assert [of_figure("safe_lag_blocks.p50", n) for n in (1, 2)] == ["1 block", "2 blocks"]
