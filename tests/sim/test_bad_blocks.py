"""Crafted and disordered blocks: refused with the right reason; no crash, bounded memory."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.byzantine import strategies
from node.byzantine.forging import Memory, Self
from node.chain.encoding.crypto import sign
from node.chain.fork_db import RIVALS_MAX
from node.chain.model.block import SignedBlock
from node.chain.model.messages import Emit, Persist, RequestSync
from node.chain.profiles import build
from node.events import Rejected
from tests.unit.node_chain.builders import (
    START_SLOT,
    Net,
    make_chain,
    make_genesis,
    notices,
    producer_names,
    receive,
    secret,
    submit,
    transfer,
)

GENESIS = make_genesis(producers=4, blocks_per_turn=2)
OWNERS: dict[str, Sequence[str]] = {
    f"n{i}": [name] for i, name in enumerate(producer_names(4), start=1)
}


def grown(slots: int = 24) -> list[SignedBlock]:
    """Return the blocks of an undisturbed chain with a transaction, oldest first."""
    net = Net(GENESIS, OWNERS)
    net.submit("n1", transfer(net.chains["n1"]), START_SLOT)
    net.run(START_SLOT, START_SLOT + slots - 1)
    return sorted(net.stored["n1"].values(), key=lambda block: block.num)


BLOCKS = grown()


@settings(max_examples=30)
@given(st.randoms(use_true_random=False))
def test_any_order_with_repeats_leads_to_the_same_chain(rng: random.Random) -> None:
    chain, deliveries = make_chain(GENESIS), [*BLOCKS, *BLOCKS]
    rng.shuffle(deliveries)
    last = BLOCKS[-1].slot
    refused = []
    for block in [*deliveries, *BLOCKS]:  # What did not link is asked for and comes again.
        refused += [r for r in notices(receive(chain, block, now_slot=last)) if kind(r)]
    assert chain.head.id == BLOCKS[-1].id
    assert not refused


def kind(record: object) -> bool:
    """Return whether a record refuses something."""
    return isinstance(record, Rejected)


def test_a_flood_of_bad_blocks_leaves_nothing_behind() -> None:
    """Thousands of bad blocks, of every kind, by a producer whose turn it is."""
    chain = make_chain(GENESIS)
    for block in BLOCKS[:8]:
        receive(chain, block)
    size, head, waiting = len(chain._fork_db), chain.head, len(chain.mempool)
    good = BLOCKS[8]
    who = Self(
        host="x",
        genesis=GENESIS,
        profile=build(GENESIS),
        keys={good.producer: secret(good.producer)},
    )
    memory = Memory(who)
    for block in BLOCKS[:8]:
        memory.note(Persist(block=block, raw=b""))
    memory.transaction = next(t for block in BLOCKS for t in block.transactions)
    reasons: dict[str, int] = {}
    for n in range(3000):
        bad = strategies.SPOILERS[n % len(strategies.SPOILERS)](variant(good, n), memory)
        assert bad is not None
        for effect in receive(chain, bad):
            if isinstance(effect, Emit) and isinstance(effect.record, Rejected):
                reasons[effect.record.reason] = reasons.get(effect.record.reason, 0) + 1
    assert set(reasons) == {
        "bad_signature", "bad_transaction_mroot", "invalid_transactions", "content_mismatch",
    }  # fmt: skip
    assert (len(chain._fork_db), chain.head, len(chain.mempool)) == (size, head, waiting)
    receive(chain, good)
    assert chain.head.id == good.id


def test_a_flood_of_good_blocks_for_one_slot_is_bounded_and_loses_nobody() -> None:
    chain, producer, slot = make_chain(GENESIS), BLOCKS[8].producer, BLOCKS[8].slot
    following, after = BLOCKS[10].producer, BLOCKS[10].slot
    keys = {name: secret(name) for name in (producer, following)}
    memory = Memory(Self(host="x", genesis=GENESIS, profile=build(GENESIS), keys=keys))
    for block in BLOCKS[:8]:
        receive(chain, block)
        memory.note(Persist(block=block, raw=b""))
    size, flood = len(chain._fork_db), []
    for amount in range(1, 200):
        payments = (transfer(chain, amount),)
        made = memory.forge(producer, slot, BLOCKS[7].id, payments, BLOCKS[7].num)
        assert made is not None
        flood.append(made)
    for block in flood:
        receive(chain, block)
    assert len(chain._fork_db) <= size + RIVALS_MAX
    lost = next(block for block in flood if not chain.has_block(block.id))
    child = memory.forge(following, after, lost.id, (), lost.num)
    assert child is not None
    assert [type(effect) for effect in receive(chain, child)] == [RequestSync]
    receive(chain, lost, now_slot=after)
    receive(chain, child)
    assert chain.head.id == child.id


def variant(block: SignedBlock, n: int) -> SignedBlock:
    """Return the block with another content root, so that each bad one has an id of its own."""
    header = dataclasses.replace(block.header, action_mroot=n.to_bytes(32, "big"))  # type: ignore[type-var]
    return SignedBlock(header, sign(secret(block.producer), bytes(32)), block.transactions)


@pytest.mark.parametrize("num", range(2, 10))
def test_a_block_of_the_past_is_refused_or_known(num: int) -> None:
    chain = make_chain(GENESIS)
    for block in BLOCKS:
        receive(chain, block)
    old = BLOCKS[num - 2]
    assert receive(chain, old, now_slot=BLOCKS[-1].slot) == []
    rival = variant(old, 1)
    found = [r.reason for r in notices(receive(chain, rival)) if isinstance(r, Rejected)]
    assert found == ["before_irreversible"]


def test_a_transaction_in_a_refused_block_still_gets_its_chance() -> None:
    chain = make_chain(GENESIS, [BLOCKS[0].producer])
    payment = transfer(chain)
    submit(chain, payment, slot=START_SLOT)
    broken = dataclasses.replace(BLOCKS[0], signature=bytes(65))
    receive(chain, broken, now_slot=START_SLOT)
    assert len(chain.mempool) == 1
