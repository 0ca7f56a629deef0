"""What a signed transfer costs nodes and clients on this machine, beside its signatures alone.

Real processes on loopback. What is told is the seconds of a processor they take, not how long that
takes: other work on the machine stretches a run, and changes the figure little.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from coincurve import PrivateKey, PublicKey

from harness.bench.processor import processor_s
from harness.bench.row import Row
from harness.campaign import campaign_file
from harness.deploy.keys import new_pair
from harness.errors import RunError
from harness.plan import genesis, lab_view, planner
from harness.plan.genesis import HostAccess

RATE = 600
LOAD_NS = 10_000_000_000
LEAD_NS = 4_000_000_000
CLIENT_LEAD_NS = 15_000_000_000
"""So long do clients of a busy machine take to start."""
WAIT_S = 240.0
SIGNED = 2_000
ROOT = Path(__file__).resolve().parents[2]
CAMPAIGN = """
schema: slotlab.campaign/v1
title: transfers
seed: 1
chain: {{profile: eosio, producers: {nodes}, slot: 500ms, blocks_per_turn: 2}}
load: {{rate: {rate}/s, size: 256B}}
warmup: 60s
timeline: []
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a load took: seconds of a processor of nodes and clients, for so many in blocks.

    refused: of those that were due; slots, and missed of them, while it lasted.
    """

    processor_s: float
    in_blocks: int
    refused: int
    slots: int
    missed: int


def rows() -> list[Row]:
    """Return what a transfer costs with four nodes and with one, each with its clients."""
    found = []
    for nodes in (4, 1):
        cost = measure(nodes, rate=RATE)
        if not cost.in_blocks:
            raise RunError("bench: no transfer came into a block")
        floor_ms = floor_s(nodes) * 1000
        found.append(
            Row(
                bench="transactions", what=f"a transfer, {nodes} nodes and their clients",
                unit="ms of a processor", value=cost.processor_s * 1000 / cost.in_blocks,
                n=cost.in_blocks, floor=floor_ms, floor_is="signed once, recovered by each node",
            )
        )  # fmt: skip
        missed = f"{nodes} nodes at {RATE}/s, slots missed"
        found.append(Row(bench="transactions", what=missed, value=float(cost.missed), n=cost.slots))
    return found


def measure(nodes: int, *, rate: int, tree: Path = ROOT) -> Cost:
    """Return what a load costs nodes that run the code of a checkout; it needs no root.

    Raises:
        RunError: a process ends early or tells nothing.
    """
    with tempfile.TemporaryDirectory(prefix="slb-") as name:
        homes = _prepare(Path(name), nodes, rate)
        with _running(homes, "run", tree) as servers:
            _until_told(homes, "node", "irreversible", servers)
            start_ns = time.time_ns() + CLIENT_LEAD_NS
            for home in homes:
                _edit(home, client={"start_ns": start_ns, "end_ns": start_ns + LOAD_NS})
            with _running(homes, "client", tree) as clients:
                _until_told(homes, "client", "started", clients)
                both = [*servers, *clients]
                time.sleep(max(0, start_ns - time.time_ns()) / 1e9)
                before_s = sum(processor_s(each.pid) for each in both)
                total_s = sum(_processor_s_of(each) for each in clients)
                total_s += sum(processor_s(each.pid) for each in servers)
        loads = [load for home in homes for load in _told(home, "client", "load")]
        due = [event["slot"] for event in _told(homes[0], "node", "slot_due")
               if start_ns <= event["wall_ns"] < start_ns + LOAD_NS]  # fmt: skip
        blocks = {event["slot"]: event["tx_count"] for event in _told(homes[0], "node", "applied")}
    return Cost(
        processor_s=total_s - before_s,
        in_blocks=sum(blocks.values()),
        refused=sum(load["refused"] for load in loads),
        slots=len(due),
        missed=sum(slot not in blocks for slot in due),
    )


def floor_s(nodes: int) -> float:
    """Return the processor seconds in which a digest is signed and its key recovered by nodes."""
    key = PrivateKey(sha256(b"bench").digest())
    begun_s = time.process_time()
    for number in range(SIGNED):
        digest = sha256(number.to_bytes(8, "big")).digest()
        signature = key.sign_recoverable(digest, hasher=None)
        for _ in range(nodes):
            PublicKey.from_signature_and_message(signature, digest, hasher=None)
    return (time.process_time() - begun_s) / SIGNED


def _prepare(folder: Path, nodes: int, rate: int) -> list[Path]:
    """Make the folders of nodes that listen on loopback; return them."""
    file = campaign_file.parse(CAMPAIGN.format(nodes=nodes, rate=rate), Path("bench.yml"))
    plan = planner.build(file, lab_view.simulated(file))
    ports = _free_ports(2 * nodes)
    hosts = [
        msgspec.structs.replace(host, address="127.0.0.1", node_port=ports.pop())
        for host in plan.hosts
    ]
    plan = msgspec.structs.replace(plan, hosts=hosts)
    pairs = {host.host: new_pair() for host in hosts}
    access = {
        name: HostAccess(curve_public=pair.public, ntp=(), state_dir=".")
        for name, pair in pairs.items()
    }
    t0_ns = genesis.first_round_ns(plan, not_before_ns=time.time_ns() + LEAD_NS)
    files = genesis.trial_files(plan, plan.trials[0], t0_ns=t0_ns, keys=_secret, access=access)
    homes: list[Path] = []
    for name, texts in files.by_host.items():
        home = folder / name
        (home / "keys").mkdir(parents=True)
        for path, text in {**texts, "curve.secret": pairs[name].secret}.items():
            (home / path).write_text(text)
            (home / path).chmod(0o600)
        clock = {"required": False, "skew_file": "skew"}
        # However late the machine starts them all, one of them begins the chain.
        first = not homes
        _edit(home, socket="sock", curve_secret_file="curve.secret", clock=clock,
              enable_stale_production=first)  # fmt: skip
        homes.append(home)
    return homes


def _secret(name: str) -> str:
    return sha256(f"bench/{name}".encode()).hexdigest()


def _edit(home: Path, **changes: Any) -> None:
    """Change a node.json; of what is a map there, the keys that are given."""
    path = home / "node.json"
    config = json.loads(path.read_text())
    for key, value in changes.items():
        config[key] = {**config[key], **value} if isinstance(value, dict) else value
    path.write_text(json.dumps(config))


def _free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody listens on, held together until all are drawn."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()


@contextmanager
def _running(
    homes: Sequence[Path], role: str, tree: Path
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Yield a process for each home, ended afterwards."""
    found = []
    try:
        for home in homes:
            words = (sys.executable, "-m", "node", role, str(home / "node.json"))
            found.append(subprocess.Popen(words, cwd=tree))
        yield found
    finally:
        for process in found:
            process.terminate()
        for process in found:
            process.wait()


def _until_told(
    homes: Sequence[Path], role: str, kind: str, running: Sequence[subprocess.Popen[bytes]]
) -> None:
    until_s = time.monotonic() + WAIT_S
    while not all(_told(home, role, kind) for home in homes):
        if time.monotonic() > until_s or any(each.poll() is not None for each in running):
            raise RunError(f"bench: a {role} did not tell {kind}")
        time.sleep(0.1)


def _told(home: Path, role: str, kind: str) -> list[dict[str, Any]]:
    """Return the events of a kind in the whole lines of a file."""
    path = home / "events" / f"{role}.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    wanted = f'"kind":"{kind}"'.encode()
    return [json.loads(line) for line in lines if wanted in line]


def _processor_s_of(process: subprocess.Popen[bytes]) -> float:
    """Return the seconds of a processor that a process had in its whole life; wait for its end."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RunError(f"bench: a client ended with {process.returncode}")
    return used.ru_utime + used.ru_stime
