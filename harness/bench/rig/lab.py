"""A lab of container hosts for one bench, and the processor time that its hosts have had."""

from __future__ import annotations

import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from harness.controller.console import Show
from harness.errors import RunError
from harness.inventory import inventory
from harness.inventory.inventory import Inventory
from harness.labs import cgroup
from harness.labs.lifecycle import container_lab, running
from harness.testbed import lab_teardown

READ_EACH_S = 0.5


def skipped() -> str:
    """Return why there can be no such lab here, or ""."""
    if os.geteuid() != 0:
        return "needs root: lab hosts"
    if shutil.which("systemd-nspawn") is None:
        return "needs systemd-nspawn (systemd-container)"
    return ""


@contextmanager
def fresh(hosts: int, show: Show) -> Iterator[tuple[str, Inventory]]:
    """Yield the name and the inventory of a new lab on which nothing is; it is removed again."""
    name = f"bench-{secrets.token_hex(3)}"
    try:
        yield name, inventory.load(container_lab.up(name, hosts, show.step).inventory)
    finally:
        lab_teardown.take_down(name, show.step)


class _Read(NamedTuple):
    at_ns: int
    used_ns: int


class Meter:
    """Mutable: reads again and again, until the end of `with`, what a lab's nodes' hosts have used.

    That is all that runs on them, agents and logins included; the controller is on none.
    """

    def __init__(self, lab: str) -> None:
        found = running.status(lab)
        hosts = found.hosts if found is not None else ()
        self._first = [host.pid for host in hosts if host.role == "node" and host.pid is not None]
        self._reads = [self._read()]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Meter:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def percent(self, begin_ns: int, end_ns: int) -> float:
        """Return the share of a core that a host used between these moments, on average.

        Raises:
            RunError: it was not read then.
        """
        inside = [each for each in self._reads if begin_ns <= each.at_ns < end_ns]
        if len(inside) < 2:
            raise RunError("bench: what the hosts used was not read")
        used_ns = inside[-1].used_ns - inside[0].used_ns
        return 100 * used_ns / (inside[-1].at_ns - inside[0].at_ns) / len(self._first)

    def _run(self) -> None:
        while not self._over.wait(READ_EACH_S):
            self._reads.append(self._read())

    def _read(self) -> _Read:
        return _Read(time.time_ns(), sum(map(cgroup.used_ns, self._first)))
