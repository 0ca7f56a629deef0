"""The lock on the hosts: taken by all or by none, told by name, kept alive, given back."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from faults.agent.service import IDLE_S
from faults.host.boottime import boottime_ns
from harness.errors import LockError, RunError
from harness.orchestrator import lease_renewer as keeping
from harness.orchestrator.lease_renewer import Keeper
from harness.remote.agent_channel import Reply
from harness.remote.fan_out import Remote
from harness.testbed import lock
from harness.testbed.lock import HostLock, hold_hosts
from harness.testbed.power import Provider
from tests.unit.harness_testbed.test_armed import dead_owner
from tests.waiting import wait_until

MINUTE_NS = 60_000_000_000


@dataclass
class Hosts:
    """Hosts that lock as agents do; without: no agent there; renewed counts leases."""

    names: tuple[str, ...] = ("n1", "n2")
    without: frozenset[str] = frozenset()
    owners: dict[str, str] = field(default_factory=dict)
    ttls_ns: list[int] = field(default_factory=list)
    renewed: int = 0

    def ctl_all(self, op: str, *, timeout_s: float = 10, **fields: Any) -> dict[str, Reply]:
        return self.ctl({name: {"op": op, **fields} for name in self.names})

    def ctl(
        self, requests: Mapping[str, Mapping[str, Any]], *, timeout_s: float = 10
    ) -> dict[str, Reply]:
        return {host: self._answer(host, request) for host, request in requests.items()}

    def _answer(self, host: str, request: Mapping[str, Any]) -> Reply:
        if host in self.without:
            return Reply(host=host, reason="no_agent", detail="not deployed")
        holder, asker = self.owners.get(host, ""), request.get("owner", "")
        match request["op"]:
            case "lock":
                if holder and holder != asker:
                    detail = f"{holder} runs campaign x until 12:00 UTC (30 s left)"
                    return Reply(host=host, reason="locked", detail=detail)
                self.owners[host] = asker
                self.ttls_ns.append(request["ttl_ns"])
            case "unlock":
                if holder == asker:
                    self.owners.pop(host, None)
            case "hello":
                return Reply(host=host, ok={"lock": {"owner": holder} if holder else None})
            case "renew":
                self.renewed += 1
        return Reply(host=host, ok={})


def remote(hosts: Hosts) -> Remote:
    return cast(Remote, hosts)


def test_the_lab_is_ours_while_the_block_runs_and_free_after_it() -> None:
    hosts = Hosts()
    with hold_hosts(remote(hosts), "deploy"):
        assert set(hosts.owners.values()) == {lock.owner()}
        assert set(hosts.owners) == {"n1", "n2"}
    assert hosts.owners == {}


def test_a_second_owner_is_told_who_and_until_when_and_takes_nothing() -> None:
    hosts = Hosts(owners={"n2": "ann@desk:7"})
    with pytest.raises(LockError) as caught, hold_hosts(remote(hosts), "deploy"):
        pass
    assert "n2: ann@desk:7 runs campaign x until 12:00 UTC" in str(caught.value)
    assert hosts.owners == {"n2": "ann@desk:7"}


def test_hosts_without_an_agent_are_passed_over() -> None:
    hosts = Hosts(without=frozenset({"n1"}))
    with hold_hosts(remote(hosts), "deploy"):
        assert set(hosts.owners) == {"n2"}


def test_a_lock_of_a_process_of_ours_that_has_died_does_not_stand_in_the_way() -> None:
    gone = dead_owner()
    with hold_hosts(remote(Hosts(owners={"n1": gone, "n2": gone})), "run"):
        pass
    alive = Hosts(owners={"n1": lock.owner(os.getppid())})
    with pytest.raises(LockError), hold_hosts(remote(alive), "run"):
        pass


def test_a_process_is_told_from_later_ones_of_its_pid_also_after_a_reboot() -> None:
    us, _, life = lock.owner().rpartition(":")
    pid, boot, start = life.split(".")
    of_another_boot = f"{us}:{pid}.{'0' * 8}.{start}"
    earlier = f"{us}:{pid}.{boot}.{int(start) - 1}"
    assert [lock.is_dead(name) for name in (lock.owner(), of_another_boot, earlier)] == [
        False,
        True,
        True,
    ]
    assert not any(map(lock.is_dead, (f"ann@desk:{life}", us, f"{us}:", f"{us}:{pid}", "")))


def test_the_lock_lasts_as_long_as_what_is_armed() -> None:
    hosts = Hosts()
    held = HostLock(remote(hosts), "run")
    with Keeper(held) as keeper:
        in_ten_minutes_ns = boottime_ns() + 10 * MINUTE_NS
        keeper.armed("t", until_ns=in_ten_minutes_ns, lease_ns=None)
        wait_until(lambda: hosts.ttls_ns != [] and hosts.ttls_ns[-1] > 9 * MINUTE_NS)
        keeper.disarmed()
        wait_until(lambda: hosts.ttls_ns[-1] <= MINUTE_NS)
    assert hosts.renewed == 0


def test_a_short_lease_is_renewed_until_it_is_disarmed() -> None:
    hosts = Hosts()
    with Keeper(HostLock(remote(hosts), "run")) as keeper:
        keeper.armed("t", until_ns=0, lease_ns=60_000_000)
        wait_until(lambda: hosts.renewed >= 6)
    assert keeper.lost == ""


@dataclass
class Agent:
    """A provider's agent, of which only its being asked matters; none answers when it is gone."""

    gone: bool = False
    asked: int = 0

    def status(self) -> dict[str, object]:
        self.asked += 1
        if self.gone:
            raise RunError("provider: status: its agent does not answer")
        return {}


