"""BitShares on real node processes: shuffled witnesses, finality; a kill: see test_cluster."""

from __future__ import annotations

import signal

import msgspec
import pytest

from node import events
from node.chain.model.bitshares_rules import BitsharesRules, HardForkRules, RandomRules
from node.chain.profiles import build as build_profile
from tests.process.cluster import cluster
from tests.waiting import wait_until

pytestmark = pytest.mark.process

FAST = BitsharesRules(block_interval_s=1, maintenance_skip_slots=1)
"""Slots of 200 ms are the chain's seconds."""


def test_witnesses_agree_on_finality_and_on_whose_slot_it_is() -> None:
    with cluster(4, bitshares=FAST) as lab:
        lab.start()
        lab.until_lib(20)
        assert lab.agreed() >= 50
        owners: dict[int, str] = {}
        for record in lab.nodes[0].of(events.Applied):
            owners[record.slot] = record.producer
        due = {r.slot: r.producer for r in lab.nodes[1].of(events.SlotDue)}
        told = {slot: name for slot, name in owners.items() if slot in due}
        assert told == {slot: due[slot] for slot in told}
        assert "" in due.values()
        for node in lab.nodes:
            lags = [r.head_num - r.lib_num for r in node.of(events.SlotDue) if r.lib_num]
            assert min(lags) == 2
            assert node.of(events.Rejected) == []


def test_a_late_observer_syncs_from_genesis() -> None:
    with cluster(2, observers=1, bitshares=FAST) as lab:
        late = lab.nodes.pop()
        lab.start()
        lab.until_lib(30)
        # A restarted node must be able to serve a fresh one from the first block on.
        lab.nodes[0].end(signal.SIGKILL)
        lab.nodes[0].start()
        lab.nodes.append(late)
        late.start()
        lab.until_lib(40)
        # A node tells of a block after its mark of it is durable, which takes a slow disk a while.
        for node in lab.nodes:
            wait_until(lambda own=node: max(own.irreversible(), default=0) >= 40, "40 is told")
        assert min(late.irreversible()) == 1
        assert lab.agreed() >= 60


def test_a_killed_witness_reveals_what_it_promised_before() -> None:
    rules = msgspec.structs.replace(
        FAST, random=RandomRules(on=True, shuffle="turns"), hard_forks=HardForkRules(notes_s=5)
    )
    with cluster(4, bitshares=rules) as lab:
        lab.start()
        lab.until_lib(12)
        lab.nodes[0].end(signal.SIGKILL)
        lab.nodes[0].start()
        lab.until_lib(40)
        assert lab.agreed() >= 40
        own = [r.num for r in lab.nodes[0].of(events.Produced)]
        assert len([num for num in own if num > 16]) >= 3
        for node in lab.nodes:
            assert node.of(events.Rejected) == []
            assert [r.state for r in node.of(events.HardForkChanged)] == ["refused"]


def test_headers_of_events_lead_to_the_same_states() -> None:
    with cluster(4, bitshares=FAST) as lab:
        lab.start()
        lab.until_lib(12)
        profile = build_profile(lab.genesis)
        state = profile.genesis_state
        irreversible = lab.nodes[0].irreversible()
        for record in lab.nodes[0].of(events.Applied):
            if irreversible.get(record.num) != record.id:
                continue
            header, signature = profile.codec.decode_header(bytes.fromhex(record.header))
            block_id = header.block_id(signature)
            assert block_id.hex() == record.id
            state = state.child(header).with_id(block_id)
        assert state.num >= 12
