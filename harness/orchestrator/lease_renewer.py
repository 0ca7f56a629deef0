"""Keeps what others hold for us while a campaign runs: the lab's lock, a short lease, and the
provider's agent, which ends by itself when nobody asks it for a minute.

A thread for each, so that none waits for another, nor for a slow host or report. What cannot be
renewed is said once and asked again: a host's schedule goes on without us. No answer, whatever it
is, ends a thread.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from faults.host.boottime import boottime_ns
from faults.model.fault import SECOND_NS
from harness.errors import RunError
from harness.remote.agent_channel import Reply
from harness.testbed.lock import LOCKED, HostLock, refusals
from harness.testbed.power import Provider

LOCK_TTL_NS = 60 * SECOND_NS
LOCK_TTL_MAX_NS = 24 * 3600 * SECOND_NS
"""No host keeps a lock longer; it is renewed all the while."""
LOCK_EVERY_S = 15.0
RETRY_S = 1.0
LEASE_PART = 3
"""A lease is renewed this many times before it would end."""


@dataclass(frozen=True, slots=True)
class _Lease:
    trial: str
    lease_ns: int

    @property
    def pause_s(self) -> float:
        return self.lease_ns / SECOND_NS / LEASE_PART


class Keeper:
    """Mutable: renews from `with` until its end; `lost` says who else has the lab by now."""

    def __init__(self, lock: HostLock) -> None:
        self._lock = lock
        self._lease: _Lease | None = None
        self._provider: Provider | None = None
        self._until_ns = 0
        self.lost = ""
        self.news: deque[str] = deque()
        """Lines for the operator, oldest first; whoever shows them takes them out."""
        self._renewals = (
            _Renewal("lock", self._renew_lock, self.news),
            _Renewal("lease", self._renew_lease, self.news),
            _Renewal("provider", self._renew_provider, self.news),
        )

    def __enter__(self) -> Keeper:
        for each in self._renewals:
            each.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._renewals:
            each.end()
        for each in self._renewals:
            each.thread.join()

    def attend(self, provider: Provider | None) -> None:
        """Ask this provider's agent often enough that it stays, until the next is given."""
        self._provider = provider
        self._wake()

    def armed(self, trial: str, *, until_ns: int, lease_ns: int | None) -> None:
        """Have the lock last until until_ns (boot time), whatever becomes of us.

        lease_ns: the trial's own lease, renewed on the hosts and at the provider until `disarmed`;
        None: it needs no renewing.
        """
        self._until_ns = until_ns
        self._lease = None if lease_ns is None else _Lease(trial, lease_ns)
        self._wake()

    def disarmed(self) -> None:
        """Renew no lease any more, and the lock for a minute at a time."""
        self._lease, self._until_ns = None, 0
        self._wake()

    def _wake(self) -> None:
        for each in self._renewals:
            each.woken.set()

    def _renew_lock(self, told: _Told) -> float:
        ttl_ns = min(LOCK_TTL_MAX_NS, max(LOCK_TTL_NS, self._until_ns - boottime_ns()))
        replies = self._lock.renew(ttl_ns=ttl_ns)
        for host, detail in refusals(replies).items():
            self.lost = self.lost or f"{host}: {detail}"
        told.about(replies, "lock", "it is ours there until it ends")
        return LOCK_EVERY_S

    def _renew_lease(self, told: _Told) -> float:
        lease = self._lease
        if lease is None:
            return LOCK_EVERY_S
        replies = self._lock.remote.ctl_all(
            "renew", lane="renewals", trial=lease.trial, lease_ns=lease.lease_ns,
            timeout_s=lease.pause_s,
        )  # fmt: skip
        if self._lease is lease:
            told.about(replies, "lease", "it heals when the lease ends")
        return lease.pause_s

    def _renew_provider(self, told: _Told) -> float:
        lease, provider = self._lease, self._provider
        if provider is not None and lease is not None:
            provider.renew(lease.trial, lease.lease_ns)
        elif provider is not None:
            provider.status()
        return LOCK_EVERY_S if lease is None else min(LOCK_EVERY_S, lease.pause_s)


class _Told:
    """Mutable: which hosts were said to be away, so that each is said once."""

    def __init__(self, news: deque[str]) -> None:
        self._news = news
        self._silent: set[str] = set()

    def about(self, replies: Mapping[str, Reply], what: str, then: str) -> None:
        """Say on which hosts it was not renewed, what comes then, and where it is again."""
        heard = ("not_armed", LOCKED)
        away = {host: reply for host, reply in replies.items() if reply.ok is None}
        silent = {host for host, reply in away.items() if reply.reason not in heard}
        for host in sorted(silent - self._silent):
            self._news.append(f"{host}: {what} not renewed ({replies[host].reason}); {then}")
        for host in sorted(self._silent - silent):
            late = replies[host].detail
            self._news.append(
                f"{host}: " + (f"too late: {late}" if late else f"{what} renewed again")
            )
        self._silent = silent


class _Renewal:
    """One thing renewed by a thread of its own; renew returns for how many seconds it is well."""

    def __init__(self, name: str, renew: Callable[[_Told], float], news: deque[str]) -> None:
        self.woken = threading.Event()
        self.thread = threading.Thread(target=self._keep, name=f"keeper-{name}", daemon=True)
        self._name = name
        self._renew = renew
        self._news = news
        self._ended = threading.Event()

    def end(self) -> None:
        """Renew nothing more, once what is under way is answered."""
        self._ended.set()
        self.woken.set()

    def _keep(self) -> None:
        told, problem = _Told(self._news), ""
        while not self._ended.is_set():
            begun = time.monotonic()
            self.woken.clear()
            before, problem = problem, ""
            try:
                pause_s = self._renew(told)
            except RunError as error:
                pause_s, problem = RETRY_S, str(error)
            except Exception as error:  # whatever it is, the next renewal has to come
                pause_s, problem = RETRY_S, f"{self._name}: not renewed: {error!r}"
            if problem != before:
                self._news.append(problem or f"{self._name}: renewed again")
            self.woken.wait(max(0.0, pause_s - (time.monotonic() - begun)))
