"""Claims about the prober, as a real process on loopback addresses of its own.

1. Two probers measure each other on both flows, and tell how their machine is; stamps are in
   order, seqs without gaps.
2. A peer that answers late, twice, or from elsewhere is counted for what it is.
3. A peer that is not there is a burst with nothing received.
4. Strangers get no answer, and no reply is larger than its request.
5. A port that is taken is one line and status 2; SIGTERM is an orderly end with status 0.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from node.timing.probe_frame import FRAME_BYTES, Request, pack_reply, pack_request, unpack
from tests.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]
_NUMBERS = itertools.count(1)


def own_address() -> str:
    """Return a loopback address nobody else on this machine uses."""
    return f"127.{1 + os.getpid() // 250 % 250}.{1 + os.getpid() % 250}.{next(_NUMBERS)}"


def free_ports(address: str) -> tuple[int, int]:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two,
    ):
        one.bind((address, 0))
        two.bind((address, 0))
        return one.getsockname()[1], two.getsockname()[1]


class Host:
    """One prober: its folder, its addresses, its process."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name, self.folder, self.address = name, folder / name, own_address()
        self.node_port, self.probe_port = free_ports(self.address)
        self.process: subprocess.Popen[str] | None = None

    def as_peer(self) -> dict[str, object]:
        return {
            "host": self.name, "address": self.address, "node_port": self.node_port,
            "probe_port": self.probe_port, "curve_public": "",
        }  # fmt: skip

    def start(self, peers: list[dict[str, object]]) -> None:
        self.folder.mkdir(exist_ok=True)
        config = {
            "host": self.name, "genesis": "g", "state_dir": "s", "events_dir": "events",
            "listen": self.address, "node_port": self.node_port, "probe_port": self.probe_port,
            "socket": "i", "curve_secret_file": "c", "peers": peers,
        }  # fmt: skip
        path = self.folder / "node.json"
        path.write_text(json.dumps(config))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "node", "probe", str(path)],
            cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        path = self.folder / "events" / "probe.jsonl"
        if not path.exists():
            return []
        lines = path.read_text().splitlines(keepends=True)
        events = [json.loads(line) for line in lines if line.endswith("\n")]
        return [event for event in events if kind in (None, event["kind"])]

    def end(self) -> tuple[int, str]:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, errors


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Callable[[str], Host]]:
    made: list[Host] = []

    def make(name: str) -> Host:
        made.append(Host(tmp_path, name))
        return made[-1]

    yield make
    for host in made:
        if host.process is not None and host.process.poll() is None:
            host.process.kill()
            host.process.communicate()


def test_two_probers_measure_each_other_on_both_flows(hosts: Callable[[str], Host]) -> None:
    a, b = hosts("a"), hosts("b")
    a.start([b.as_peer()])
    b.start([a.as_peer()])

    def bursts(host: Host, flow: str) -> list[dict[str, Any]]:
        return [e for e in host.events("probe") if e["flow"] == flow and e["received"] == 8]

    for host in (a, b):
        for flow in ("clock", "path"):
            wait_until(lambda h=host, f=flow: len(bursts(h, f)) >= 3, "bursts")
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    for host, peer in ((a, "b"), (b, "a")):
        assert host.end() == (0, "")
        events = host.events()
        assert [e["seq"] for e in events] == list(range(len(events)))
        assert events[0]["kind"] == "started"
        assert events[0]["role"] == "probe"
        assert host.events("machine")[0]["processors"] == psutil.cpu_count()
        assert (events[-1]["kind"], events[-1]["reason"]) == ("stopped", "SIGTERM")
        for event in bursts(host, "clock") + bursts(host, "path"):
            assert (event["peer"], event["peer_boot"], event["node"]) == (
                peer, boot, f"{host.name}.probe",
            )  # fmt: skip
            t1, t2, t3, t4 = (event[f"t{n}_ns"] for n in (1, 2, 3, 4))
            assert t1 < t2 <= t3 < t4
            assert min(event["rtts_ns"]) == (t4 - t1) - (t3 - t2)
            assert len(event["rtts_ns"]) == event["sent"] == 8


def test_late_answers_count_and_doubled_and_foreign_ones_do_not(
    hosts: Callable[[str], Host], tmp_path: Path
) -> None:
    a, stub = hosts("a"), hosts("stub")
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere,
    ):
        sock.bind((stub.address, stub.probe_port))
        sock.settimeout(DEADLINE_S)
        elsewhere.bind((stub.address, 0))
        a.start([stub.as_peer()])
        tokens = []
        while len(tokens) < 8:
            data, sender = sock.recvfrom(100)
            request = unpack(data)
            assert isinstance(request, Request)
            tokens.append(request.token)
        late = threading.Timer(0.5, lambda: [sock.sendto(f, sender) for f in answers])
        answers = [pack_reply(token, 10, 20, bytes(16)) for token in tokens[:3] for _ in range(2)]
        late.start()
        elsewhere.sendto(pack_reply(tokens[4], 10, 20, bytes(16)), sender)
        elsewhere.sendto(b"x" * FRAME_BYTES, sender)
        late.join()
        wait_until(lambda: {e["flow"] for e in a.events("probe")} == {"clock", "path"}, "bursts")
    assert a.end() == (0, "")
    burst = next(e for e in a.events("probe") if e["flow"] == "clock")
    assert (burst["sent"], burst["received"]) == (8, 3)
    assert all(rtt > 0.4e9 for rtt in burst["rtts_ns"])
    path = next(e for e in a.events("probe") if e["flow"] == "path")
    assert (path["sent"], path["received"], path["t1_ns"], path["rtts_ns"]) == (8, 0, 0, [])


def test_strangers_get_no_answer_and_replies_are_no_larger_than_requests(
    hosts: Callable[[str], Host],
) -> None:
    a, stub = hosts("a"), hosts("stub")
    a.start([stub.as_peer()])
    wait_until(lambda: bool(a.events("started")), "start")
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as friend,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
    ):
        friend.bind((stub.address, 0))
        stranger.bind((own_address(), 0))
        friend.settimeout(0.2)
        answered: list[bytes] = []

        def ask() -> bool:
            stranger.sendto(pack_request(b"stranger"), (a.address, a.probe_port))
            friend.sendto(pack_request(b"abcdefgh"), (a.address, a.probe_port))
            try:
                answered.append(friend.recv(1000))
            except OSError:
                return False
            return True

        wait_until(ask, "an answer")
        assert len(answered[0]) == len(pack_request(b"abcdefgh")) == FRAME_BYTES
        stranger.setblocking(False)
        with pytest.raises(BlockingIOError):
            stranger.recv(1000)
    assert a.end() == (0, "")


def test_a_taken_port_is_one_line_and_status_two(hosts: Callable[[str], Host]) -> None:
    a = hosts("a")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((a.address, a.probe_port))
        a.start([])
        assert a.process is not None
        _, errors = a.process.communicate(timeout=DEADLINE_S)
    assert a.process.returncode == 2
    assert errors == (
        f"node: listen {a.address}, UDP port {a.probe_port} (clock probes): "
        "Address already in use; free it or choose another port\n"
    )
