"""Two virtual machines with a fault agent each, and the round trips that one measures to the other.

The lab is made for the module and taken down after it; SLOTLAB_VM_LAB names one to use as it is.
"""

from __future__ import annotations

import io
import json
import os
import shlex
import statistics
import subprocess
import tarfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from harness.labs.lifecycle import running, vm_lab
from harness.testbed import lab_teardown

S = 1_000_000_000
PROJECT = Path(__file__).resolve().parents[2]
PORT = 9000
FAR = "/opt/bench"
ENVIRONMENT = f"PYTHONPATH={FAR}:{FAR}/site"

SHARED = ("ControlMaster=auto", "ControlPath=/run/slotlab-vmbench-%C", "ControlPersist=90")
"""One connection a machine: an emulated one takes seconds for each key exchange."""

ASK = f"""
import json, socket, sys, time
request = json.load(sys.stdin)
link = socket.socket(socket.AF_UNIX)
link.connect("{FAR}/root/run/agent.sock")
if "t0_in_ns" in request:
    request["t0_wall_ns"] = time.time_ns() + request.pop("t0_in_ns")
link.sendall(json.dumps(request).encode() + bytes([10]))
print(link.makefile().readline())
"""

ECHO = """
import select, socket
links = [socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for _ in range(2)]
for link, port in zip(links, (9000, 9001)):
    link.bind(("::", port))
while True:
    for link in select.select(links, [], [])[0]:
        data, sender = link.recvfrom(2000)
        link.sendto(data, sender)
"""

ROUND_TRIPS = """
import select, socket, struct, sys, time
address, port, count, gap_s = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
link = socket.socket(family, socket.SOCK_DGRAM)
link.connect((address, port))
times, order, sent = {}, [], 0
start = time.perf_counter()
while sent < count or time.perf_counter() < start + count * gap_s + 0.5:
    due = start + sent * gap_s
    now = time.perf_counter()
    if sent < count and now >= due:
        link.send(struct.pack("<Id", sent, now))
        sent += 1
        continue
    wait = max(0, due - now) if sent < count else 0.05
    if select.select([link], [], [], wait)[0]:
        number, at = struct.unpack("<Id", link.recv(100))
        times[number] = (time.perf_counter() - at) * 1000
        order.append(number)
print({"times": [times[n] for n in sorted(times)],
       "swapped": sum(a > b for a, b in zip(order, order[1:]))})
"""


@dataclass
class Bench:
    """One lab; `near` measures and carries the faults, `far` answers."""

    lab: str
    addresses: dict[str, str]

    def run(self, host: str, command: str, *, data: bytes = b"", check: bool = True) -> str:
        words = running.ssh_command(self.lab, host)
        start = words.index("ssh") + 1
        words[start:start] = [word for option in SHARED for word in ("-o", option)]
        words.append(f"sudo sh -c {shlex.quote(command)}")
        done = subprocess.run(words, input=data, capture_output=True, timeout=120, check=False)
        assert done.returncode == 0 or not check, done.stderr.decode()
        return done.stdout.decode()

    def ask(self, op: str, **fields: object) -> dict[str, Any]:
        reply = self.try_ask(op, **fields)
        assert "ok" in reply, reply
        return dict(reply["ok"])

    def try_ask(self, op: str, **fields: object) -> dict[str, Any]:
        """Ask near's agent; t0_in_ns becomes T0 so long after the request is sent there."""
        request = json.dumps({"v": 1, "id": 1, "op": op, **fields})
        reply = self.run("n1", f"python3 {FAR}/ask.py", data=request.encode(), check=False)
        return dict(json.loads(reply or '{"error": {"reason": "no_agent"}}'))

    def arm(self, *faults: dict[str, object]) -> dict[str, Any]:
        """Arm with T0 some seconds from now: helpers of a fault start slowly here."""
        return self.ask("arm", trial="t", t0_in_ns=8 * S, lease_ns=300 * S, faults=list(faults))

    def records(self, fault_id: str) -> list[dict[str, Any]]:
        lines = self.ask("journal", from_line=0)["lines"]
        return [each for each in map(json.loads, lines) if each["fault"] == fault_id]

    def wait_state(self, fault_id: str, *states: str, timeout_s: float = 200) -> dict[str, Any]:
        until = time.monotonic() + timeout_s
        while True:
            records = self.records(fault_id)
            if records and records[-1]["state"] in states:
                return records[-1]
            assert time.monotonic() < until, records[-1:]
            time.sleep(0.2)

    def round_trips(
        self, count: int, *, address: str = "", port: int = PORT, gap_s: float = 0.02
    ) -> dict[str, Any]:
        """Return the round trips in ms, and how many answers overtook others."""
        address = address or self.addresses["n2"]
        command = f"python3 {FAR}/round_trips.py {address} {port} {count} {gap_s}"
        return dict(json.loads(self.run("n1", command).replace("'", '"')))

    def median_ms(self, count: int = 60, **where: Any) -> float:
        return statistics.median(self.round_trips(count, **where)["times"])


@contextmanager
def bench() -> Iterator[Bench]:
    """Give a lab of two machines with agents; nothing of it is left, unless it was there before."""
    given = os.environ.get("SLOTLAB_VM_LAB", "")
    name = given or f"t{uuid.uuid4().hex[:8]}"
    if not given:
        vm_lab.up(name, 2, print)
    try:
        status = running.status(name)
        assert status is not None
        made = Bench(name, {host.name: host.address for host in status.hosts})
        _install(made)
        yield made
    finally:
        if not given:
            lab_teardown.take_down(name, print)


def _install(made: Bench) -> None:
    data = _archive()
    six = {"n1": "fd99::1", "n2": "fd99::2"}
    for host in ("n1", "n2"):
        made.run(host, "systemctl stop bench-agent bench-echo 2>/dev/null", check=False)
        made.run(host, f"rm -rf {FAR} && mkdir -p {FAR}/root && tar x -C {FAR}", data=data)
        made.run(host, f"ip -6 addr replace {six[host]}/64 dev eth0 nodad")
        peers = [{"host": "n2", "address": each} for each in (made.addresses["n2"], "fd99::2")]
        config = {"host": host, "interface": "eth0", "node_port": PORT, "peers": peers}
        made.run(host, f"cat > {FAR}/root/host.json", data=json.dumps(config).encode())
    start = "systemd-run --quiet --collect --unit="
    made.run("n2", f"{start}bench-echo python3 {FAR}/echo.py")
    agent = f"--setenv={ENVIRONMENT} python3 -m faults --root {FAR}/root agent"
    made.run("n1", f"{start}bench-agent {agent}")
    until = time.monotonic() + 60
    while "error" in made.try_ask("hello"):
        assert time.monotonic() < until, "the agent does not answer"
        time.sleep(0.5)


def _archive() -> bytes:
    """Return faults, msgspec and the scripts; the machines run the same Python minor or none."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(PROJECT / "faults", "faults")
        tar.add(Path(msgspec.__file__).parent, "site/msgspec")
        for name, text in (("ask.py", ASK), ("echo.py", ECHO), ("round_trips.py", ROUND_TRIPS)):
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()
