"""Whole BitShares chains in memory: they agree, restart, sync, switch and refuse."""

from __future__ import annotations

import pytest

from node.chain.encoding.pack import DecodeError
from node.chain.profiles import build
from node.events import Applied, Schedule, Switched
from tests.unit.node_bitshares.world import START_SLOT, bitshares_genesis, paid
from tests.unit.node_chain.builders import (
    Net,
    blocks_of,
    make_chain,
    make_genesis,
    notices,
    of_kind,
    producer_names,
    tick,
)

GENESIS = bitshares_genesis(4)
NAMES = producer_names(4)
HALVES = {"left": NAMES[:2], "right": NAMES[2:]}
QUARTERS = {f"host{i}": [name] for i, name in enumerate(NAMES)}


def test_block_1_follows_no_genesis_block_and_is_a_maintenance_block() -> None:
    net = Net(GENESIS, HALVES)
    net.run(START_SLOT, START_SLOT + 5)
    applied = [r for r in notices(net.log["left"]) if isinstance(r, Applied)]
    assert [(r.num, r.slot - START_SLOT) for r in applied] == [(1, 0), (2, 4), (3, 5)]
    assert applied[0].previous == "00" * 20


def test_a_block_comes_back_from_its_bytes_and_its_header_from_the_event() -> None:
    net = Net(GENESIS, HALVES)
    net.run(START_SLOT, START_SLOT)
    chain_tx = paid(net.chains["left"])
    net.submit("left", chain_tx, START_SLOT)
    net.run(START_SLOT + 1, START_SLOT + 4)
    block = list(net.stored["left"].values())[-1]
    codec = net.chains["left"].codec
    raw = codec.encode(block)
    assert block.transactions == (chain_tx,)
    assert codec.decode(raw) == block
    applied = of_kind(net.log["right"], Applied)[-1]
    header, signature = codec.decode_header(bytes.fromhex(applied.header))
    assert (header, signature) == (block.header, block.signature)
    assert header.block_id(signature) == block.id


def test_a_restarted_node_has_the_head_the_state_and_the_schedule_it_had() -> None:
    net = Net(GENESIS, HALVES)
    net.run(START_SLOT, START_SLOT + 40)
    left = net.chains["left"]
    before = (left.head, left.lib, left.state_digest, left.schedule)
    net.restart("left", NAMES[:2])
    left = net.chains["left"]
    assert (left.head, left.lib, left.state_digest, left.schedule) == before
    net.run(START_SLOT + 41, START_SLOT + 60)
    assert net.chains["left"].head == net.chains["right"].head
    assert net.chains["left"].head.num == 58


def test_a_minority_stalls_and_joins_the_majority_after_the_heal() -> None:
    net = Net(GENESIS, QUARTERS)
    net.run(START_SLOT, START_SLOT + 20)
    net.split({"host0"}, {"host1", "host2", "host3"})
    stalled = net.chains["host0"].lib.num
    net.run(START_SLOT + 21, START_SLOT + 60)
    assert net.chains["host0"].lib.num <= stalled + 1
    assert net.chains["host1"].lib.num > stalled + 20
    net.heal(START_SLOT + 61)
    net.run(START_SLOT + 61, START_SLOT + 70)
    assert len({chain.head.id for chain in net.chains.values()}) == 1
    assert len({chain.state_digest for chain in net.chains.values()}) == 1
    assert of_kind(net.log["host0"], Switched)


def test_each_round_tells_its_order_with_the_next_version() -> None:
    net = Net(GENESIS, HALVES)
    net.run(START_SLOT, START_SLOT + 43)
    for host in net.chains:
        told = [r for r in notices(net.log[host]) if isinstance(r, Schedule)]
        assert [(r.version, r.num) for r in told] == [(n, 4 * n) for n in range(1, 11)]
        assert told[-1].producers == list(net.chains[host].schedule)


def test_another_genesis_option_is_another_chain() -> None:
    ids = {
        build(genesis).chain_id
        for genesis in (
            GENESIS,
            bitshares_genesis(4, fork_choice="participation"),
            bitshares_genesis(4, maintenance_skip_slots=0),
            make_genesis(4, 1, slot_ns=10**9, initial_slot=START_SLOT - 1),
        )
    }
    assert len(ids) == 4


def test_a_block_of_the_other_system_is_no_block() -> None:
    chain, other = make_chain(GENESIS, NAMES), make_chain(make_genesis(4, 1), NAMES)
    (block,) = blocks_of(tick(chain, START_SLOT))
    with pytest.raises(DecodeError):
        other.codec.decode(chain.codec.encode(block))
