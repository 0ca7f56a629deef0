"""Keeps what others hold for us while a campaign runs: the lab's lock, a short lease, and the
provider's agent, which ends by itself when nobody asks it for a minute.

A thread of its own, so that a slow host or report never lets either run out. A host that does not
answer is said once and asked again: its schedule goes on without us.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from harness.channel import Reply
from harness.errors import RunError
from harness.lock import HostLock
from harness.power import Provider
from harness.units import SECOND_NS

LOCK_TTL_NS = 60 * SECOND_NS
LOCK_TTL_MAX_NS = 24 * 3600 * SECOND_NS
"""No host keeps a lock longer; it is renewed all the while."""
LOCK_EVERY_S = 15.0
LEASE_PART = 3
"""A lease is renewed this many times before it would end."""


@dataclass(slots=True)
class _Lease:
    trial: str
    lease_ns: int
    renewed: float


class Keeper:
    """Mutable: renews from `with` until its end; `lost` says who else has the lab by now."""

    def __init__(self, lock: HostLock) -> None:
        self._lock = lock
        self._ended = threading.Event()
        self._changed = threading.Event()
        self._lease: _Lease | None = None
        self._provider: Provider | None = None
        self._until_ns = 0
        self._silent: set[str] = set()
        self._thread = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self.lost = ""
        self.news: deque[str] = deque()
        """Lines for the operator, oldest first; whoever shows them takes them out."""

    def __enter__(self) -> Keeper:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._changed.set()
        self._thread.join()

    def attend(self, provider: Provider | None) -> None:
        """Return nothing; this provider's agent is asked often enough to stay, until the next."""
        self._provider = provider

    def armed(self, trial: str, *, until_ns: int, lease_ns: int | None) -> None:
        """Return nothing; from now on the lock lasts until until_ns (wall) whatever becomes of us.

        lease_ns: the trial's own lease, renewed on the hosts and at the provider until `disarmed`;
        None: it needs no renewing.
        """
        self._until_ns = until_ns
        self._lease = None if lease_ns is None else _Lease(trial, lease_ns, time.monotonic())
        self._changed.set()

    def disarmed(self) -> None:
        """Return nothing; no lease is renewed any more, the lock lasts a minute at a time."""
        self._lease, self._until_ns = None, 0
        self._changed.set()

    def _keep(self) -> None:
        locked = 0.0
        while not self._ended.is_set():
            now = time.monotonic()
            lease = self._lease
            if self._changed.is_set() or now - locked >= LOCK_EVERY_S:
                self._changed.clear()
                locked = now
                self._hold()
            if lease is not None and now - lease.renewed >= _pause_s(lease):
                lease.renewed = now
                self._renew(lease)
            pause_s = LOCK_EVERY_S if lease is None else min(LOCK_EVERY_S, _pause_s(lease) / 2)
            self._changed.wait(pause_s)

    def _hold(self) -> None:
        ttl_ns = min(LOCK_TTL_MAX_NS, max(LOCK_TTL_NS, self._until_ns - time.time_ns()))
        refused = self._lock.renew(ttl_ns=ttl_ns)
        if refused and not self.lost:
            self.lost = refused[0]
        if self._provider is not None:
            self._told(self._provider.status)

    def _renew(self, lease: _Lease) -> None:
        if self._provider is not None:
            self._told(partial(self._provider.renew, lease.trial, lease.lease_ns))
        replies = self._lock.remote.ctl_all(
            "renew", trial=lease.trial, lease_ns=lease.lease_ns, timeout_s=_pause_s(lease)
        )
        silent = {host for host, reply in replies.items() if _away(reply)}
        if self._lease is lease and not self._ended.is_set():
            self._tell(silent, replies)

    def _told(self, ask: Callable[[], object]) -> None:
        try:
            ask()
        except RunError as error:
            self.news.append(str(error))

    def _tell(self, silent: set[str], replies: Mapping[str, Reply]) -> None:
        for host in sorted(silent - self._silent):
            why = replies[host].reason
            self.news.append(f"{host}: lease not renewed ({why}); it heals when the lease ends")
        for host in sorted(self._silent - silent):
            self.news.append(f"{host}: answers again")
        self._silent = silent


def _pause_s(lease: _Lease) -> float:
    return lease.lease_ns / SECOND_NS / LEASE_PART


def _away(reply: Reply) -> bool:
    return reply.ok is None and reply.reason != "not_armed"
