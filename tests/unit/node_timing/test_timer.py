"""Claims about SlotTimer: when it wakes, and what a moved clock does to it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from node.timing.clock import NodeClock
from node.timing.skew_file import SKEW_LAYOUT
from node.timing.timer import SlotTimer
from tests.waiting import DEADLINE_S


def write_skew(path: Path, *, seq: int, offset_ns: int) -> None:
    path.write_bytes(SKEW_LAYOUT.pack(seq, offset_ns, 0, 0))


async def wait_due(clock: NodeClock, ahead_ns: int) -> tuple[int, int, int]:
    """Return (asked, reported due, wake error) of one deadline ahead_ns from now."""
    loop = asyncio.get_running_loop()
    fired: asyncio.Future[tuple[int, int]] = loop.create_future()
    timer = SlotTimer(loop, clock, lambda due, late: fired.set_result((due, late)))
    asked_ns = clock.wall_ns() + ahead_ns
    timer.arm(asked_ns)
    try:
        due_ns, late_ns = await asyncio.wait_for(fired, DEADLINE_S)
    finally:
        timer.close()
        timer.close()
    return asked_ns, due_ns, late_ns


def test_the_timer_never_fires_early_and_reports_how_late_it_was() -> None:
    for ahead_ns in (-5_000_000, 0, 3_000_000, 250_000_000):
        asked_ns, due_ns, late_ns = asyncio.run(wait_due(NodeClock(), ahead_ns))
        assert due_ns == asked_ns
        assert late_ns >= 0


def test_the_deadline_is_on_the_skewed_clock(tmp_path: Path) -> None:
    skew = tmp_path / "skew"
    write_skew(skew, seq=2, offset_ns=-3_600_000_000_000)
    clock = NodeClock(str(skew))
    started = time.monotonic()
    asyncio.run(wait_due(clock, 150_000_000))
    assert time.monotonic() - started >= 0.15


def test_a_clock_moved_forward_past_the_deadline_fires_at_once(tmp_path: Path) -> None:
    skew = tmp_path / "skew"
    write_skew(skew, seq=0, offset_ns=0)
    clock = NodeClock(str(skew))

    async def run() -> int:
        waiting = asyncio.ensure_future(wait_due(clock, 3_600_000_000_000))
        await asyncio.sleep(0)
        write_skew(skew, seq=2, offset_ns=3_601_000_000_000)
        return (await waiting)[2]

    assert asyncio.run(run()) >= 1_000_000_000


def test_a_clock_moved_back_waits_longer(tmp_path: Path) -> None:
    skew = tmp_path / "skew"
    write_skew(skew, seq=0, offset_ns=0)
    clock = NodeClock(str(skew))

    async def run() -> int:
        waiting = asyncio.ensure_future(wait_due(clock, 120_000_000))
        await asyncio.sleep(0)
        write_skew(skew, seq=2, offset_ns=-200_000_000)
        return (await waiting)[2]

    started = time.monotonic()
    assert asyncio.run(run()) >= 0
    assert time.monotonic() - started >= 0.32


def test_each_wake_is_reported_also_those_before_the_deadline() -> None:
    wakes: list[tuple[int, int]] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        timer = SlotTimer(
            loop, NodeClock(), lambda _due, _late: done.set_result(None),
            lambda now_ns, late_ns: wakes.append((now_ns, late_ns)),
        )  # fmt: skip
        timer.arm(time.time_ns() + 450_000_000)
        await asyncio.wait_for(done, DEADLINE_S)
        timer.close()

    asyncio.run(run())
    assert len(wakes) >= 2
    assert all(now_ns > 0 and late_ns >= 0 for now_ns, late_ns in wakes)
