"""Full and light validation, trusted producers, read modes: what each checks and what it shows."""

from __future__ import annotations

import dataclasses

import pytest

from node.chain.chain import Chain
from node.chain.encoding.crypto import sign
from node.chain.eosio.header import BlockHeader
from node.chain.model.block import SignedBlock
from node.chain.model.errors import Reason
from node.chain.model.messages import BlockRestored
from node.chain.model.transaction import Transaction
from node.chain.validation import Trust
from node.events import Rejected
from tests.unit.node_chain.builders import (
    START_SLOT,
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
    transfer,
)

GENESIS = make_genesis()
NAMES = producer_names(4)


def node(**trust: object) -> Chain:
    """Return a chain without keys that trusts as told."""
    return make_chain(GENESIS, trust=Trust(**trust))  # type: ignore[arg-type]


def block_with(maker: Chain, *transactions: Transaction, slot: int = START_SLOT) -> SignedBlock:
    """Return a well-signed block with those transactions, whatever they are worth."""
    parent = maker._fork_db.head.state
    header = parent.draft(slot, None, executed(maker, slot, transactions))
    assert isinstance(header, BlockHeader)
    digest = parent.child(header).signing_digest
    return SignedBlock(header, sign(secret(header.producer), digest), transactions)


def verdict(chain: Chain, block: SignedBlock) -> str:
    """Return the reason chain refuses block for, "" if it is the head now."""
    told = of_kind(receive(chain, block), Rejected)
    if not told:
        assert chain.head.id == block.id
        return ""
    (record,) = told
    assert isinstance(record, Rejected)
    return record.reason


CHAIN = make_chain(GENESIS)
ON_TRUST = {
    "signature": transfer(CHAIN, signer="userb"),
    "expired": transfer(CHAIN, lives_s=-5),
    "too far": transfer(CHAIN, lives_s=100_000),
    "tapos": transfer(CHAIN, ref=b"\x00\x00\x00\x01" + bytes(28)),
}
NEVER_ON_TRUST = {
    "balance": transfer(CHAIN, 5000),
    "account": transfer(CHAIN, recipient="nobody"),
    "nothing": transfer(CHAIN, 0),
}


@pytest.mark.parametrize("what", ON_TRUST)
def test_light_validation_takes_signature_expiration_and_tapos_on_trust(what: str) -> None:
    block = block_with(CHAIN, ON_TRUST[what])
    assert verdict(node(), block) == Reason.INVALID_TRANSACTIONS
    assert verdict(node(light=True), block) == ""


@pytest.mark.parametrize("what", NEVER_ON_TRUST)
def test_light_validation_executes_and_refuses_what_cannot_be_executed(what: str) -> None:
    block = block_with(CHAIN, NEVER_ON_TRUST[what])
    assert verdict(node(light=True), block) == Reason.INVALID_TRANSACTIONS


def test_light_validation_still_refuses_a_transaction_that_is_there_already() -> None:
    once = transfer(CHAIN)
    assert verdict(node(light=True), block_with(CHAIN, once, once)) == Reason.INVALID_TRANSACTIONS


def test_light_validation_checks_header_signature_and_transition() -> None:
    good = block_with(CHAIN)
    forged = SignedBlock(good.header, sign(secret("usera"), bytes(32)), ())
    assert verdict(node(light=True), forged) == Reason.BAD_SIGNATURE
    assert isinstance(good.header, BlockHeader)
    other = dataclasses.replace(good.header, action_mroot=bytes(32))
    digest = CHAIN._fork_db.head.state.child(other).signing_digest
    lie = SignedBlock(other, sign(secret(other.producer), digest), ())
    assert verdict(node(light=True), lie) == Reason.CONTENT_MISMATCH


def test_a_trusted_producers_blocks_are_taken_on_trust_and_nobody_elses() -> None:
    block = block_with(CHAIN, ON_TRUST["signature"])
    assert verdict(node(producers=frozenset({block.producer})), block) == ""
    others = frozenset(NAMES) - {block.producer}
    assert verdict(node(producers=others), block) == Reason.INVALID_TRANSACTIONS


def test_who_signs_validates_fully() -> None:
    with pytest.raises(AssertionError):
        make_chain(GENESIS, NAMES[:1], trust=Trust(light=True))


def test_a_stored_block_that_was_never_irreversible_is_checked_again_after_a_restart() -> None:
    block = block_with(CHAIN, ON_TRUST["signature"])
    for irreversible, taken in ((False, False), (True, True)):
        chain = node()
        chain.step(BlockRestored(block=block, irreversible=irreversible))
        assert (chain.head.id == block.id) is taken


def test_head_reads_the_newest_state_and_irreversible_that_of_the_last_irreversible_block() -> None:
    chain = make_chain(GENESIS, NAMES, enable_stale_production=True)
    paid: dict[int, int] = {}
    for i in range(40):
        submit(chain, transfer(chain, i + 1), slot=START_SLOT + i)
        assert blocks_of(tick(chain, START_SLOT + i))
        paid[chain.head.num] = chain.balance("userb")
        at_lib = paid.get(chain.lib.num, 1000)
        assert chain.balance("userb", read="irreversible") == at_lib
        assert chain.balance("userb") == paid[chain.head.num]
        assert chain.balance("userd", read="irreversible") == 1000
    assert chain.lib.num > 20
