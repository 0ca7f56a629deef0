"""Builds clusters of real node processes on loopback and waits on what they say of themselves.

A Cluster makes keys, a genesis whose first slot is about to come, and one folder a node; a Node
starts, kills, stops and asks one process. Waiting is in tests/waiting.py.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import zmq
from coincurve import PrivateKey

from harness.bench.rig.ports import free_ports
from node import events
from node.chain import genesis as genesis_file
from node.chain.encoding.crypto import public_key
from node.chain.genesis import Genesis, GenesisAccount, GenesisProducer
from node.chain.model.bitshares_rules import BitsharesRules
from node.chain.model.slot import SlotClock
from node.chain.model.windows import Timing
from node.config import ClientConfig, ClockConfig, NodeConfig, PeerConfig, ProducerConfig
from node.events.load_shape import Closed, LoadShape
from node.local.local_api import QueryError, ask
from tests.waiting import DEADLINE_S, wait_until

ROOT = Path(__file__).parents[2]
LETTERS = "abcdefghijklmnopqrstu"


@dataclass
class Node:
    """One node's folder and, while it runs, its process."""

    config: NodeConfig
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    role: str = "run"

    @property
    def name(self) -> str:
        """Return the host name."""
        return self.config.host

    def start(self) -> None:
        """Start the process."""
        path = self.folder / "node.json"
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self.config), indent=2))
        words = [sys.executable, "-m", "node", self.role, str(path)]
        with (self.folder / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(words, cwd=ROOT, stdout=log, stderr=log)

    def end(self, number: signal.Signals) -> int:
        """Return the exit status after a signal."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.wait()

    def wait(self, seconds: float = DEADLINE_S) -> int:
        """Return the exit status of a process that ends by itself."""
        assert self.process is not None
        status = self.process.wait(seconds)
        self.process = None
        return status

    def status(self) -> dict[str, Any]:
        """Return what the node says of itself, {} while it does not answer."""
        try:
            return ask(str(self.folder / "sock"), "status", 0.5)
        except QueryError:
            return {}

    def lib(self) -> int:
        """Return the last irreversible block's number, 0 while the node does not answer."""
        return int(self.status().get("lib_num", 0))

    def peer_state(self, host: str) -> str:
        """Return how this node sees a peer."""
        rows = self.status().get("peers", [])
        return next((str(row["state"]) for row in rows if row["host"] == host), "")

    def events(self) -> list[tuple[events.Envelope, events.Event]]:
        """Return every whole line written so far."""
        path = self.folder / "events" / "node.jsonl"
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        found = []
        for line in lines:
            try:
                found.append(events.decode(line))
            except msgspec.DecodeError:
                continue  # torn by a kill
        return found

    def of(self, kind: type[Any]) -> list[Any]:
        """Return the records of one kind."""
        return [record for _, record in self.events() if isinstance(record, kind)]

    def irreversible(self) -> dict[int, str]:
        """Return the ids of irreversible blocks by number; a number told twice must agree."""
        found: dict[int, str] = {}
        for record in self.of(events.Irreversible):
            assert found.setdefault(record.num, record.id) == record.id
        return found

    def log(self) -> str:
        """Return what the process printed."""
        path = self.folder / "log.txt"
        return path.read_text(errors="replace") if path.exists() else ""


@dataclass
class Cluster:
    """Nodes of one chain on loopback, in a short-named folder (socket paths are short)."""

    folder: Path
    genesis: Genesis
    nodes: list[Node] = field(default_factory=list)
    producer_keys: dict[str, PrivateKey] = field(default_factory=dict)
    account_keys: dict[str, PrivateKey] = field(default_factory=dict)
    curve: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)

    def start(self) -> None:
        """Start every node."""
        for node in self.nodes:
            node.start()

    def close(self) -> None:
        """Kill what still runs."""
        for node in self.nodes:
            if node.process is not None:
                node.end(signal.SIGKILL)

    def until_lib(self, num: int) -> None:
        """Wait until block num is irreversible on every running node; none may end meanwhile."""
        running = [node for node in self.nodes if node.process is not None]

        def reached(node: Node) -> bool:
            assert node.process is not None
            assert node.process.poll() is None, f"{node.name} ended: {node.log()[-2000:]}"
            return node.lib() >= num

        wait_until(lambda: all(map(reached, running)), f"lib {num}", every_s=0.05)

    def agreed(self) -> int:
        """Return how many irreversible blocks two nodes or more know, after checking each."""
        seen: dict[int, str] = {}
        shared = 0
        for node in self.nodes:
            for num, block_id in node.irreversible().items():
                shared += num in seen
                assert seen.setdefault(num, block_id) == block_id, f"block {num} at {node.name}"
        return shared


