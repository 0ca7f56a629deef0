"""What a process took of its host stands beside what it told of its peers, or a dash."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_traffic_is_by_second_and_unknown_where_nobody_counted(
    reported: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    def told(lines: dict[str, list[dict[str, Any]]]) -> None:
        for line in lines["h1"]:
            if line["kind"] == "process" and line["node"] == "h1":
                line |= {"mempool": 3, "sent_bytes": 4000, "taken_bytes": 9000}

    reported(told)
    page = (tmp_path / "run" / "report.html").read_text()
    load = page.partition('<div id="trial-1-load">')[2].partition("</table>")[0]
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in load.split("<tr>")[2:]]
    found = {row[0]: row[4:] for row in rows}
    # A record each second.
    assert found["h1"] == ["3", "4.00", "9.00"]
    assert found["h2"] == ["0", "–", "–"]
