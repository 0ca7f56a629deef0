"""What the page shows of stages is what was measured of them, pair by pair and host by host."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from metrics.measure.stages.stages import AFTER, AT_MAKER, RECEIVED, WHOLE, Passages, Stage
from metrics.report.durations import stages


@pytest.fixture(scope="module")
def section(run: Path) -> str:
    page = (run / "report.html").read_text()
    return page.partition('<section id="stages">')[2].partition("</section>")[0]


def tables(section: str) -> list[list[list[str]]]:
    """Return the rows of each table, as texts without marks."""
    found = re.findall(r"<table[^>]*>.*?</table>", section, re.DOTALL)
    rows = [re.findall(r"<tr>.*?</tr>", table, re.DOTALL) for table in found]
    return [
        [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL) for row in table]
        for table in rows
    ]


def test_each_host_has_its_own_medians(section: str) -> None:
    _, within, *_ = tables(section)
    assert within[0] == [
        "host", "produced", "durable", "sent", "validated", "applied", "precommitted",
        "irreversible",
    ]  # fmt: skip
    assert [row[0] for row in within[1:]] == ["h1", "h2", "h3", "h4"]
    assert [row[1:7] for row in within[1:]] == [["1.5", "0.5", "0.1", "0.04", "0.06", "–"]] * 4


def test_each_pair_of_hosts_has_a_way_with_its_error_and_no_host_one_to_itself(
    section: str,
) -> None:
    _, _, received, whole = tables(section)
    for table in (received, whole):
        assert table[0][1:] == [row[0] for row in table[1:]] == ["h1", "h2", "h3", "h4"]
        for place, row in enumerate(table[1:], start=1):
            assert row[place] == ""
            assert all("±" in text for text in row[1:] if text)
            assert sum(map(bool, row[1:])) == 3


def test_a_phase_has_one_bar_of_all_stages_and_the_wholes_own_median(section: str) -> None:
    names = re.findall(r'"name":"([a-z, ]+)"', section)
    assert names == [
        "produced", "durable", "sent", "received", "validated", "applied", "precommitted",
        "irreversible", "whole, its own median",
    ]  # fmt: skip


def _took(count: int) -> Stage:
    ms, there = np.full(count, 1e6), np.ones(count, dtype=bool)
    return Stage(ms, ms, ms, there, there)


def test_hosts_stand_in_the_order_that_people_count_in() -> None:
    found = Passages(
        num=np.asarray([1]), id=np.asarray(["a"], dtype=object), slot=np.asarray([1]),
        phase=np.asarray(["baseline"], dtype=object), source=np.asarray(["n2"], dtype=object),
        made={name: _took(1) for name in AT_MAKER}, block=np.asarray([0, 0]),
        target=np.asarray(["n10", "n1"], dtype=object),
        ways={name: _took(2) for name in (RECEIVED, WHOLE, *AFTER)}, left_out=Counter(),
    )  # fmt: skip
    trial: Any = SimpleNamespace(
        of=lambda metric: found, data=SimpleNamespace(file=SimpleNamespace(n=1))
    )
    assert stages._hosts(trial)["hosts"] == ["n1", "n2", "n10"]
