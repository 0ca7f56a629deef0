"""Cuts and losses hit the node's flows in the direction asked, as much as asked, and nothing else.

Counted with numbered datagrams between two network namespaces, one real agent in the first.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import time
from pathlib import Path

import pytest

from faults.durable.undo_timer import GRACE_NS
from faults.host.nft_readback import ENDS_EARLY_NS
from tests.waiting import wait_until

pytestmark = pytest.mark.root

S = 1_000_000_000
PROJECT = Path(__file__).resolve().parents[3]
HERE, THERE = "10.9.0.1", "10.9.0.2"
HERE_6, THERE_6 = "fd99::1", "fd99::2"
PORT, CLOCK_PROBE_PORT, SSH_PORT, NTP_PORT, FREE_PORT = 9000, 9001, 22, 123, 5555


def arrived(bench, count: int, *, to_here: bool, port: int = PORT) -> int:
    """Return how many of count datagrams between port and a free port arrive on the far side."""
    sender, receiver = (bench.there, bench.here) if to_here else (bench.here, bench.there)
    ends = ((THERE, FREE_PORT), (HERE, port)) if to_here else ((HERE, port), (THERE, FREE_PORT))
    seen = 0
    with bench.socket_in(sender) as out, bench.socket_in(receiver) as into:
        into.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        into.bind(ends[1])
        into.setblocking(False)
        out.bind(ends[0])
        out.connect(ends[1])
        for number in range(count):
            out.send(b"%d" % number)
            if number % 50 == 49:
                seen += drained(into)
        until = time.monotonic() + 0.5
        while seen < count and time.monotonic() < until:
            seen += drained(into)
    return seen


def drained(into: socket.socket) -> int:
    count = 0
    while True:
        try:
            into.recv(100)
        except BlockingIOError:
            return count
        count += 1


def cut(**changes: object) -> dict[str, object]:
    wire = {
        "id": "cut-1", "fault": "cut", "at_ns": 2 * S, "for_ns": 4 * S,
        "blocked_in": [THERE], "blocked_out": [], "node_port": PORT,
    }  # fmt: skip
    return wire | changes


def loss(share_ppm: int) -> dict[str, object]:
    return {
        "id": "loss-1", "fault": "loss", "at_ns": 2 * S, "for_ns": 5 * S,
        "interface": "eth0", "how": "nft", "peers": [{"host": "n2", "address": THERE}],
        "share_ppm": share_ppm, "node_port": PORT,
    }  # fmt: skip


def test_a_one_way_cut_is_one_way(bench) -> None:
    bench.start_agent()
    before = bench.ask("snapshot")
    bench.arm(cut())
    wait_until(lambda: bench.state("cut-1") == "installed", "installed")
    assert arrived(bench, 100, to_here=True) == 0
    assert arrived(bench, 100, to_here=False) == 100
    wait_until(lambda: bench.state("cut-1") == "healed", "healed")
    assert arrived(bench, 100, to_here=True) == 100
    healed = bench.records("cut-1")[-1]
    from_ns, to_ns = healed["between_ns"]
    # On a stalled machine the dead man takes the table away, and its counters with it.
    met = {"input": 100, "output": 0} if to_ns - from_ns < GRACE_NS else {}
    assert healed["read_back"]["dropped"] == met
    assert bench.ask("snapshot") == before


def test_a_reset_tells_whoever_sends_over_the_cut_and_hides_nothing_else(bench) -> None:
    for namespace, address in ((bench.here, HERE_6), (bench.there, THERE_6)):
        words = f"ip addr add {address}/64 dev eth0 nodad".split()
        bench.run(*words, namespace=namespace)
    host = bench.root / "host.json"
    told = json.loads(host.read_text())
    told["peers"].append({"host": "n3", "address": THERE_6})
    host.write_text(json.dumps(told))
    bench.start_agent()
    if not bench.ask("hello")["capabilities"]["reject"]:
        pytest.skip("this kernel has no nft_reject_inet")
    before = bench.ask("snapshot")
    links = [connected(bench, *ends) for ends in ((HERE, THERE), (HERE_6, THERE_6))]
    bench.arm(cut(how="nft reject", blocked_in=[THERE, THERE_6], for_ns=6 * S))
    wait_until(lambda: bench.state("cut-1") == "installed", "installed")
    for into, out in links:
        out.send(b"x")
        with pytest.raises(ConnectionResetError):
            out.recv(1)
        into.settimeout(0.2)
        with pytest.raises(TimeoutError):
            into.recv(1)
    for family, here in ((socket.AF_INET, HERE), (socket.AF_INET6, HERE_6)):
        with bench.socket_in(bench.there, family, socket.SOCK_STREAM) as late:
            late.settimeout(30)
            with pytest.raises(ConnectionRefusedError):
                late.connect((here, PORT))
    assert arrived(bench, 50, to_here=True) == 0, "datagrams have nobody to tell"
    wait_until(lambda: bench.state("cut-1") == "healed", "healed")
    for link in (link for pair in links for link in pair):
        link.close()
    counted = bench.records("cut-1")[-1]["read_back"]
    assert (counted["reset"], counted["dropped"]) == (4, {"input": 54, "output": 0})
    with contextlib.ExitStack() as stack:
        for link in connected(bench, HERE, THERE):
            stack.enter_context(link)
    assert bench.ask("snapshot") == before


def connected(bench, here: str, there: str) -> tuple[socket.socket, socket.socket]:
    """Return both ends of a connection from the far side to the node's port here."""
    family = socket.AF_INET6 if ":" in here else socket.AF_INET
    out = bench.socket_in(bench.there, family, socket.SOCK_STREAM)
    with bench.socket_in(bench.here, family, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((here, PORT))
        listening.listen()
        out.settimeout(30)
        out.bind((there, 0))
        out.connect((here, PORT))
        return listening.accept()[0], out


def test_the_share_asked_is_lost_one_way_within_five_sigma(bench) -> None:
    bench.start_agent()
    if not bench.ask("hello")["capabilities"]["loss"]:
        pytest.skip("this kernel has no nft_numgen")
    bench.arm(loss(300_000))
    wait_until(lambda: bench.state("loss-1") == "installed", "installed")
    sent = 4_000
    five_sigma = 5 * (sent * 0.3 * 0.7) ** 0.5
    got = arrived(bench, sent, to_here=True)
    assert abs(sent - got - 0.3 * sent) < five_sigma
    assert arrived(bench, 500, to_here=False) == 500
    wait_until(lambda: bench.state("loss-1") == "healed", "healed")
    counted = bench.records("loss-1")[-1]["read_back"]
    assert counted["seen"] == sent
    assert abs(counted["dropped"]["input"] - 0.3 * sent) < five_sigma
    assert arrived(bench, 500, to_here=True) == 500
    assert bench.rules() == ""


def test_a_packet_between_two_node_ports_is_drawn_once(bench) -> None:
    bench.start_agent()
    bench.arm(loss(300_000))
    wait_until(lambda: bench.state("loss-1") == "installed", "installed")
    sent, got = 3_000, 0
    with bench.socket_in(bench.here) as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        link.setblocking(False)
        link.bind((HERE, PORT))
        link.connect((THERE, PORT))
        for number in range(sent):
            link.send(b"%d" % number)
            if number % 20 == 19:
                time.sleep(0.002)
                got += drained(link)
        wait_until(lambda: bench.state("loss-1") == "healed", "healed")
        got += drained(link)
    counted = bench.records("loss-1")[-1]["read_back"]
    five_sigma = 5 * (sent * 0.3 * 0.7) ** 0.5
    assert counted["seen"] == got + counted["dropped"]["input"] <= sent
    assert abs(counted["dropped"]["input"] - 0.3 * counted["seen"]) < five_sigma


def test_all_lost_on_the_only_interface_leaves_ssh_time_and_clock_probes_alone(bench) -> None:
    bench.start_agent()
    bench.arm(loss(1_000_000))
    wait_until(lambda: bench.state("loss-1") == "installed", "installed")
    assert arrived(bench, 200, to_here=True) == 0
    for port in (SSH_PORT, NTP_PORT, CLOCK_PROBE_PORT):
        assert arrived(bench, 200, to_here=True, port=port) == 200, port
    wait_until(lambda: bench.state("loss-1") == "healed", "healed")
    assert bench.records("loss-1")[-1]["read_back"]["dropped"] == {"input": 200}
    assert arrived(bench, 200, to_here=True) == 200


def test_read_back_shows_each_member_with_the_time_it_has_left(bench) -> None:
    bench.start_agent()
    armed = bench.arm(cut(blocked_out=[THERE]))
    wait_until(lambda: bench.state("cut-1") == "installed", "installed")
    record = bench.records("cut-1")[-1]
    sets = record["read_back"]["sets"]
    assert {name: [each["address"] for each in found] for name, found in sets.items()} == {
        "blk_in": [THERE], "blk_out": [THERE], "blk_in6": [], "blk_out6": []
    }  # fmt: skip
    read_ns = armed["t0_boottime_ns"] + record["t_ns"]
    deadline_ns = armed["t0_boottime_ns"] + 6 * S
    left_ns = sets["blk_in"][0]["expires_ns"]
    assert deadline_ns - read_ns - ENDS_EARLY_NS <= left_ns <= 4 * S


def test_finding_out_what_a_host_can_do_leaves_nothing_behind(bench) -> None:
    def state() -> tuple[str, ...]:
        looks = ("nft list ruleset", "tc qdisc show", "ip link show", "ip addr show")
        # An address is tentative for its first seconds, whoever looks.
        return tuple(bench.run(*words.split()).replace(" tentative", "") for words in looks)

    before = state()
    code = (
        f"import sys; sys.path.insert(0, {str(PROJECT)!r})\n"
        "from faults.host.capability import capabilities\n"
        "from faults.kinds.registry import CAPABILITY_SHELL\n"
        "from pathlib import Path\n"
        "print(capabilities(CAPABILITY_SHELL, Path('/var/lib/slotlab')))"
    )
    found = bench.run(sys.executable, "-c", code)
    assert "'nft': True" in found
    assert state() == before
