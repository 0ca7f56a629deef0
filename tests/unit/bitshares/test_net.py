"""Whole BitShares chains in memory: they agree, restart, sync, switch and refuse."""

from __future__ import annotations

import dataclasses

from node.chain.genesis import Genesis
from node.chain.messages import Applied, Rejected
from tests.unit.bitshares.world import START_SLOT, bitshares_genesis
from tests.unit.chain.builders import (
    Net,
    blocks_of,
    make_chain,
    notices,
    of_kind,
    producer_names,
    receive,
    secret,
    tick,
)

GENESIS = bitshares_genesis(4)
NAMES = producer_names(4)
HALVES = {"left": NAMES[:2], "right": NAMES[2:]}
QUARTERS = {f"host{i}": [name] for i, name in enumerate(NAMES)}


def net_of(owners: dict[str, list[str]], genesis: Genesis = GENESIS) -> Net:
    """Return a net of chains that produce from the first slot on."""
    return Net(genesis, owners)


def test_two_nodes_agree_on_head_state_and_finality() -> None:
    net = net_of(HALVES)
    net.run(START_SLOT, START_SLOT + 60)
    left, right = net.chains["left"], net.chains["right"]
    assert left.head == right.head
    assert left.state_digest == right.state_digest
    # 61 slots, of which maintenance skips 3 after block 1.
    assert left.head.num == 58
    assert 0 <= left.head.num - left.lib.num - 2 <= 2
    assert left.lib == right.lib


def test_block_1_follows_no_genesis_block_and_is_a_maintenance_block() -> None:
    net = net_of(HALVES)
    net.run(START_SLOT, START_SLOT + 5)
    applied = [r for r in notices(net.log["left"]) if isinstance(r, Applied)]
    assert [(r.num, r.slot - START_SLOT) for r in applied] == [(1, 0), (2, 4), (3, 5)]
    assert applied[0].previous == "00" * 20


def test_ids_are_20_bytes_and_cover_the_signature() -> None:
    chain = make_chain(GENESIS, NAMES)
    (block,) = blocks_of(tick(chain, START_SLOT))
    again = dataclasses.replace(block, signature=bytes([block.signature[0] ^ 1]) + bytes(64))
    assert len(block.id) == 20
    assert block.num == again.num == 1
    assert block.id != again.id
    (record,) = of_kind(receive(make_chain(GENESIS), again), Rejected)
    assert isinstance(record, Rejected)
    assert record.reason == "bad_signature"


def test_a_block_comes_back_from_its_bytes_and_its_header_from_the_event() -> None:
    chain = make_chain(GENESIS, NAMES)
    chain_tx = transfer_of(chain)
    net = net_of(HALVES)
    net.submit("left", chain_tx, START_SLOT)
    net.run(START_SLOT, START_SLOT + 1)
    (block,) = net.stored["left"].values()
    codec = net.chains["left"].codec
    raw = codec.encode(block)
    assert block.transactions == (chain_tx,)
    assert codec.decode(raw) == block
    assert codec.size_bytes(block) == len(raw)
    (applied,) = of_kind(net.log["right"], Applied)
    assert isinstance(applied, Applied)
    header, signature = codec.decode_header(bytes.fromhex(applied.header))
    assert (header, signature) == (block.header, block.signature)
    assert header.block_id(signature) == block.id


def transfer_of(chain):  # type: ignore[no-untyped-def]
    """Return a transfer tied to the chain's head by bytes 4 to 7 of its id."""
    from node.chain.transaction import Transfer, reference, sign_content

    num, prefix = reference(chain.head.id, 4)
    head_s = chain.slot_clock.time_ns(chain.head.slot) // 10**9
    said = Transfer(
        expiration_s=head_s + 60, ref_block_num=num, ref_block_prefix=prefix,
        sender="usera", recipient="userb", amount=5,
    )  # fmt: skip
    return sign_content(said, chain_id=chain.chain_id, key=secret("usera"))
