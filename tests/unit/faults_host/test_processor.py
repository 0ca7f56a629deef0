"""How busy a host is: what its kernel counts, each tick once."""

from __future__ import annotations

import os
from pathlib import Path

from faults.host import processor


def test_idle_and_waiting_and_stolen_time_is_not_busy_and_guests_count_once(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  10 2 30 400 50 6 7 80 9 1\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
    tick_ns = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    assert processor.times(stat) == {
        "busy_ns": (10 + 2 + 30 + 6 + 7) * tick_ns,
        "all_ns": (10 + 2 + 30 + 400 + 50 + 6 + 7 + 80) * tick_ns,
    }


def test_this_machine_is_read() -> None:
    found = processor.times()
    assert 0 < found["busy_ns"] <= found["all_ns"]
