"""Real nodes on loopback: they agree, come back after kills, and say what happened."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from typing import Any

import msgspec
import pytest
from coincurve import PrivateKey

from harness.orchestrator.fleet import NodeStatus
from node import events
from node.chain.encoding.crypto import public_key
from node.config import ActConfig
from node.events.load_shape import Closed
from tests.process.cluster import ROOT, Node, cluster
from tests.process.cluster import client as client_of
from tests.process.test_bitshares import FAST
from tests.waiting import wait_until

pytestmark = pytest.mark.process


@pytest.mark.parametrize("count", [2, 4])
def test_nodes_reach_the_same_irreversible_chain(count: int) -> None:
    with cluster(count) as lab:
        lab.start()
        lab.until_lib(12)
        for node in lab.nodes:
            seen = msgspec.convert(node.status(), NodeStatus)
            assert seen.head_num > seen.lib_num > 0 < seen.health.window_slots
        assert all(node.end(signal.SIGTERM) == 0 for node in lab.nodes)
        assert lab.agreed() >= 11 * (count - 1)
        for node in lab.nodes:
            kinds = {type(record) for record in node.of(events.Record)}
            assert {
                events.Started, events.SlotDue, events.Produced, events.Received, events.Applied,
                events.Irreversible, events.Peer, events.Process, events.Stopped,
            } <= kinds  # fmt: skip
            assert [e.seq for e, _ in node.events()] == list(range(len(node.events())))
            assert node.of(events.Stopped) == [events.Stopped(reason="sigterm")]
            assert node.log() == ""
            assert_blocks_of_others_tell_how_long_they_were_executed(node)


def assert_blocks_of_others_tell_how_long_they_were_executed(node: Node) -> None:
    taken = {r.id: e.mono_ns for e, r in node.events() if isinstance(r, events.Received)}
    executed = [(e.mono_ns, r) for e, r in node.events() if isinstance(r, events.Applied)]
    since = {r.id: at - r.executed_ns for at, r in executed if r.executed_ns is not msgspec.UNSET}
    assert {r.id for r in node.of(events.Produced)}.isdisjoint(since)
    assert len(since) > len(taken) // 2
    assert [id_ for id_, at in since.items() if at < taken[id_]] == []


def test_a_slot_without_a_block_is_explained_by_its_owner_and_each_body_is_sent_once() -> None:
    with cluster(4, blocks_per_turn=2) as lab:
        lab.start()
        lab.until_lib(20)
        head = min(node.status()["head_num"] for node in lab.nodes)
        last = max(r.slot for r in lab.nodes[0].of(events.Applied) if r.num <= head)
        first = max(node.of(events.SlotDue)[0].slot for node in lab.nodes)
        made = {r.slot for node in lab.nodes for r in node.of(events.Produced)}
        left = {r.slot for node in lab.nodes for r in node.of(events.Abstained)}
        assert set(range(first, last + 1)) <= made | left
        for node in lab.nodes:
            assert node.of(events.Rejected) == []
            received = [r.id for r in node.of(events.Received)]
            assert len(received) == len(set(received))


def test_an_observer_follows() -> None:
    with cluster(2, observers=1) as lab:
        lab.start()
        lab.until_lib(8)
        assert lab.nodes[2].of(events.Produced) == []
        assert lab.agreed() >= 12


@pytest.mark.parametrize("system", [{}, {"bitshares": FAST}], ids=["eosio", "bitshares"])
def test_a_killed_node_catches_up_and_keeps_its_irreversible_chain(system: Any) -> None:
    with cluster(4, **system) as lab:
        lab.start()
        lab.until_lib(8)
        victim = lab.nodes[1]
        victim.end(signal.SIGKILL)
        before = victim.irreversible()
        lab.until_lib(max(before) + 4)
        victim.start()
        lab.until_lib(max(before) + 12)
        wait_until(lambda: len(victim.of(events.Started)) == 2, "second start")
        resumed = victim.of(events.Started)[1]
        assert resumed.resumed_lib == max(before)
        after = victim.irreversible()
        assert {num: after[num] for num in before} == before
        assert lab.agreed() >= 3 * max(before)
        wait_until(lambda: "synced" in [r.state for r in victim.of(events.Peer)], "synced")
        assert "syncing" in [r.state for r in victim.of(events.Peer)]


@pytest.mark.slow
@pytest.mark.long
def test_kills_at_any_moment_never_sign_a_slot_twice() -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    rng = random.Random(seed)
    with cluster(2, slot_ms=400) as lab:
        victim = lab.nodes[0]
        # A block that it signed and could not send may be the better one later, below a height that
        # the other has signed at: then only the victim may go on.
        victim.config = msgspec.structs.replace(victim.config, enable_stale_production=True)
        lab.start()
        lab.until_lib(4)
        for kill in range(6):
            known = len(victim.of(events.Produced))
            wait_until(lambda n=known: len(victim.of(events.Produced)) > n, f"block, kill {kill}")
            time.sleep(rng.uniform(0, 0.8))  # the moment of the kill is what is drawn
            victim.end(signal.SIGKILL)
            victim.start()
        lab.until_lib(max(victim.irreversible()) + 4)
        assert len(victim.of(events.Started)) == 7
        signed: dict[int, str] = {}
        for node in lab.nodes:
            for record in node.of(events.Produced) + node.of(events.Received):
                if record.producer == "producera":
                    assert signed.setdefault(record.slot, record.id) == record.id
        assert len(signed) >= 7
        assert lab.agreed() > 0
        seqs = [envelope.seq for envelope, _ in victim.events()]
        assert seqs == list(range(len(seqs)))


@pytest.mark.parametrize("system", [{}, {"bitshares": FAST}], ids=["eosio", "bitshares"])
def test_a_clients_load_becomes_irreversible_everywhere(system: Any) -> None:
    with cluster(2, **system) as lab:
        lab.start()
        lab.until_lib(2)
        client = client_of(lab, lab.nodes[0], seconds=3)
        client.start()
        assert client.wait() == 0

        def told(state: str) -> set[str]:
            told = [record for record in lab.nodes[0].of(events.Txs) if record.state == state]
            return {id_ for record in told for id_ in record.ids}

        accepted = told("accepted")
        assert accepted
        wait_until(lambda: told("irreversible") == accepted, "all are irreversible")
        counted = [sum(r.tx_count for r in node.of(events.Applied)) for node in lab.nodes]
        assert min(counted) >= len(accepted)
        assert lab.nodes[1].of(events.Txs) == []


def test_a_closed_loop_has_so_many_under_way_until_the_node_made_them_irreversible() -> None:
    with cluster(2) as lab:
        lab.start()
        lab.until_lib(2)
        loop = Closed(in_flight=5, until="irreversible", turn_ns=1)
        client = client_of(lab, lab.nodes[0], seconds=6, closed=loop)
        client.start()
        assert client.wait() == 0
        under_way: set[str] = set()
        accepted = 0
        for record in lab.nodes[0].of(events.Txs):
            if record.state == "accepted":
                under_way.update(record.ids)
                accepted += len(record.ids)
            elif record.state == "irreversible":
                under_way.difference_update(record.ids)
            assert len(under_way) <= 5
        assert accepted >= 10  # So the loop went round.


def test_the_schedule_that_a_campaign_lets_the_system_account_propose_takes_turns() -> None:
    system = PrivateKey()
    with cluster(2, system_key=public_key(system).hex()) as lab:
        lab.start()
        node = lab.nodes[0]
        (node.folder / "eosio.key").write_text(system.to_hex().zfill(64))
        sender = client_of(lab, node, seconds=5)
        share = sender.config.client
        assert share is not None
        key = next(p.key for p in lab.genesis.producers if p.name == "producera")
        act = ActConfig(
            at_ns=share.start_ns + 3 * 10**9, act="set_producers", by="eosio",
            key_file="eosio.key", fields={"producers": ["producera"]}, keys={"producera": key},
        )  # fmt: skip
        share = msgspec.structs.replace(share, rate_milli=0, acts=[act])
        sender.config = msgspec.structs.replace(sender.config, client=share)
        sender.start()
        assert sender.wait() == 0
        wait_until(
            lambda: (
                [r.producers for r in lab.nodes[1].of(events.Schedule) if r.state == "active"]
                == [["producera"]]
            ),
            "the schedule of one is active",
        )


@pytest.mark.parametrize("system", [{}, {"bitshares": FAST}], ids=["eosio", "bitshares"])
def test_a_node_is_asked_by_hand_for_a_block_and_a_transaction(system: Any) -> None:
    with cluster(1, **system) as lab:
        lab.start()
        node = lab.nodes[0]
        sender = client_of(lab, node, seconds=2)
        sender.start()
        assert sender.wait() == 0
        full = next(record for record in node.of(events.Applied) if record.tx_count)
        lab.until_lib(full.num)

        def asked(*words: str) -> tuple[int, Any, str]:
            whole = [sys.executable, "-m", "node", "query", "--socket", str(node.folder / "sock")]
            done = subprocess.run(
                [*whole, *words], cwd=ROOT, capture_output=True, text=True, check=False
            )
            return done.returncode, json.loads(done.stdout or "null"), done.stderr

        status, block, _ = asked("block", str(full.num))
        assert (status, block["id"], block["irreversible"]) == (0, full.id, True)
        assert asked("block", full.id)[1] == block
        first = block["transactions"][0]
        wanted = first["id"] if system else first["trx"]["id"]
        status, found, _ = asked("transaction", wanted)
        assert (status, found["block_id"], found["transaction"]) == (0, full.id, first)
        assert (found["confirmations"], found["producers"], found["safe"]) == (1, 1, True)
        status, health, _ = asked("health")
        assert (status, health["window_slots"] > 0, health["participation"] > 0) == (0, True, True)
        assert node.of(events.Safe)[0].num <= full.num
        status, _, said = asked("block", "999999")
        assert (status, said.startswith("node: block 999999: not here; ")) == (1, True)
        assert asked("block", "x")[0] == asked("block")[0] == asked("status", "1")[0] == 2
        assert asked("block")[2] == "node: query block: write a number or an id after it\n"
