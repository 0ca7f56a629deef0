"""Slots stand at their own time, and what is not there is marked in charts of any length."""

from __future__ import annotations

import itertools
import json
import re
from base64 import b64encode
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.report import charts
from metrics.report.of_trial import slot_grid
from tests.unit.metrics_build import synthetic
from tests.unit.metrics_report.charts_of import charts_of, numbers


def drawn(run: Path) -> list[dict[str, Any]]:
    """Return the figures of a trial's slots, in order of time."""
    charts = charts_of((run / "report.html").read_text())
    return [figure for key, figure in charts.items() if key.startswith("grid-1")]


def spells(figures: list[dict[str, Any]]) -> list[tuple[str, float, float, str]]:
    """Return (word, from, to in seconds, lane) of each bar."""
    return [
        (bar["name"], start, start + length, lane)
        for figure in figures
        for bar in figure["data"]
        if bar["type"] == "bar"
        for start, length, lane in zip(
            numbers(bar["base"]), numbers(bar["x"]), bar["y"], strict=True
        )
    ]


def test_every_slot_has_its_time_in_its_producers_lane(run: Path) -> None:
    found = spells(drawn(run))
    total_s = sum(end - start for _, start, end, _ in found)
    slots = json.loads((run / "summary.json").read_text())["cells"][0]["trials"][0]["figures"]
    assert total_s == pytest.approx(slots["all"]["slots.expected"][0] * 0.5, abs=15)
    for _, start, _, lane in found:
        producer = (round(start / synthetic.SLOT) + synthetic.GENESIS_SLOT + 1) % 8 // 2
        assert lane == f"{synthetic.PRODUCERS[producer]} ({synthetic.HOSTS[producer]})"


def test_slots_without_a_block_say_so_with_their_number_and_a_letter(run: Path) -> None:
    marks = Counter(
        text
        for figure in drawn(run)
        for trace in figure["data"]
        if trace["name"].endswith(": mark")
        for text in trace["text"]
    )
    letters: Counter[str] = Counter()
    for text, times in marks.items():
        count, letter = re.fullmatch(r"(?:(\d+) )?(\w)", text).groups()  # type: ignore[union-attr]
        letters[letter] += int(count or 1) * times
    assert letters == {"A": 4, "M": 4, "O": 6}


def test_a_long_trial_has_its_slots_on_pages(
    reported: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot_grid, "PAGE_SLOTS", 100)
    reported()
    figures = drawn(tmp_path / "run")
    ranges = [figure["layout"]["xaxis"]["range"] for figure in figures]
    assert len(figures) > 1
    assert all(a[1] == b[0] for a, b in itertools.pairwise(ranges))
    for (low, high), figure in zip(ranges, figures, strict=True):
        own = spells([figure])
        assert (min(s[1] for s in own), max(s[2] for s in own)) == (low, high)


@given(st.lists(st.one_of(st.floats(width=32), st.integers(-40_000, 40_000).map(float))))
def test_numbers_of_a_chart_are_read_back_as_they_were(values: list[float]) -> None:
    found = numbers(charts.packed(np.asarray(values, dtype=np.float64)))
    assert np.array_equal(found, values, equal_nan=True)


@given(st.text(), st.binary())
def test_a_chart_is_read_back_as_it_was_and_spends_a_byte_on_a_slash(text: str, raw: bytes) -> None:
    value = {"name": text + "\\u002f", "bdata": b64encode(raw).decode()}
    told = charts.embedded(value)
    assert json.loads(told) == value
    assert "<" not in told
    assert '"bdata":"' + value["bdata"] + '"' in told
