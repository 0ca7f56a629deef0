"""The agent at rest costs a host next to nothing: at most 35 MB, at most 1 % of one processor."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [pytest.mark.root, pytest.mark.slow]

S = 1_000_000_000
IDLE_S = 6.0
RESIDENT_KB_MAX = 35_000

Wire = Callable[..., dict[str, object]]


def test_the_agent_at_rest_is_small_and_quiet(bench, partition: Wire) -> None:
    agent = bench.start_agent()
    processes = _family(agent.pid)
    bench.arm(*(partition(id=f"p-{n}", at_ns=S // 4, for_ns=S // 4) for n in range(20)))
    while bench.ask("status")["ledger"]:
        time.sleep(0.05)
    bench.ask("snapshot")
    before, start = _busy_s(processes), time.monotonic()
    time.sleep(IDLE_S)
    share = (_busy_s(processes) - before) / (time.monotonic() - start)
    resident_kb = max(_resident_kb(pid) for pid in processes)
    print(f"{resident_kb / 1000:.1f} MB, {share:.2%} of a processor")
    assert resident_kb <= RESIDENT_KB_MAX
    assert share <= 0.01


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in _family(int(child)))]


def _resident_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def _busy_s(processes: list[int]) -> float:
    ticks = 0
    for pid in processes:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