def test_a_providers_agent_is_asked_so_that_it_stays_while_slow_nodes_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert keeping.LOCK_EVERY_S * 3 < IDLE_S, "it would end by itself between two questions"
    monkeypatch.setattr(keeping, "LOCK_EVERY_S", 0.01)
    first, second = Agent(), Agent(gone=True)
    with Keeper(HostLock(remote(Hosts()), "run")) as keeper:
        keeper.attend(cast(Provider, first))
        wait_until(lambda: first.asked >= 3)
        assert not keeper.news
        keeper.attend(cast(Provider, second))
        wait_until(lambda: second.asked >= 1 and bool(keeper.news))
    assert keeper.news[0] == "provider: status: its agent does not answer"
    assert keeper.lost == ""


@dataclass
class Hanging(Agent):
    """A provider's agent that takes a question and gives no answer until it is let go."""

    go: threading.Event = field(default_factory=threading.Event)

    def status(self) -> dict[str, object]:
        self.asked += 1
        assert self.go.wait(10)
        return {}


def test_a_provider_that_hangs_holds_up_neither_lock_nor_lease(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keeping, "LOCK_EVERY_S", 0.01)
    hosts, provider = Hosts(), Hanging()
    with Keeper(HostLock(remote(hosts), "run")) as keeper:
        keeper.attend(cast(Provider, provider))
        wait_until(lambda: provider.asked == 1)
        locked, renewed = len(hosts.ttls_ns), hosts.renewed
        keeper.armed("t", until_ns=0, lease_ns=60_000_000)
        wait_until(lambda: len(hosts.ttls_ns) > locked + 4 and hosts.renewed > renewed + 4)
        assert provider.asked == 1
        provider.go.set()


@dataclass
class Strange(Hosts):
    """Hosts of which one answer, whatever its kind, is what no caller expects."""

    failing: set[str] = field(default_factory=set)

    def ctl_all(self, op: str, *, timeout_s: float = 10, **fields: Any) -> dict[str, Reply]:
        if op in self.failing:
            raise KeyError("ok")
        return super().ctl_all(op, timeout_s=timeout_s, **fields)


@pytest.mark.parametrize(("op", "name"), [("lock", "lock"), ("renew", "lease")])
def test_no_answer_ends_the_renewing_in_silence(
    op: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "LOCK_EVERY_S", 0.01)
    monkeypatch.setattr(keeping, "RETRY_S", 0.01)
    hosts = Strange(failing={op})
    with Keeper(HostLock(remote(hosts), "run")) as keeper:
        keeper.armed("t", until_ns=0, lease_ns=60_000_000)
        wait_until(lambda: bool(keeper.news))
        before = len(hosts.ttls_ns) if op == "lock" else hosts.renewed
        hosts.failing.clear()
        wait_until(lambda: (len(hosts.ttls_ns) if op == "lock" else hosts.renewed) > before + 2)
        wait_until(lambda: len(keeper.news) == 2)
    assert list(keeper.news) == [f"{name}: not renewed: KeyError('ok')", f"{name}: renewed again"]


def test_a_host_whose_lock_cannot_be_renewed_is_said_once_and_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keeping, "LOCK_EVERY_S", 0.01)
    hosts = Hosts(without=frozenset({"n1"}))
    with Keeper(HostLock(remote(hosts), "run")) as keeper:
        wait_until(lambda: len(hosts.ttls_ns) > 4)
        hosts.without = frozenset()
        wait_until(lambda: len(keeper.news) == 2)
    assert list(keeper.news) == [
        "n1: lock not renewed (no_agent); it is ours there until it ends",
        "n1: lock renewed again",
    ]


def test_a_lab_that_another_owner_has_by_now_is_lost() -> None:
    hosts = Hosts(owners={"n1": "ann@desk:7"})
    with Keeper(HostLock(remote(hosts), "run")) as keeper:
        keeper.disarmed()
        wait_until(lambda: keeper.lost != "")
    assert keeper.lost.startswith("n1: ann@desk:7 runs campaign x")
