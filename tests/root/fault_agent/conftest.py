"""A bench of two hosts: network namespaces, a cable, an echo server and real agents."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import wait_until

S = 1_000_000_000
HERE, THERE = "10.9.0.1", "10.9.0.2"
PORT = 9000
PROJECT = Path(__file__).resolve().parents[3]


@dataclass
class Bench:
    """Namespace `here` runs the agent, `there` answers UDP datagrams on any port asked for."""

    root: Path
    here: str
    there: str
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, *words: str, namespace: str = "") -> str:
        inside = ("ip", "netns", "exec", namespace or self.here, *words)
        return subprocess.run(inside, check=True, capture_output=True, text=True).stdout

    def start_agent(self) -> subprocess.Popen[bytes]:
        words = (sys.executable, "-m", "faults", "--root", str(self.root), "agent")
        agent = subprocess.Popen(("ip", "netns", "exec", self.here, *words), cwd=PROJECT)
        self.processes.append(agent)
        wait_until(lambda: "ok" in self.try_ask("hello"), "the agent answers")
        return agent

    def try_ask(self, op: str, **arguments: object) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as link, contextlib.suppress(OSError):
            link.settimeout(30)
            link.connect(str(self.root / "run" / "agent.sock"))
            link.sendall(json.dumps({"v": 1, "id": 1, "op": op, **arguments}).encode() + b"\n")
            line = link.makefile("rb").readline()
            return dict(json.loads(line)) if line else {}
        return {}

    def ask(self, op: str, **arguments: object) -> dict[str, Any]:
        reply = self.try_ask(op, **arguments)
        assert "ok" in reply, reply
        return dict(reply["ok"])

    def arm(self, *faults: dict[str, object], lease_ns: int = 600 * S) -> dict[str, Any]:
        """Arm with T0 right now; at_ns then counts from this call.

        The lease ends long after every wait has failed, so that it is not what ends a fault.
        """
        return self.ask(
            "arm", trial="t", t0_wall_ns=time.time_ns(), lease_ns=lease_ns, faults=list(faults)
        )

    def records(self, fault_id: str) -> list[dict[str, Any]]:
        text = (self.root / "state" / "agent" / "agent.jsonl").read_text()
        records = [json.loads(line) for line in text.splitlines()]
        return [each for each in records if each["fault"] == fault_id]

    def state(self, fault_id: str) -> str:
        return str(self.records(fault_id)[-1]["state"])

    def rules(self) -> str:
        return self.run("nft", "list", "ruleset")

    def round_trips_ms(self, count: int, port: int = PORT, gap_s: float = 0.005) -> list[float]:
        """Return the round trips of UDP echoes; what is lost for 0.5 s is missing."""
        link = self.socket_in(self.here)
        with link:
            link.bind((HERE, 0))
            link.connect((THERE, port))
            times = []
            for number in range(count):
                start = time.perf_counter()
                with contextlib.suppress(OSError):
                    link.send(str(number).encode())
                if select.select([link], [], [], 0.5)[0]:
                    with contextlib.suppress(OSError):
                        link.recv(100)
                        times.append((time.perf_counter() - start) * 1000)
                time.sleep(gap_s)
        return times

    def passes(self, port: int = PORT) -> bool:
        return len(self.round_trips_ms(1, port)) == 1

    def socket_in(
        self, namespace: str, family: int = socket.AF_INET, kind: int = socket.SOCK_DGRAM
    ) -> socket.socket:
        """Return a socket that lives in namespace, made by a thread that went there."""
        made: list[socket.socket] = []

        def make() -> None:
            with open(f"/run/netns/{namespace}", "rb") as place:
                setns(place.fileno())
            made.append(socket.socket(family, kind))

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        return made[0]


def setns(descriptor: int) -> None:
    import ctypes

    clone_newnet = 0x40000000
    assert ctypes.CDLL(None, use_errno=True).setns(descriptor, clone_newnet) == 0


def _echo(link: socket.socket, stopping: threading.Event) -> None:
    link.settimeout(0.1)
    while not stopping.is_set():
        with contextlib.suppress(OSError):
            data, sender = link.recvfrom(2000)
            link.sendto(data, sender)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with _made(tmp_path) as made:
        yield made


@pytest.fixture
def benches(tmp_path: Path) -> Iterator[Callable[[int], list[Bench]]]:
    """Makes as many benches as asked for, all alike and apart."""
    with contextlib.ExitStack() as stack:

        def make(count: int) -> list[Bench]:
            folders = [tmp_path / str(number) for number in range(count)]
            for folder in folders:
                folder.mkdir()
            return [stack.enter_context(_made(folder)) for folder in folders]

        yield make


@contextlib.contextmanager
def _made(folder: Path) -> Iterator[Bench]:
    if os.geteuid() != 0 or not shutil.which("nft") or not shutil.which("ip"):
        pytest.skip("needs root, iproute2 and nftables")
    unique = uuid.uuid4().hex[:8]
    made = Bench(folder, f"slfa{unique}", f"slfb{unique}")
    stopping = threading.Event()
    threads: list[threading.Thread] = []
    try:
        for name in (made.here, made.there):
            subprocess.run(("ip", "netns", "add", name), check=True)
        cable = f"link add eth0 netns {made.here} type veth peer name eth0 netns {made.there}"
        subprocess.run(("ip", *cable.split()), check=True)
        for name, address in ((made.here, HERE), (made.there, THERE)):
            made.run("ip", "addr", "add", f"{address}/24", "dev", "eth0", namespace=name)
            made.run("ip", "link", "set", "eth0", "up", namespace=name)
        for port in (PORT, PORT + 1):
            link = made.socket_in(made.there)
            link.bind((THERE, port))
            threads.append(threading.Thread(target=_echo, args=(link, stopping), daemon=True))
            threads[-1].start()
        peers = [{"host": "n2", "address": THERE}]
        host = {"host": "n1", "interface": "eth0", "node_port": PORT, "peers": peers}
        (folder / "host.json").write_text(json.dumps(host))
        yield made
    finally:
        stopping.set()
        for process in made.processes:
            process.kill()
            process.wait()
        for thread in threads:
            thread.join()
        for name in (made.here, made.there):
            subprocess.run(("ip", "netns", "del", name), check=False)


def _partition(at_ns: int = 0, for_ns: int = S, **changes: object) -> dict[str, object]:
    wire = {
        "id": "partition-1", "fault": "partition", "at_ns": at_ns, "for_ns": for_ns,
        "blocked_in": [THERE], "blocked_out": [], "node_port": PORT,
    }  # fmt: skip
    return wire | changes


def _delay(at_ns: int, for_ns: int, delay_ns: int, jitter_ns: int = 0) -> dict[str, object]:
    row = {"host": "n2", "address": THERE, "delay_ns": delay_ns, "jitter_ns": jitter_ns}
    return {
        "id": "delay-1", "fault": "delay", "at_ns": at_ns, "for_ns": for_ns, "interface": "eth0",
        "node_port": PORT, "peers": [row],
        "seed": 3,
    }  # fmt: skip


@pytest.fixture
def partition() -> Callable[..., dict[str, object]]:
    return _partition


@pytest.fixture
def delay() -> Callable[..., dict[str, object]]:
    return _delay
