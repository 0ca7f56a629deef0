"""Asks each host of a lab by itself, so that none waits for one that is away."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor, wait

from harness.errors import RunError
from harness.orchestrator.fleet import Fleet
from harness.watch.seen import Answer, HostSeen, after, late

ANSWER_S = 10.0
"""A host that is slower than this is asked again."""
LATE_S = 6.0
"""One that has not answered for so long is shown as gone, until it does."""


class Asking:
    """Mutable: what is known of each host, and whose answer is still due; a context manager.

    Leave it before the fleet's connections are closed: those end what is still being asked.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._seen = {host.name: HostSeen(host=host.name) for host in fleet.inventory.hosts}
        self._due: dict[str, Future[Answer]] = {}
        self._asked_s: dict[str, float] = {}
        self._pool = ThreadPoolExecutor(len(self._seen), thread_name_prefix="watch")

    def __enter__(self) -> Asking:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def turn(self, within_s: float | None = None) -> list[HostSeen]:
        """Return what is known of each host, once all have answered or that time is over.

        One whose answer is due since an earlier turn is not asked again.

        Raises:
            RunError: there is no agent of ours on any host.
        """
        for host in self._seen.keys() - self._due.keys():
            self._due[host] = self._pool.submit(self._ask, host)
            self._asked_s[host] = time.monotonic()
        done, _ = wait(self._due.values(), timeout=within_s)
        for host in [host for host, answer in self._due.items() if answer in done]:
            self._seen[host] = after(self._seen[host], self._due.pop(host).result())
        for host in self._due:
            if time.monotonic() - self._asked_s[host] > LATE_S:
                self._seen[host] = late(self._seen[host])
        if not any(seen.deployed for seen in self._seen.values()):
            raise RunError(f"{', '.join(self._seen)}: nothing is deployed; run slotlab deploy")
        return list(self._seen.values())

    def _ask(self, host: str) -> Answer:
        remote = self._fleet.remote
        agent = remote.ctl({host: {"op": "status"}}, timeout_s=ANSWER_S)[host]
        heard_ns = time.time_ns()
        node = None if agent.problem else self._fleet.nodes([host])[host]
        return Answer(agent, node, heard_ns)
