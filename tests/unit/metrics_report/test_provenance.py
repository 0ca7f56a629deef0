"""What is fine is one line, and hosts that were alike before the run are told once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_hosts_that_told_the_same_stand_together_and_cannot_write_the_page(
    reported: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    def told(folder: Path) -> None:
        for host in ("h1", "h2", "h3", "h4"):
            same = {"tc": "noqueue", "clock": {"freq": None}}
            own = same if host != "h4" else {"tc": "<script>alert(1)</script>" * 1000}
            (folder / f"trials/1/hosts/{host}/before.json").write_text(json.dumps(own))

    reported(files=told)
    page = (tmp_path / "run" / "report.html").read_text()
    found = page.partition("<h3>Hosts before the first trial</h3>")[2].partition("</section>")[0]
    assert re.findall(r"<summary>(.*?)</summary>", found) == ["h1, h2, h3", "h4"]
    assert "<script>" not in found
    assert len(found) < 10_000


def test_checks_that_hold_are_folded_and_others_stand_open(
    reported: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    summary = reported(expect={"baseline": {"finality_lag_blocks": {"max": {"max": 7}}}})
    page = (tmp_path / "run" / "report.html").read_text()
    verdict = page.partition('<section id="verdict">')[2].partition("</section>")[0]
    open_part, _, folded = verdict.partition("<details")
    by_verdict = {check["verdict"] for check in summary["checks"]}
    assert by_verdict > {"holds"}
    held = sum(check["verdict"] == "holds" for check in summary["checks"])
    assert f"{held} of {len(summary['checks'])} checks hold" in folded
    assert '<span class="badge holds">' not in open_part
    assert folded.count('<span class="badge holds">') == held
