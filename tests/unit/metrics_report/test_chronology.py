"""Around each fault stands what hosts told, in one order of time, and who was back when."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

from metrics.report.in_order import in_order


def rows(text: str) -> list[list[str]]:
    """Return the cells of each row of tables, as text."""
    found = re.findall(r"<tr>(.*?)</tr>", text, re.DOTALL)
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in found]
    return [[unescape(re.sub(r"<[^>]+>", " ", c)).strip() for c in row] for row in cells if row]


@pytest.fixture(scope="module")
def parts(run: Path) -> dict[str, str]:
    """Return the text of each part of the trial's section, by name."""
    page = (run / "report.html").read_text()
    return dict(re.findall(r'<div id="trial-1-(\w+)">(.*?)\n</div>\n', page, re.DOTALL))


@pytest.fixture(scope="module")
def excerpts(parts: dict[str, str]) -> dict[str, list[list[str]]]:
    found = re.findall(
        r"<summary>(\S+) \(\d+\)</summary>(.*?)</details>", parts["chronology"], re.S
    )
    return {fault: rows(text) for fault, text in found}


def test_each_fault_has_its_lines_in_order_of_time(excerpts: dict[str, list[list[str]]]) -> None:
    assert set(excerpts) == {"delay-1", "partition-1", "clock_step-1", "kill-1"}
    for lines in excerpts.values():
        times = [float(t) for t, _, _ in lines]
        assert times == sorted(times)


def test_lines_say_what_agents_did_and_what_became_of_it(
    excerpts: dict[str, list[list[str]]],
) -> None:
    told = {(host, text) for _, host, text in excerpts["kill-1"]}
    assert ("h3", "2 slots of producerc missed – node down (kill-1)") in told
    assert ("h3", "back to normal") in told
    split = [text for _, _, text in excerpts["partition-1"]]
    assert "head moved to another branch, 6 blocks undone" in split
    assert any(text.startswith("agent: ") for text in split)


def test_forks_are_told_by_host(parts: dict[str, str]) -> None:
    ((host, switches, undone, deepest, _, phases),) = rows(parts["forks"])
    assert (host, switches, undone, deepest) == ("h4", "1", "6", "6")
    assert phases


def test_hosts_that_recovered_alike_are_one_row(parts: dict[str, str]) -> None:
    hosts = [row[2] for row in rows(parts["recovery"]) if len(row) == 5]
    assert hosts == ["h4", "h3"]
    assert in_order(hosts) == ["h3", "h4"]


def test_what_several_hosts_tell_at_a_moment_is_one_line(
    excerpts: dict[str, list[list[str]]],
) -> None:
    done = [(host, text) for _, host, text in excerpts["delay-1"] if text.startswith("agent: ")]
    assert {host for host, _ in done} == {"4 hosts"}
    assert len(done) == len(set(done))
