"""The helper behind netem's jitter steers each band around its delay until the deadline, no longer.

A stand-in for tc writes down what it is told.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.waiting import DEADLINE_S, wait_until

PROJECT = Path(__file__).resolve().parents[3]
MS = 1_000_000
LINE = re.compile(
    r"qdisc change dev eth0 parent 5107:1 handle 6004: netem limit 20000 delay (\d+)us rate 100gbit"
)


def start(folder: Path, until_ns: int) -> subprocess.Popen[bytes]:
    """Return the helper, steering one band where tc is a script that copies its input."""
    tc = folder / "tc"
    tc.write_text(f'#!/bin/sh\necho "$@" > {folder}/words\nexec cat > {folder}/lines\n')
    tc.chmod(0o755)
    (folder / "begun").touch()
    band = {"where": "parent 5107:1 handle 6004:", "delay_ns": 80 * MS, "jitter_ns": 10 * MS}
    spec = {
        "interface": "eth0", "bands": [band], "seed": 7, "pid_file": str(folder / "pid"),
        "begun_file": str(folder / "begun"),
        "until_boottime_ns": time.clock_gettime_ns(time.CLOCK_BOOTTIME) + until_ns,
    }  # fmt: skip
    words = (sys.executable, "-m", "faults.kinds.shaping.netem_jitter", json.dumps(spec))
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}
    return subprocess.Popen(words, cwd=PROJECT, env=environment)


def test_the_delay_wanders_within_the_jitter_until_it_is_stopped(tmp_path: Path) -> None:
    helper = start(tmp_path, 600_000 * MS)
    told = tmp_path / "lines"
    wait_until(lambda: told.exists() and len(told.read_text().splitlines()) >= 30, "30 lines")
    lines = told.read_text().splitlines()
    assert int((tmp_path / "pid").read_text()) == helper.pid
    helper.terminate()
    assert helper.wait(timeout=DEADLINE_S) == 0
    assert not (tmp_path / "pid").exists()
    assert (tmp_path / "words").read_text() == "-force -batch -\n"
    found = [LINE.fullmatch(line) for line in lines]
    assert all(found)
    delays_us = [int(match[1]) for match in found if match]
    assert len(set(delays_us)) > 3
    assert all(70_000 <= each <= 90_000 for each in delays_us)


def test_it_ends_by_itself_at_its_deadline(tmp_path: Path) -> None:
    assert start(tmp_path, 200 * MS).wait(timeout=DEADLINE_S) == 0
    assert not (tmp_path / "pid").exists()
