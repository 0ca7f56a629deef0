"""A full disk: nothing is armed that could not be undone; what is armed heals and is recorded."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faults.host.boottime import boottime_ns
from faults.host.nft_readback import ENDS_EARLY_NS
from tests.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.slow]

S = 1_000_000_000

Wire = Callable[..., dict[str, object]]


@pytest.fixture
def small_disk(bench) -> Iterator[Path]:
    folder = bench.root / "state"
    folder.mkdir()
    subprocess.run(("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)), check=True)
    try:
        yield folder
    finally:
        for process in bench.processes:
            process.kill()
            process.wait()
        subprocess.run(("umount", "--lazy", str(folder)), check=True)


def fill(folder: Path) -> Path:
    """Return the file that took all the room there was."""
    filler = folder / "filler"
    descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT)
    try:
        _write_until_full(descriptor)
    finally:
        os.close(descriptor)
    return filler


def _write_until_full(descriptor: int) -> None:
    while True:
        try:
            os.write(descriptor, bytes(512))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return


def test_nothing_is_armed_on_a_full_disk_and_it_says_why(
    bench, small_disk: Path, partition: Wire
) -> None:
    bench.start_agent()
    filler = fill(small_disk)
    wire = partition(at_ns=S, for_ns=S)
    reply = bench.try_ask(
        "arm", trial="t", t0_wall_ns=time.time_ns(), lease_ns=60 * S, faults=[wire]
    )
    assert reply["error"] == {
        "reason": "disk",
        "detail": "No space left on device; make room on it",
    }
    assert bench.ask("status")["ledger"] == []
    assert bench.rules() == ""
    filler.unlink()
    bench.arm(partition(at_ns=2 * S, for_ns=S // 2))
    wait_until(lambda: bench.state("partition-1") == "healed", "armed once there is room")


def test_what_is_armed_heals_and_is_recorded_though_the_disk_fills_up(
    bench, small_disk: Path, partition: Wire
) -> None:
    agent = bench.start_agent()
    before = bench.ask("snapshot")
    bench.arm(*(partition(id=f"p-{n}", at_ns=2 * S + n * S, for_ns=S // 2) for n in range(5)))
    fill(small_disk)
    wait_until(lambda: bench.state("p-4") == "healed", "the last one healed")
    for n in range(5):
        states = [each["state"] for each in bench.records(f"p-{n}")]
        assert states == ["armed", "applied", "installed", "healed"]
        assert bench.records(f"p-{n}")[-1]["reason"] == ""
    assert bench.ask("snapshot") == before
    assert agent.poll() is None


def test_a_killed_agent_on_a_full_disk_leaves_nothing_and_its_successor_says_so(
    bench, small_disk: Path, partition: Wire
) -> None:
    agent = bench.start_agent()
    armed = bench.arm(partition(at_ns=2 * S, for_ns=4 * S))
    deadline_ns = armed["t0_boottime_ns"] + 6 * S
    wait_until(lambda: bench.state("partition-1") == "installed", "installed")
    fill(small_disk)
    agent.send_signal(signal.SIGKILL)
    agent.wait()
    wait_until(lambda: bench.rules() == "", "the dead man's timer")
    assert boottime_ns() > deadline_ns - ENDS_EARLY_NS
    bench.start_agent()
    wait_until(lambda: bench.state("partition-1") == "healed", "written down")
    assert bench.records("partition-1")[-1]["reason"] == "dead_man"
    assert bench.ask("status")["ledger"] == []
