"""A browser opens the page without an error or a request, and draws what is not folded away."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update --enable-logging=stderr "
    "--window-size=1300,2000 --virtual-time-budget=8000 --dump-dom"
).split()
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)


@pytest.mark.skipif(BROWSER is None, reason=f"none of {', '.join(BROWSERS)} is installed here")
def test_a_browser_draws_the_charts_and_finds_no_fault(run: Path, tmp_path: Path) -> None:
    page = run / "report.html"
    done = subprocess.run(
        [str(BROWSER), *FLAGS, f"--user-data-dir={tmp_path}", page.as_uri()],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    charts = re.split(r'<div class="chart" id="', done.stdout)[1:]
    undrawn = {chart.partition('"')[0] for chart in charts if "main-svg" not in chart}
    assert len(charts) > 8
    folded = {key for key in undrawn if key.startswith("heat-1-")}
    assert undrawn == folded
    assert {"heat-1-1-p50", "heat-1-1-max"}.isdisjoint(folded)
    assert len(folded) > 6
