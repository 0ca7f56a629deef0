"""Claims about the client as a real process, before a stand-in for the node's local socket.

1. Every due transaction arrives once, signed for the chain, and the client ends by itself.
2. A node that goes away and comes back costs what fell out and what was in flight, nothing else.
3. A refusal is reported with the node's reason, by a client that stands back behind the node.
4. Operator mistakes are one line and status 2.
That a real node makes the load irreversible: test_cluster.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zmq
from coincurve import PrivateKey

from harness.bench.rig.ports import free_ports
from node.chain.encoding.crypto import Verifier
from node.chain.eosio.transactions import EosioTransactions
from node.chain.genesis import Genesis, GenesisAccount, GenesisProducer, encode
from node.chain.model.codec import decode_transaction
from node.local.client import NICE
from node.local.local_api import LocalServer, Reply, Request
from tests.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]
SECOND_NS = 10**9
SLOT_NS = 200_000_000
EPOCH_NS = 946_684_800 * SECOND_NS
FORM = EosioTransactions()
CHAIN_ID = b"\x05" * 32
KEY = PrivateKey(b"\x09" * 32)


class StandIn:
    """Answers status and submit on a socket until stopped."""

    def __init__(self, path: Path, *, refuse: str = "") -> None:
        self.refuse = refuse
        self.got: list[bytes] = []
        self._loop = asyncio.new_event_loop()
        self._server = LocalServer(str(path), self._answer)
        self._loop.run_until_complete(self._server.serve())
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def _answer(self, request: Request) -> Reply:
        if request.op == "status":
            return {"ok": True, "chain_id": CHAIN_ID.hex(), "lib_num": 1, "lib_id": "07" * 32}
        self.got += request.txs
        return {"ok": True, "reasons": [self.refuse] * len(request.txs)}


@pytest.fixture
def folder() -> Iterator[Path]:
    """Yield a folder with a short name: a unix socket's path holds 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="slc") as name:
        yield Path(name)


def configure(folder: Path, *, seconds: float, account: str = "usera") -> Path:
    public = KEY.public_key.format().hex()
    genesis = Genesis(
        initial_slot=time.time_ns() // SLOT_NS - EPOCH_NS // SLOT_NS,
        slot_ns=SLOT_NS,
        blocks_per_turn=2,
        producers=[GenesisProducer(name="producera", key=public)],
        accounts=[GenesisAccount(name=n, key=public, balance=10**6) for n in ("usera", "userb")],
    )
    (folder / "genesis.json").write_bytes(encode(genesis))
    (folder / "usera.key").write_text(KEY.to_hex() + "\n")
    (folder / "curve.secret").write_text(zmq.curve_keypair()[1].decode())
    for name in ("usera.key", "curve.secret"):
        (folder / name).chmod(0o600)
    start_ns = time.time_ns() + SECOND_NS
    config = {
        "host": "a", "genesis": "genesis.json", "state_dir": "s", "events_dir": "events",
        "listen": "127.0.0.1", "node_port": free_ports(1)[0], "socket": "sock",
        "curve_secret_file": "curve.secret",
        "producers": [{"name": "producera", "key_file": "usera.key"}],
        "client": {
            "rate_milli": 40_000, "size_bytes": 256, "seed": 7, "account": account,
            "start_ns": start_ns, "end_ns": start_ns + int(seconds * SECOND_NS),
            "key_file": "usera.key",
        },
    }  # fmt: skip
    path = folder / "node.json"
    path.write_text(json.dumps(config))
    return path


@contextmanager
def running(config: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "node", "client", str(config)],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def events(folder: Path, kind: str) -> list[dict[str, Any]]:
    path = folder / "events" / "client.jsonl"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    whole = (json.loads(line) for line in lines if line.endswith("\n"))
    return [event for event in whole if event["kind"] == kind]


def total(folder: Path, field: str) -> int:
    return sum(load[field] for load in events(folder, "load"))


def test_every_due_transaction_arrives_once_and_the_client_ends(folder: Path) -> None:
    config = configure(folder, seconds=2)
    node = StandIn(folder / "sock")
    with running(config) as process:
        assert process.communicate(timeout=DEADLINE_S) == ("", "")
    node.stop()
    assert process.returncode == 0
    verifier = Verifier()
    transactions = [decode_transaction(data, FORM) for data in node.got]
    public = KEY.public_key.format()
    for one in transactions:
        digest = FORM.signing_digest(CHAIN_ID, one.body)
        assert [verifier.signer(digest, signature) for signature in one.signatures] == [public]
    assert len({t.id for t in transactions}) == len(transactions) == total(folder, "sent")
    assert total(folder, "accepted") == total(folder, "sent") == total(folder, "due")
    told = [id_ for e in events(folder, "txs") for id_ in e["ids"]]
    assert told == [t.id.hex() for t in transactions]
    assert events(folder, "stopped")[0]["reason"] == "end"
    assert events(folder, "started")[0]["role"] == "client"


def test_a_node_that_goes_and_returns_gets_the_rest(folder: Path) -> None:
    config = configure(folder, seconds=8)
    first = StandIn(folder / "sock")
    with running(config) as process:
        wait_until(lambda: len(first.got) > 20, "the first transactions")
        first.stop()
        absent = time.monotonic() + 1.5
        wait_until(lambda: time.monotonic() > absent, "a while without a node")
        second = StandIn(folder / "sock")
        wait_until(lambda: len(second.got) > 40, "the load to go on")
        _, errors = process.communicate(timeout=DEADLINE_S)
    second.stop()
    assert (process.returncode, errors) == (0, "")
    got = [decode_transaction(data, FORM).id for data in first.got + second.got]
    assert len(set(got)) == len(got)
    assert total(folder, "due") == total(folder, "accepted") + total(folder, "refused")
    assert total(folder, "accepted") <= len(got)
    assert max(load["late_max_ns"] for load in events(folder, "load")) > SECOND_NS


def test_refusals_carry_the_nodes_reason_and_the_client_stands_back(folder: Path) -> None:
    config = configure(folder, seconds=60)
    node = StandIn(folder / "sock", refuse="bad_tapos")
    with running(config) as process:
        wait_until(lambda: len(node.got) > 20, "transactions")
        ours, its = (os.getpriority(os.PRIO_PROCESS, pid) for pid in (0, process.pid))
        assert its == min(19, ours + NICE)
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=DEADLINE_S) == ("", "")
    node.stop()
    assert process.returncode == 0
    txs = events(folder, "txs")
    rejected = [e for e in txs if e["state"] == "rejected"]
    assert {e["reason"] for e in rejected} == {"bad_tapos"}
    sent = {id_ for e in txs if e["state"] == "sent" for id_ in e["ids"]}
    assert {id_ for e in rejected for id_ in e["ids"]} <= sent
    assured = [(e["num"], e["id"]) for e in events(folder, "assured")]
    assert assured == [(1, "07" * 32)], "what it was told again is no news"
    assert events(folder, "stopped")[0]["reason"] == "SIGTERM"


def test_operator_mistakes_are_one_line_and_status_two(folder: Path) -> None:
    config = configure(folder, seconds=1, account="nobody")
    with running(config) as process:
        _, errors = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, errors) == (
        2, "node: client.account: nobody is not an account of the genesis file\n",
    )  # fmt: skip
    config = configure(folder, seconds=1)
    (folder / "usera.key").write_text("zz")
    with running(config) as process:
        _, errors = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, errors) == (
        2, f"node: client.key_file: {folder.resolve()}/usera.key: not a secret key in hex\n",
    )  # fmt: skip
