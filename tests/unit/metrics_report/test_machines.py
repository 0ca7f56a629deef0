"""How busy, warm and slow hosts were stands in the report, and what of it is a reason to doubt."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from metrics.measure.hosts.machines import Host
from metrics.report.of_trial.machines import in_short

Lines = dict[str, list[dict[str, Any]]]
ENVELOPE = ("v", "host", "node", "boot", "wall_ns", "mono_ns")
LEFT_BYTES = 2_000_000_000


def look_at(lines: Lines, host: str, *looks: dict[str, int], busy: float) -> None:
    """Put looks among what a host's probe told, each a while after the last one.

    busy: the share of its two processors that is used from each to the next.
    """
    told = [line for line in lines[host] if line["node"] == f"{host}.probe"]
    apart = len(told) // (len(looks) + 1)
    begin_ns = told[apart]["mono_ns"]
    for n, look in reversed(list(enumerate(looks, start=1))):
        before = told[n * apart]
        fields = {
            "kind": "machine", "processors": 2, "available_bytes": LEFT_BYTES, "nic_dropped": 0,
            "busy_ns": round((before["mono_ns"] - begin_ns) * 2 * busy),
        }  # fmt: skip
        told.insert(n * apart + 1, {key: before[key] for key in ENVELOPE} | fields | look)
    others = [line for line in lines[host] if line["node"] != f"{host}.probe"]
    lines[host] = others + [line | {"seq": seq} for seq, line in enumerate(told)]


def rows(page: str) -> dict[str, list[str]]:
    """Return the cells of each host that the report's table of hosts has."""
    table = page.partition("<h3>How the hosts were</h3>")[2].partition("</table>")[0]
    found = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in table.split("<tr>")[2:]]
    return {host: cells for host, *cells in found}


def test_hosts_are_shown_as_their_probes_found_them(
    reported: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    def told(lines: Lines) -> None:
        warm = {"nic_dropped": 7, "celsius": 71, "slowed": 2, "available_bytes": LEFT_BYTES // 2}
        look_at(lines, "h1", {"celsius": 60, "slowed": 0}, warm, busy=0.25)
        look_at(lines, "h2", {}, {}, {}, busy=0.5)

    reported(told)
    page = (tmp_path / "run" / "report.html").read_text()
    assert rows(page) == {
        "h1": ["25", "25", "1000", "7", "71", "2"],
        "h2": ["50", "50", "2000", "0", "–", "–"],
    }
    said = (
        "at most 50 % busy for ten seconds (h2); at most 71 °C (h1); slowed by heat or power: h1; "
        "network cards dropped 7 packets"
    )
    assert f'<td>{said}</td><td class="n"><span class="badge warn">' in page


def test_a_run_without_looks_says_nothing_of_its_hosts(
    reported: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    reported()
    assert rows((tmp_path / "run" / "report.html").read_text()) == {}


@pytest.mark.parametrize(
    ("busiest", "slowed", "word"),
    [(0.94, 0, "ok"), (0.95, None, "warn"), (0.1, 1, "warn"), (None, None, "ok")],
)
def test_a_host_that_was_busy_or_slowed_is_a_reason_to_doubt(
    busiest: float | None, slowed: int | None, word: str
) -> None:
    fine = Host("n1", 0.1, 0.1, LEFT_BYTES, 0, None, None)
    assert in_short([fine, Host("n2", busiest, busiest, 0, 0, None, slowed)])[1] == word
