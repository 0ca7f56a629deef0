"""Locks and leases of a lab of which one host hangs: what the others had left, as they tell it.

By hand, at any size: python -m tests.lab.hanging HOSTS
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.inventory import inventory
from harness.labs.lifecycle import power
from harness.orchestrator.fleet import Fleet
from harness.orchestrator.lease_renewer import LOCK_TTL_NS, Keeper
from harness.remote.fan_out import Remote
from harness.testbed.lock import hold_hosts
from tests.lab.bench import Bench, bench

HANGS_S = 75.0
LEASE_NS = 30_000_000_000
NEWS = 4
"""Of lock and lease that each was not renewed, and how it is now."""
LOOK_EACH_S = 0.5
BACK_S = 120.0
TRIAL = "hanging.1"
NEVER = {"id": "never", "fault": "kill", "at_ns": 3_600_000_000_000, "unit": "slotlab-node.service"}


@dataclass
class Seen:
    """What was seen while a host hung: of the others the least left of lease and lock, in ns."""

    looks: int = 0
    lease_left_ns: list[int] = field(default_factory=list)
    lock_left_ns: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    news: list[str] = field(default_factory=list)
    lost: str = ""
    back: bool = False
    """Whether the host that hung is ours again."""

    def __str__(self) -> str:
        lease, lock = sorted(self.lease_left_ns), sorted(self.lock_left_ns)
        lines = [
            f"{self.looks} looks at the others while one host hung for {HANGS_S:.0f} s",
            f"lease of {LEASE_NS / 1e9:.0f} s: at least {lease[0] / 1e9:.1f} s were left,"
            f" half the time {lease[len(lease) // 2] / 1e9:.1f} s",
            f"lock of {LOCK_TTL_NS / 1e9:.0f} s: at least {lock[0] / 1e9:.1f} s were left,"
            f" half the time {lock[len(lock) // 2] / 1e9:.1f} s",
            f"wrong: {self.wrong or 'nothing'}; lost: {self.lost or 'no'}; back: {self.back}",
            *self.news,
        ]
        return "\n".join(lines)


def watch(made: Bench, host: str) -> Seen:
    """Return what is seen of a lab that is locked and armed while one of its hosts hangs."""
    lab = inventory.load(made.inventory)
    seen = Seen()
    with (
        Remote(lab) as remote,
        Remote(lab) as other,
        hold_hosts(remote, "a host that hangs", ttl_ns=LOCK_TTL_NS) as held,
        Keeper(held) as keeper,
    ):
        fleet = Fleet(remote)
        fleet.ask("prepare", trial=TRIAL, files={}, owner=held.owner)
        fleet.ask(
            "arm", trial=TRIAL, t0_wall_ns=time.time_ns(), lease_ns=LEASE_NS, faults=[NEVER],
            owner=held.owner, timeout_s=60,
        )  # fmt: skip
        keeper.armed(TRIAL, until_ns=0, lease_ns=LEASE_NS)
        others = [name for name in made.names if name != host]
        with _frozen(made.name, host):
            until = time.monotonic() + HANGS_S
            while time.monotonic() < until:
                _look(other, others, held.owner, seen)
                time.sleep(LOOK_EACH_S)
        until = time.monotonic() + BACK_S
        while time.monotonic() < until and not (seen.back and len(keeper.news) >= NEWS):
            answer = other.ctl({host: {"op": "hello"}}, timeout_s=5)[host].ok or {}
            seen.back = (answer.get("lock") or {}).get("owner") == held.owner
        keeper.disarmed()
        seen.lost, seen.news = keeper.lost, list(keeper.news)
    return seen


def _look(remote: Remote, hosts: list[str], owner: str, seen: Seen) -> None:
    statuses = remote.ctl({host: {"op": "status"} for host in hosts}, timeout_s=20)
    hellos = remote.ctl({host: {"op": "hello"} for host in hosts}, timeout_s=20)
    for host in hosts:
        status, hello = statuses[host].ok, hellos[host].ok
        if status is None or hello is None:
            seen.wrong.append(f"{host}: {statuses[host].problem or hellos[host].problem}")
            continue
        seen.looks += 1
        lock = hello["lock"] or {"owner": "nobody", "left_ns": 0}
        if lock["owner"] != owner:
            seen.wrong.append(f"{host}: its lock is of {lock['owner']}")
        if [fault["state"] for fault in status["faults"]] != ["armed"]:
            seen.wrong.append(f"{host}: {status['faults']}")
        seen.lease_left_ns.append(status["lease_left_ns"])
        seen.lock_left_ns.append(lock["left_ns"])


@contextmanager
def _frozen(lab: str, host: str) -> Iterator[None]:
    power.run(lab, host, "freeze")
    try:
        yield
    finally:
        power.run(lab, host, "thaw")


def main(hosts: int) -> None:
    """Print the figures of a lab of so many hosts."""
    with bench("hangs", hosts=hosts) as made:
        made.deploy()
        print(watch(made, "n2"))


if __name__ == "__main__":
    assert Path("harness").is_dir(), "run it from the clone's root"
    main(int(sys.argv[1]))
