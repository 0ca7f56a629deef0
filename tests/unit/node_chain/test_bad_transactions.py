"""Each way in which a transaction can be wrong has its reason, leaves no trace and stops nobody."""

from __future__ import annotations

from typing import Any

import pytest

from node.chain.chain import Chain
from node.chain.encoding.crypto import public_key, sign
from node.chain.encoding.pack import DecodeError
from node.chain.genesis import Genesis
from node.chain.ledger.accounts import BALANCES
from node.chain.model.block import SignedBlock
from node.chain.model.codec import decode_transaction
from node.chain.model.errors import Reason
from node.chain.model.messages import Emit, Refuse
from node.chain.model.transaction import Transaction
from node.events import Rejected, Txs
from tests.unit.node_bitshares.world import bitshares_genesis
from tests.unit.node_chain.bad_transactions import (
    CASES,
    EOSIO_CASES,
    EOSIO_RAW,
    RAW,
    Ground,
    ground_of,
)
from tests.unit.node_chain.builders import (
    blocks_of,
    executed,
    make_chain,
    make_genesis,
    of_kind,
    producer_names,
    receive,
    secret,
    submit,
    tick,
)

NAMES = producer_names(3)
GENESES = {
    "eosio": make_genesis(3, 1, system_key=public_key(secret("eosio")).hex()),
    "bitshares": bitshares_genesis(3),
}
NOBODY = {"eosio": "nobody", "bitshares": "1.2.99"}
EACH_CASE = [(system, name) for system in GENESES for name in CASES] + [
    ("eosio", name) for name in EOSIO_CASES
]
EACH_RAW = [(system, name) for system in GENESES for name in RAW] + [
    ("eosio", name) for name in EOSIO_RAW
]


def running(genesis: Genesis, slots: int = 5) -> tuple[Chain, int]:
    """Return a chain with all keys after some blocks, and the slot after its head's."""
    chain = make_chain(genesis, NAMES, enable_stale_production=True)
    first = chain.head.slot + 1
    for slot in range(first, first + slots):
        tick(chain, slot)
    return chain, first + slots


def ground(system: str, chain: Chain) -> Ground:
    """Return the ground of a chain."""
    return ground_of(chain, NOBODY[system])


def everything(chain: Chain) -> list[Any]:
    """Return all that a refused transaction must not change, what waits included."""
    ledger = chain._ledger
    pending = dict(ledger._state.rows(BALANCES)) if ledger.is_open else None
    return [
        chain.head, chain.state_digest, ledger.image(chain.head.num), pending,
        [transaction.id for transaction in chain.mempool],
    ]  # fmt: skip


@pytest.mark.parametrize(("system", "name"), EACH_CASE)
def test_a_wrong_transaction_has_its_reason_and_leaves_no_trace(system: str, name: str) -> None:
    chain, slot = running(GENESES[system])
    reason, build = (CASES | EOSIO_CASES)[name]
    waits = ground(system, chain).signed(expiration_s=ground(system, chain).head_s + 50)
    submit(chain, waits, slot=slot)
    bad = build(ground(system, chain))
    before = everything(chain)
    assert submit(chain, bad, slot=slot) == [
        Refuse(index=0, reason=Reason(reason)),
        Emit(record=Txs(ids=[bad.id.hex()], state="rejected", reason=reason)),
    ]
    assert everything(chain) == before
    assert submit(chain, bad, slot=slot, peer="x") == [
        Emit(record=Rejected(what="transaction", reason=reason, from_="x", id=bad.id.hex()))
    ]
    assert everything(chain) == before
    (block,) = blocks_of(tick(chain, slot))
    assert block.transactions == (waits,)


@pytest.mark.parametrize(("system", "name"), EACH_CASE)
def test_a_block_with_a_wrong_transaction_is_refused_and_leaves_no_trace(
    system: str, name: str
) -> None:
    chain, slot = running(GENESES[system])
    follower, _ = running(GENESES[system])
    _, build = (CASES | EOSIO_CASES)[name]
    good, bad = ground(system, chain).signed(), build(ground(system, chain))
    waits = ground(system, chain).signed(expiration_s=ground(system, chain).head_s + 50)
    submit(follower, waits, slot=slot)
    before = everything(follower)
    lie = with_transactions(chain, slot, good, bad)
    (rejected,) = of_kind(receive(follower, lie), Rejected)
    assert rejected.reason == Reason.INVALID_TRANSACTIONS
    before[3] = None
    assert everything(follower) == before
    submit(chain, good, slot=slot)
    (block,) = blocks_of(tick(chain, slot))
    receive(follower, block)
    assert follower.head == chain.head
    assert follower.state_digest == chain.state_digest


def with_transactions(chain: Chain, slot: int, *transactions: Transaction) -> SignedBlock:
    """Return the head's child in slot as a liar makes it: what fails is in it all the same."""
    head = chain._fork_db.head.state
    header = head.draft(slot, None, executed(chain, slot, transactions))
    producer = head.producer_for(slot).name
    digest = head.child(header).signing_digest
    return SignedBlock(header, sign(secret(producer), digest), transactions)


@pytest.mark.parametrize(("system", "name"), EACH_RAW)
def test_what_is_no_transaction_is_not_read(system: str, name: str) -> None:
    chain, _ = running(GENESES[system], 1)
    raw = (RAW | EOSIO_RAW)[name](ground(system, chain))
    with pytest.raises(DecodeError):
        decode_transaction(raw, chain.codec.transactions)


@pytest.mark.parametrize("system", GENESES)
def test_a_wrong_transaction_that_came_as_bytes_is_the_same(system: str) -> None:
    chain, _ = running(GENESES[system], 1)
    for name, (_, build) in CASES.items():
        bad = build(ground(system, chain))
        assert decode_transaction(bad.raw, chain.codec.transactions) == bad, name
