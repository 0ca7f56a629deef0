"""What a block's transactions may cost: virtual time that every node counts alike (F28, F31)."""

from __future__ import annotations

from node.chain.chain import Chain
from node.chain.encoding.crypto import sign
from node.chain.eosio.header import BlockHeader
from node.chain.model.block import SignedBlock
from node.chain.model.messages import Tick
from node.chain.model.transaction import Transaction
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
    signed,
    submit,
    tick,
    transfer,
)

FOUR_TRANSFERS_NS = 100_000
GENESIS = make_genesis(processing_ns=FOUR_TRANSFERS_NS, propagation_ns=0)
NAMES = producer_names(4)


def loaded(count: int) -> tuple[Chain, list[Transaction]]:
    """Return a chain with all keys and that many transfers that wait, in order."""
    chain = make_chain(GENESIS, NAMES, enable_stale_production=True)
    waiting = [transfer(chain, memo=bytes((n,))) for n in range(count)]
    for transaction in waiting:
        submit(chain, transaction, slot=START_SLOT)
    return chain, waiting


def taken(chain: Chain, slot: int, left_ns: int | None = None) -> tuple[Transaction, ...]:
    """Return the transactions of the block that chain makes in slot."""
    now_ns = chain.slot_clock.time_ns(slot)
    (block,) = blocks_of(chain.step(Tick(now_ns=now_ns, slot=slot, left_ns=left_ns)))
    return block.transactions


def test_what_does_not_fit_the_window_is_first_in_the_next_block() -> None:
    chain, waiting = loaded(6)
    assert taken(chain, START_SLOT) == tuple(waiting[:4])
    assert taken(chain, START_SLOT + 1) == tuple(waiting[4:])


def test_a_producer_that_woke_late_takes_what_the_time_left_allows_and_keeps_the_rest() -> None:
    chain, waiting = loaded(4)
    assert taken(chain, START_SLOT, left_ns=74_999) == tuple(waiting[:2])
    assert taken(chain, START_SLOT + 1, left_ns=0) == ()
    assert taken(chain, START_SLOT + 2, left_ns=10**9) == tuple(waiting[2:])


def test_a_long_transaction_that_does_not_fit_lets_shorter_ones_behind_it_pass() -> None:
    chain, (first, *_) = loaded(1)
    form = chain.codec.transactions
    long = signed(chain, *(form.transfer("userb", "userc", 1, b"") for _ in range(4)))
    short = transfer(chain, sender="userc", recipient="userd")
    for transaction in (long, short):
        submit(chain, transaction, slot=START_SLOT)
    assert taken(chain, START_SLOT) == (first, short)
    assert taken(chain, START_SLOT + 1) == (long,)


def test_every_node_refuses_a_block_over_the_window_and_what_no_block_could_hold() -> None:
    maker, waiting = loaded(5)
    parent = maker._fork_db.head.state
    header = parent.draft(START_SLOT, None, executed(maker, START_SLOT, waiting))
    assert isinstance(header, BlockHeader)
    signature = sign(secret(header.producer), parent.child(header).signing_digest)
    (refused,) = of_kind(
        receive(make_chain(GENESIS), SignedBlock(header, signature, tuple(waiting))), Rejected
    )
    assert refused.reason == "block_too_long"
    form = maker.codec.transactions
    endless = signed(maker, *(form.transfer("usera", "userb", 1, b"") for _ in range(5)))
    (told,) = of_kind(submit(maker, endless, slot=START_SLOT, peer="x"), Rejected)
    assert told.reason == "too_large"


def test_receipts_charge_the_cost() -> None:
    chain, (transaction,) = loaded(1)
    (block,) = blocks_of(tick(chain, START_SLOT))
    (receipt,) = chain.codec.printed(block, chain.slot_clock)["transactions"]
    assert receipt["cpu_usage_us"] == transaction.cost_us == 25