@contextmanager
def cluster(
    count: int, *, slot_ms: int = 200, blocks_per_turn: int = 1, observers: int = 0,
    lead_slots: int = 20, bitshares: BitsharesRules | None = None, system_key: str = "",
    timing: Timing = "fio",
) -> Iterator[Cluster]:  # fmt: skip
    """Yield a cluster of count producers and some observers, not started; kills it afterwards.

    With bitshares rules it is a chain of that profile; system_key is that of who may propose.
    """
    with tempfile.TemporaryDirectory(prefix="sl-") as name:
        made = _made(
            Path(name), count + observers, producers=count, slot_ms=slot_ms,
            blocks_per_turn=blocks_per_turn, lead_slots=lead_slots, bitshares=bitshares,
            system_key=system_key, timing=timing,
        )  # fmt: skip
        try:
            yield made
        finally:
            made.close()


def client(lab: Cluster, node: Node, *, seconds: int, closed: Closed | None = None) -> Node:
    """Return the client of node's host, not started: a closed loop or 20 transactions a second."""
    account = f"user{node.name[-1]}"
    (node.folder / "user.key").write_text(lab.account_keys[account].to_hex().zfill(64))
    now_ns = time.time_ns()
    load = ClientConfig(
        rate_milli=0 if closed else 20_000, shape=LoadShape(closed=closed),
        size_bytes=64, seed=1, start_ns=now_ns + 3 * 10**9,
        end_ns=now_ns + (seconds + 3) * 10**9, account=account, key_file="user.key",
    )  # fmt: skip
    config = msgspec.structs.replace(node.config, client=load)
    return Node(config=config, folder=node.folder, role="client")


def _made(
    folder: Path, count: int, *, producers: int, slot_ms: int, blocks_per_turn: int,
    lead_slots: int, bitshares: BitsharesRules | None, system_key: str, timing: Timing,
) -> Cluster:  # fmt: skip
    names = [f"producer{letter}" for letter in LETTERS[:producers]]
    users = [f"user{letter}" for letter in LETTERS[:count]]
    keys = {name: PrivateKey() for name in names}
    accounts = {name: PrivateKey() for name in users}
    slot_ns = slot_ms * 1_000_000
    turn = producers * blocks_per_turn
    soon = SlotClock(slot_ns).slot_at(time.time_ns()) + lead_slots
    genesis = Genesis(
        profile="eosio" if bitshares is None else "bitshares",
        bitshares=bitshares,
        system_key=system_key,
        timing=timing,
        initial_slot=soon - soon % turn + turn - 1,
        slot_ns=slot_ns,
        blocks_per_turn=blocks_per_turn,
        producers=[GenesisProducer(name=n, key=public_key(k).hex()) for n, k in keys.items()],
        accounts=[
            GenesisAccount(name=n, key=public_key(k).hex(), balance=10**9)
            for n, k in accounts.items()
        ],
    )
    made = Cluster(folder=folder, genesis=genesis, producer_keys=keys, account_keys=accounts)
    hosts = [f"host{letter}" for letter in LETTERS[:count]]
    made.curve = {host: zmq.curve_keypair() for host in hosts}
    ports = dict(zip(hosts, free_ports(2 * count)[::2], strict=True))
    for n, host in enumerate(hosts):
        others = [other for other in hosts if other != host]
        peers = [_peer(other, ports[other], made.curve[other][0]) for other in others]
        owned = names[n : n + 1]
        node = _node(made, host, ports[host], peers, owned)
        if n == producers - 1:
            # However late the machine starts them all, one of them begins the chain.
            node.config = msgspec.structs.replace(node.config, enable_stale_production=True)
        made.nodes.append(node)
    return made


def _peer(host: str, port: int, public: bytes) -> PeerConfig:
    return PeerConfig(host=host, address="127.0.0.1", node_port=port, curve_public=public.decode())


def _node(
    made: Cluster, host: str, port: int, peers: list[PeerConfig], producers: list[str]
) -> Node:
    folder = made.folder / host
    folder.mkdir()
    (folder / "genesis.json").write_bytes(genesis_file.encode(made.genesis))
    (folder / "curve.secret").write_bytes(made.curve[host][1])
    for name in producers:
        (folder / f"{name}.key").write_text(made.producer_keys[name].to_hex().zfill(64))
    config = NodeConfig(
        host=host, genesis="genesis.json", state_dir="chain", events_dir="events",
        listen="127.0.0.1", node_port=port, socket="sock", curve_secret_file="curve.secret",
        peers=peers, clock=ClockConfig(required=False, skew_file="skew"),
        producers=[ProducerConfig(name=name, key_file=f"{name}.key") for name in producers],
    )  # fmt: skip
    return Node(config=config, folder=folder)
