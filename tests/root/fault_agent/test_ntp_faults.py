"""NTP faults between two namespaces: what a client on the host sees, and that nothing stays."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from faults.host.boottime import boottime_ns
from faults.host.clock.ntp_client import MARK, Sample, ask
from faults.host.clock.ntp_packet import difference_ns, question, read_answer, stamp
from faults.host.nft_readback import ENDS_EARLY_NS
from tests.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.slow]

S, MS = 1_000_000_000, 1_000_000
FOUR, SIX = "10.9.0.2", "fd09::2"
T = TypeVar("T")


def inside(namespace: str, work: Callable[[], T]) -> T:
    """Return what work returns, run by a thread that went to the namespace."""
    results: list[T] = []

    def run() -> None:
        with open(f"/run/netns/{namespace}", "rb") as place:
            _setns(place.fileno())
        results.append(work())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return results[0]


def _setns(descriptor: int) -> None:
    import ctypes

    assert ctypes.CDLL(None).setns(descriptor, 0x40000000) == 0


def serve(link: socket.socket, stopping: threading.Event) -> None:
    link.settimeout(0.1)
    while not stopping.is_set():
        with contextlib.suppress(OSError):
            data, client = link.recvfrom(500)
            now = stamp(time.time_ns()).to_bytes(8, "big")
            head = bytes([0x24, 2, 0, 0]) + (0).to_bytes(8, "big") + b"LOCL"
            link.sendto(head + now + data[40:48] + now + now, client)


@pytest.fixture
def lab(bench: Any) -> Iterator[Any]:
    """The bench with a true NTP server on both families of the other side."""
    bench.run("ip", "link", "set", "lo", "up")
    for name, address in ((bench.here, "fd09::1"), (bench.there, SIX)):
        bench.run("ip", "addr", "add", f"{address}/64", "dev", "eth0", "nodad", namespace=name)
    host = json.loads((bench.root / "host.json").read_text())
    (bench.root / "host.json").write_text(json.dumps(host | {"ntp": [FOUR, SIX]}))
    stopping, threads = threading.Event(), []
    for family, address in ((socket.AF_INET, FOUR), (socket.AF_INET6, SIX)):
        link = inside(bench.there, lambda f=family: socket.socket(f, socket.SOCK_DGRAM))  # type: ignore[misc]
        link.bind((address, 123))
        threads.append(threading.Thread(target=serve, args=(link, stopping)))
        threads[-1].start()
    try:
        yield bench
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


def asked(bench: Any, mark: int = 0, within_s: float = 5.0) -> dict[str, Sample]:
    return inside(bench.here, lambda: ask([FOUR, SIX], within_s, mark=mark))


def lie(for_ns: int, by_ns: int = 300 * MS) -> dict[str, object]:
    return {"id": "lie", "fault": "ntp_offset", "at_ns": 4 * S, "for_ns": for_ns, "by_ns": by_ns,
            "servers": [FOUR, SIX]}  # fmt: skip


def until(bench: Any, fault_id: str, states: tuple[str, ...]) -> str:
    wait_until(lambda: bench.state(fault_id) in states, f"{fault_id} is {' or '.join(states)}")
    return str(bench.state(fault_id))


@pytest.mark.parametrize("by_ns", [300 * MS, -2 * S])
def test_servers_lie_by_what_was_asked_and_only_to_this_host(lab: Any, by_ns: int) -> None:
    lab.start_agent()
    before = lab.rules()
    lab.arm(lie(5 * S, by_ns))
    assert until(lab, "lie", ("installed", "indeterminate")) == "installed"
    for server, sample in asked(lab).items():
        assert abs(sample.offset_ns + by_ns) <= sample.bound_ns + MS, server
    for server, sample in asked(lab, MARK).items():
        assert abs(sample.offset_ns) <= sample.bound_ns + MS, server
    found = lab.records("lie")[-1]["read_back"]
    assert set(found["servers"]) == {FOUR, SIX}
    for row in found["servers"].values():
        assert abs(row["ntp_offset_ns"] - by_ns) <= row["bound_ns"] + MS
    assert until(lab, "lie", ("healed", "failed")) == "healed"
    relayed = lab.records("lie")[-1]["read_back"]["relay"]
    assert all(row["asked"] == row["answered"] > 0 for row in relayed.values())
    assert all(abs(each.offset_ns) <= each.bound_ns + MS for each in asked(lab).values())
    assert lab.rules() == before
    assert not list((lab.root / "run").glob("ntp-relay*"))


def test_a_client_that_keeps_its_port_hears_the_truth_at_once_when_the_lie_ends(lab: Any) -> None:
    lab.start_agent()
    link = lab.socket_in(lab.here)
    link.settimeout(60)
    link.bind(("10.9.0.1", 123))
    link.connect((FOUR, 123))

    def ahead_ns() -> int:
        sent = stamp(time.time_ns())
        link.send(question(sent))
        answer = read_answer(link.recv(500))
        assert answer is not None
        assert answer.origin == sent
        return difference_ns(answer.received, sent)

    with link:
        assert ahead_ns() < 30 * S
        lab.arm(lie(3 * S, 60 * S))
        until(lab, "lie", ("installed",))
        assert ahead_ns() >= 60 * S
        until(lab, "lie", ("healed",))
        assert ahead_ns() < 30 * S


def test_a_cut_drops_the_servers_answers_and_nothing_else(lab: Any) -> None:
    lab.start_agent()
    before = lab.rules()
    lab.arm({"id": "cut", "fault": "ntp_cut", "at_ns": 4 * S, "for_ns": 5 * S,
             "servers": [FOUR, SIX]})  # fmt: skip
    assert len(asked(lab)) == 2
    assert until(lab, "cut", ("installed", "indeterminate")) == "installed"
    assert asked(lab, within_s=0.5) == {}
    assert lab.passes()
    assert until(lab, "cut", ("healed", "failed")) == "healed"
    assert lab.records("cut")[-1]["read_back"]["dropped"]["input"] >= 2
    assert len(asked(lab)) == 2
    assert lab.rules() == before


def test_without_an_agent_the_lie_ends_all_the_same(lab: Any) -> None:
    agent = lab.start_agent()
    before = lab.rules()
    lab.arm(lie(5 * S, 60 * S))
    until(lab, "lie", ("installed",))
    deadline_ns = lab.ask("status")["ledger"][0]["deadline_ns"]
    agent.send_signal(signal.SIGKILL)
    agent.wait()
    assert asked(lab)[FOUR].offset_ns < -30 * S

    def true() -> bool:
        answers = asked(lab)
        return FOUR in answers and abs(answers[FOUR].offset_ns) < 30 * S

    wait_until(true, "the lie ends")
    assert boottime_ns() > deadline_ns - ENDS_EARLY_NS
    wait_until(lambda: lab.rules() == before, "no rule is left")
    wait_until(lambda: not list((lab.root / "run").glob("ntp-relay*")), "no file is left")


def test_a_relay_that_dies_is_told(lab: Any) -> None:
    lab.start_agent()
    lab.arm(lie(400 * S))
    until(lab, "lie", ("installed",))
    pid = int(next((lab.root / "run").glob("ntp-relay*.pid")).read_text())
    os.kill(pid, signal.SIGKILL)
    assert until(lab, "lie", ("healed", "failed")) == "failed"
    assert "relay had ended" in lab.records("lie")[-1]["reason"]


def test_only_the_servers_of_the_host_may_be_named(lab: Any) -> None:
    lab.start_agent()
    wire = lie(S) | {"servers": ["10.9.0.77"]}
    reply = lab.try_ask(
        "arm", trial="t", t0_wall_ns=time.time_ns(), lease_ns=600 * S, faults=[wire]
    )
    assert reply["error"]["reason"] == "unknown_server"
