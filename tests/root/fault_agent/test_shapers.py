"""What shapers do to the node's packets, counted with numbered datagrams between two namespaces.

The queue treats what arrives here from there; rules of nft send what leaves here twice.
"""

from __future__ import annotations

import itertools
import socket
import time
from typing import Any

import pytest

from tests.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.slow]

S = 1_000_000_000
MS = 1_000_000
HERE, THERE, PORT, FREE_PORT = "10.9.0.1", "10.9.0.2", 9000, 5555
BATCH = 20


def begun(bench: Any, kind: str, capability: str, how: str, **asked: int) -> dict[str, Any]:
    """Return the snapshot from before a fault that is in force now."""
    bench.start_agent()
    if not bench.ask("hello")["capabilities"][capability]:
        pytest.skip(f"this kernel has no {capability}")
    before = bench.ask("snapshot")
    wire = {
        "id": "x", "fault": kind, "at_ns": 3 * S, "for_ns": 300 * S, "interface": "eth0",
        "node_port": PORT, "peers": [{"host": "n2", "address": THERE}], "seed": 5, "how": how,
    }  # fmt: skip
    bench.arm(wire | asked)
    wait_until(lambda: bench.state("x") in ("installed", "indeterminate", "failed"), "begun")
    assert bench.state("x") == "installed", bench.records("x")[-1]
    return dict(before)


def healed(bench: Any, before: dict[str, Any]) -> dict[str, Any]:
    """Return what was counted of the fault, all of which is gone now."""
    assert bench.ask("heal") == {"healed": ["x"], "left": []}
    assert bench.ask("snapshot") == before
    return dict(bench.records("x")[-1]["read_back"])


def passed(bench: Any, count: int, *, to_here: bool = True, size: int = 60) -> list[int]:
    """Return the numbers of count datagrams as they arrive on the far side; each is as sent."""
    sender, receiver = (bench.there, bench.here) if to_here else (bench.here, bench.there)
    ends = ((THERE, FREE_PORT), (HERE, PORT)) if to_here else ((HERE, PORT), (THERE, FREE_PORT))
    found: list[int] = []
    with bench.socket_in(sender) as out, bench.socket_in(receiver) as into:
        into.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        into.bind(ends[1])
        into.setblocking(False)
        out.bind(ends[0])
        out.connect(ends[1])
        for number in range(count):
            out.send(number.to_bytes(4, "big") * (size // 4))
            if number % BATCH == BATCH - 1:
                time.sleep(0.002)
                found += drained(into, size)
        quiet_s = time.monotonic() + 1.0
        while time.monotonic() < quiet_s:
            if fresh := drained(into, size):
                found += fresh
                quiet_s = time.monotonic() + 1.0
            time.sleep(0.01)
    return found


def drained(into: socket.socket, size: int) -> list[int]:
    found = []
    while True:
        try:
            data = into.recv(2_000)
        except BlockingIOError:
            return found
        found.append(int.from_bytes(data[:4], "big"))
        assert data == data[:4] * (size // 4), "what is read is as it was sent"


def test_losses_come_in_bursts_of_the_length_asked(bench: Any) -> None:
    before = begun(bench, "loss", "nfqueue", "queue", share_ppm=200_000, burst=6)
    found = passed(bench, 6_000)
    lost = sorted(set(range(6_000)) - set(found))
    runs = 1 + sum(b - a > 1 for a, b in itertools.pairwise(lost))
    assert 0.13 < len(lost) / 6_000 < 0.27
    assert 4.5 < len(lost) / runs < 8
    counted = healed(bench, before)
    assert counted["dropped"] == {"input": len(lost)}
    assert counted["holder"]["bursts"] == runs


def test_what_is_corrupted_is_never_read_and_the_rest_is_whole(bench: Any) -> None:
    before = begun(bench, "corrupt", "nfqueue", "queue", share_ppm=300_000)
    found = passed(bench, 3_000, size=600)
    assert found == sorted(found)
    counted = healed(bench, before)["holder"]
    assert 3_000 - len(found) == counted["corrupted"]
    assert 0.25 < counted["corrupted"] / 3_000 < 0.35


def test_late_packets_are_overtaken(bench: Any) -> None:
    before = begun(bench, "reorder", "nfqueue", "queue", share_ppm=250_000, by_ns=20 * MS)
    found = passed(bench, 2_000)
    assert sorted(found) == list(range(2_000))
    assert found != sorted(found)
    assert 0.2 < healed(bench, before)["holder"]["reordered"] / 2_000 < 0.3


def test_no_more_passes_than_the_rate(bench: Any) -> None:
    before = begun(bench, "rate", "nfqueue", "queue", rate_bps=1_000_000)
    start_s = time.monotonic()
    found = passed(bench, 100, size=1_220)
    least_s = 100 * 8 * (1_220 + 28) / 1e6
    assert found == list(range(100))
    assert time.monotonic() - start_s > least_s, "waiting for a busy processor only adds to it"
    assert healed(bench, before)["holder"]["bits_max"] == 100 * 8 * (1_220 + 28)


def test_the_share_asked_leaves_twice(bench: Any) -> None:
    before = begun(bench, "duplicate", "duplicate", "nft", share_ppm=300_000)
    found = passed(bench, 3_000, to_here=False)
    assert set(found) == set(range(3_000))
    twice = len(found) - 3_000
    assert 0.25 < twice / 3_000 < 0.35
    assert passed(bench, 200) == list(range(200)), "what arrives is left alone"
    counted = healed(bench, before)
    assert counted["seen"] == len(found), "a copy meets the rules, too"
    assert 0.25 < counted["twice"] / counted["seen"] < 0.35
