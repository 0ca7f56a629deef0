"""How punctual a fault agent is, and what it costs a host at rest; in a network of its own."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from faults.agent import ctl
from faults.model.fault import SECOND_NS
from harness.bench.rig.machine import processor_s, resident_mb
from harness.bench.row import BareTimer, Row, of_samples
from harness.errors import RunError

COUNT = 100
FIRST_NS = 3 * SECOND_NS
PERIOD_NS = 200_000_000
LENGTH_NS = 100_000_000
REST_S = 5.0
START_S = 60.0
PORT = 9000
PEER = "10.9.0.2"
NETWORK = (
    "ip link add eth0 type veth peer name eth1 && ip addr add 10.9.0.1/24 dev eth0"
    " && ip link set eth0 up"
    ' && exec "$@"'
)
BARE = "import msgspec, time; time.sleep(600)"


def skipped() -> str:
    """Return why it cannot be measured here, or ""."""
    if os.geteuid() != 0:
        return "needs root: a network namespace"
    lacking = [name for name in ("unshare", "ip", "nft") if shutil.which(name) is None]
    return f"needs {', '.join(lacking)}" if lacking else ""


def rows() -> list[Row]:
    """Return how late a hundred partitions begin and end, and the agent's share and memory."""
    with tempfile.TemporaryDirectory(prefix="slb") as folder, _agent(Path(folder)) as agent:
        faults = [
            {
                "id": f"p-{n}", "fault": "partition", "at_ns": FIRST_NS + n * PERIOD_NS,
                "for_ns": LENGTH_NS, "blocked_in": [PEER], "blocked_out": [], "node_port": PORT,
            }
            for n in range(COUNT)
        ]  # fmt: skip
        request = {"trial": "bench", "t0_wall_ns": time.time_ns(), "lease_ns": 600 * SECOND_NS}
        armed = _ask(Path(folder), "arm", faults=faults, **request)
        t0_ns = armed["t0_boottime_ns"]
        begin_ns = [t0_ns + FIRST_NS + n * PERIOD_NS for n in range(COUNT)]
        due = [moment for at_ns in begin_ns for moment in (at_ns, at_ns + LENGTH_NS)]
        floors = BareTimer(due).end()
        time.sleep(1)
        late = _late_ms(Path(folder))
        found = of_samples("agent", "fault begins or ends late", late, floors, "a bare timer")
        return [*found, *_at_rest(agent)]


@contextmanager
def _agent(root: Path) -> Iterator[int]:
    host = {"host": "n1", "interface": "eth0", "node_port": PORT,
            "peers": [{"host": "n2", "address": PEER}]}  # fmt: skip
    (root / "host.json").write_text(json.dumps(host))
    words = (sys.executable, "-m", "faults", "--root", str(root), "agent")
    agent = subprocess.Popen(("unshare", "--net", "sh", "-c", NETWORK, "sh", *words))
    try:
        until_s = time.monotonic() + START_S
        while "ok" not in _try(root, "hello"):
            if agent.poll() is not None or time.monotonic() > until_s:
                raise RunError("bench: the fault agent did not start")
            time.sleep(0.05)
        yield agent.pid
    finally:
        agent.terminate()
        agent.wait()


def _try(root: Path, op: str, **fields: Any) -> dict[str, Any]:
    """Return the agent's reply, {} where none answers."""
    try:
        return ctl.ask(root / "run" / "agent.sock", op, START_S, **fields)
    except OSError:
        return {}


def _ask(root: Path, op: str, **fields: Any) -> dict[str, Any]:
    reply = _try(root, op, **fields)
    if "ok" not in reply:
        raise RunError(f"bench: the fault agent refused {op}: {reply}")
    return dict(reply["ok"])


def _late_ms(root: Path) -> list[float]:
    """Return how late each fault began and ended, as the agent recorded it."""
    text = (root / "state" / "agent" / "agent.jsonl").read_text()
    records = [json.loads(line) for line in text.splitlines()]
    late = [r["read_back"]["late_ns"] for r in records if r["state"] in ("applied", "healed")]
    return [each / 1e6 for each in late]


def _at_rest(agent: int) -> list[Row]:
    """Return the agent's memory and share of a processor when nothing is asked of it."""
    bare = subprocess.Popen((sys.executable, "-c", BARE))
    try:
        before = {pid: processor_s(pid) for pid in (agent, bare.pid)}
        time.sleep(REST_S)
        mb, floor_mb = resident_mb(agent), resident_mb(bare.pid)
        share = {pid: (processor_s(pid) - s) / REST_S * 100 for pid, s in before.items()}
    finally:
        bare.kill()
        bare.wait()
    floor_is = "a Python that sleeps"
    return [
        Row(bench="agent", what="agent at rest, memory", unit="MB", value=mb, n=1,
            floor=floor_mb, floor_is=floor_is),
        Row(bench="agent", what="agent at rest, of a processor", unit="%", value=share[agent], n=1,
            floor=share[bare.pid], floor_is=floor_is),
    ]  # fmt: skip
