"""The tail of finality is that of all samples, in the error that they have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.report import tails
from tests.unit.metrics_report.charts_of import charts_of, numbers


@pytest.fixture(scope="module")
def lines(run: Path) -> dict[str, dict[str, Any]]:
    chart = charts_of((run / "report.html").read_text())["tails-1"]
    return {trace["name"]: trace for trace in chart["data"]}


def test_each_phase_has_a_line_and_how_many_blocks_it_is_of(
    run: Path, lines: dict[str, dict[str, Any]]
) -> None:
    phases = json.loads((run / "summary.json").read_text())["cells"][0]["phases"]
    expected = {
        f"{name} (n = {m['finality_latency_s']['n']})"
        for name, m in phases.items()
        if name != "warmup" and m["finality_latency_s"]["n"]
    }
    assert {name for name in lines if not name.endswith(": error")} == expected


def test_the_line_goes_from_all_blocks_at_the_fastest_to_one_at_the_slowest(
    run: Path, lines: dict[str, dict[str, Any]]
) -> None:
    phases = json.loads((run / "summary.json").read_text())["cells"][0]["phases"]
    q = phases["baseline"]["finality_latency_s"]
    line = lines[f"baseline (n = {q['n']})"]
    x, y = numbers(line["x"]), numbers(line["y"])
    assert (x[0], x[-1]) == pytest.approx((q["min"], q["max"]))
    assert (y[0], y[-1]) == pytest.approx((100, 100 / q["n"]))
    assert x == sorted(x)
    assert y == sorted(y, reverse=True)


def test_the_line_lies_in_its_band(lines: dict[str, dict[str, Any]]) -> None:
    (line,) = (lines[name] for name in lines if name.startswith("baseline (n"))
    band = numbers(lines["baseline: error"]["x"])
    middle = len(band) // 2
    fast, slow = band[:middle][::2], band[middle:][::-1][::2]
    for low, at, high in zip(fast, numbers(line["x"]), slow, strict=True):
        assert low <= at <= high
    assert min(fast) < min(numbers(line["x"]))


@given(known=st.integers(1, 100_000), censored=st.integers(0, 5_000))
def test_of_a_long_line_the_tail_is_kept_and_the_rest_thinned(known: int, censored: int) -> None:
    kept = tails.drawn(known, known + censored).tolist()
    assert kept == sorted(set(kept))
    assert (kept[0], kept[-1]) == (0, known - 1)
    assert len(kept) <= tails.POINTS_MAX
    if known >= 10 and not censored:
        assert kept[-10:] == list(range(known - 10, known))
