"""The agent at rest takes little of a host: at most 35 MB, also after many faults.

What it takes of a processor is a figure of `slotlab bench`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.slow]

S = 1_000_000_000
RESIDENT_KB_MAX = 35_000

Wire = Callable[..., dict[str, object]]


def test_the_agent_at_rest_is_small(bench, partition: Wire) -> None:
    agent = bench.start_agent()
    processes = _family(agent.pid)
    bench.arm(*(partition(id=f"p-{n}", at_ns=2 * S, for_ns=S // 4) for n in range(20)))
    wait_until(lambda: not bench.ask("status")["ledger"], "the end of every fault")
    bench.ask("snapshot")
    resident_kb = max(_resident_kb(pid) for pid in processes)
    assert resident_kb <= RESIDENT_KB_MAX


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in _family(int(child)))]


def _resident_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
