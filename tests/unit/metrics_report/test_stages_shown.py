"""What the page shows of stages is what was measured of them, pair by pair and host by host."""

from __future__ import annotations

import re
from pathlib import Path

import pytest


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
