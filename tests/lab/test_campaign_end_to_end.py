"""The lab path end to end: lab, deploy, all four faults, report; and nothing left afterwards."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.labs import running

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.lab,
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="a container lab needs root"),
    pytest.mark.skipif(
        shutil.which("systemd-nspawn") is None or shutil.which("mmdebstrap") is None,
        reason="needs the Debian packages systemd-container and mmdebstrap",
    ),
]


def test_the_smoke_campaign_passes_in_a_lab_that_leaves_nothing_behind(tmp_path: Path) -> None:
    before = set(running.list_labs())
    done = subprocess.run(
        [sys.executable, "-m", "harness", "demo", "smoke", "--runs", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    run = (tmp_path / "smoke" / "latest").resolve()
    assert str(run / "report.html") in done.stdout
    summary = json.loads((run / "summary.json").read_text())
    assert summary["verdict"] == "pass"
    assert {fault["state"] for fault in summary["faults"]} == {"installed"}
    assert {check["verdict"] for check in summary["checks"]} == {"holds"}
    assert set(running.list_labs()) <= before
