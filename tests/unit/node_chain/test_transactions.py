"""Transactions: each rule on both sides of its boundary, the mempool, the ledger's undo."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.chain.chain import Chain
from node.chain.eosio.header_state import HeaderState
from node.chain.ledger.ledger import RING, SEEN, Ledger
from node.chain.ledger.mempool import Mempool
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.messages import Effect, Relay
from node.chain.model.slot import NS_PER_S
from node.chain.model.transaction import Transaction
from node.chain.profiles import build
from node.events import Applied, Rejected, Txs
from tests.unit.node_chain.builders import (
    SHARED_VERIFIER,
    START_SLOT,
    blocks_of,
    make_chain,
    make_genesis,
    notices,
    of_kind,
    producer_names,
    receive,
    signed,
    signed_again,
    submit,
    tick,
    transfer,
)

GENESIS = make_genesis()
NAMES = producer_names(4)


def maker(blocks: int = 0) -> Chain:
    """Return a chain with all keys that produced that many blocks."""
    chain = make_chain(GENESIS, NAMES, enable_stale_production=True)
    for slot in range(START_SLOT, START_SLOT + blocks):
        tick(chain, slot)
    return chain


def verdict(chain: Chain, transaction: Transaction, slot: int = START_SLOT) -> str:
    """Return `accepted` or why a local client's transaction was refused."""
    (record,) = of_kind(submit(chain, transaction, slot=slot), Txs)
    assert record.ids == [transaction.id.hex()]
    return record.state if record.state == "accepted" else record.reason


def expiring(chain: Chain, seconds: int) -> Transaction:
    """Return a transfer that expires that long after START_SLOT."""
    return transfer(chain, lives_s=seconds, ref=chain.branch_ids(1)[0])


@pytest.mark.parametrize(
    ("late_ns", "seconds", "expected"),
    [
        (0, 0, "accepted"),
        (1, 0, "expired"),
        (0, 3600, "accepted"),
        (0, 3601, "expiration_too_far"),
        (10**9, 3601, "accepted"),
    ],
)
def test_the_expiration_lies_between_now_and_the_longest_life(
    late_ns: int, seconds: int, expected: str
) -> None:
    chain = maker()
    ledger = Ledger(
        GENESIS,
        chain_id=chain.chain_id,
        genesis_id=build(GENESIS).genesis_state.id,
        rules=build(GENESIS).transaction_rules,
    )
    transaction = expiring(chain, seconds)
    head_s = chain.slot_clock.time_ns(chain.head.slot) // 10**9
    parent = build(GENESIS).genesis_state
    ledger.begin(parent, parent.slot + 1, head_s * 10**9 + late_ns)
    try:
        ledger.execute(transaction, SHARED_VERIFIER)
        found = "accepted"
    except TransactionRejected as error:
        found = error.reason
    assert found == expected


def test_tapos_wants_the_number_and_the_prefix_of_a_block_of_this_branch() -> None:
    chain = maker(5)
    assert verdict(chain, transfer(chain, memo=b"head")) == "accepted"
    assert verdict(chain, transfer(chain, ref=chain.branch_ids(1)[0])) == "accepted"
    good = transfer(chain)
    for change in (
        {"ref_block_prefix": good.header.ref_block_prefix ^ 1},
        {"ref_block_num": good.header.ref_block_num - 1},
        {"ref_block_num": good.header.ref_block_num + 1},
        {"ref_block_num": 0, "ref_block_prefix": 0},
    ):
        assert verdict(chain, signed_again(chain, good, "usera", **change)) == "bad_tapos"


def test_a_reference_to_the_parent_but_not_to_the_block_itself_can_be_executed() -> None:
    chain = maker(3)
    transaction = transfer(chain)
    submit(chain, transaction, slot=START_SLOT + 3)
    (block,) = blocks_of(tick(chain, START_SLOT + 3))
    assert block.transactions == (transaction,)
    assert transaction.header.ref_block_num == block.num - 1


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"amount": 1000}, "accepted"),
        ({"amount": 1001}, "insufficient_balance"),
        ({"amount": 0}, "zero_amount"),
        ({"sender": "nobody"}, "unknown_account"),
        ({"recipient": "nobody"}, "unknown_account"),
        ({"recipient": "usera"}, "accepted"),
        ({"signer": "userb"}, "bad_signature"),
        ({"memo": bytes(60_000)}, "accepted"),
    ],
)
def test_a_transfer_is_accepted_or_refused_with_the_reason(
    fields: dict[str, object], expected: str
) -> None:
    chain = maker()
    assert verdict(chain, transfer(chain, **fields)) == expected  # type: ignore[arg-type]


def test_a_transaction_for_another_chain_is_refused() -> None:
    other = make_chain(make_genesis(blocks_per_turn=3))
    chain = maker()
    prefix = transfer(chain).header.ref_block_prefix
    foreign = signed_again(other, transfer(other), "usera", ref_block_prefix=prefix)
    assert verdict(chain, foreign) == "bad_signature"


def test_a_transaction_that_no_block_has_room_for_is_refused() -> None:
    chain = make_chain(make_genesis(max_block_bytes=1024), NAMES)
    assert verdict(chain, transfer(chain, memo=bytes(600))) == "too_large"
    assert verdict(chain, transfer(chain, memo=bytes(300))) == "accepted"


def test_a_duplicate_is_refused_waiting_and_included_until_it_expires() -> None:
    chain = maker()
    transaction = expiring(chain, 2)
    assert verdict(chain, transaction) == "accepted"
    assert verdict(chain, transaction) == "duplicate"
    assert blocks_of(tick(chain, START_SLOT))[0].transactions == (transaction,)
    assert verdict(chain, transaction) == "duplicate"
    for slot in range(START_SLOT + 1, START_SLOT + 6):
        tick(chain, slot)
        assert verdict(chain, transaction, slot) in ("duplicate", "expired")
    assert verdict(chain, transaction, START_SLOT + 6) == "expired"


def test_gossip_is_relayed_once_and_duplicates_from_peers_are_passed_over() -> None:
    chain = maker()
    transaction = transfer(chain)
    effects = submit(chain, transaction, slot=START_SLOT, peer="x")
    assert effects == [Relay(transactions=[transaction], source="x")]
    assert submit(chain, transaction, slot=START_SLOT, peer="y") == []
    bad = transfer(chain, amount=2, signer="userb")
    (record,) = notices(submit(chain, bad, slot=START_SLOT, peer="x"))
    assert record == Rejected(
        what="transaction", reason="bad_signature", from_="x", id=bad.id.hex()
    )


def test_the_life_of_a_local_transaction_is_told() -> None:
    chain = maker(20)
    transaction = transfer(chain)
    effects: list[Effect] = submit(chain, transaction, slot=START_SLOT + 20)
    for slot in range(START_SLOT + 20, START_SLOT + 40):
        effects += tick(chain, slot)
    lives = [(r.state, r.num) for r in of_kind(effects, Txs)]
    assert lives == [("accepted", 0), ("included", 22), ("irreversible", 22)]


def test_an_executed_block_tells_which_transactions_it_holds_in_its_order() -> None:
    chain = maker(20)
    sent = [transfer(chain, amount) for amount in (3, 1, 2)]
    for transaction in sent:
        submit(chain, transaction, slot=START_SLOT + 20)
    (told,) = of_kind(tick(chain, START_SLOT + 20), Applied)
    assert told.tx_count == 3
    assert told.transactions == [transaction.id.hex()[:16] for transaction in sent]


def test_a_waiting_transaction_expires() -> None:
    chain = make_chain(GENESIS, ["producerd"])
    transaction = expiring(chain, 1)
    submit(chain, transaction, slot=START_SLOT)
    assert of_kind(tick(chain, START_SLOT), Txs) == []  # its very second
    effects = tick(chain, START_SLOT + 1)
    assert of_kind(effects, Txs) == [Txs(ids=[transaction.id.hex()], state="expired")]
    assert len(chain.mempool) == 0


def test_a_block_takes_what_fits_in_order_and_leaves_the_rest() -> None:
    small = make_genesis(max_block_bytes=1500)
    chain = make_chain(small, NAMES)
    transactions = [transfer(chain, memo=bytes(200) + bytes((i,))) for i in range(5)]
    for transaction in transactions:
        submit(chain, transaction, slot=START_SLOT)
    found: list[Transaction] = []
    for slot in range(START_SLOT, START_SLOT + 3):
        (block,) = blocks_of(tick(chain, slot))
        assert len(block.transactions) <= 3
        found.extend(block.transactions)
    assert found == transactions


def test_a_big_one_that_does_not_fit_any_more_lets_small_ones_behind_it_pass() -> None:
    genesis = make_genesis(max_block_bytes=2048)
    chain = make_chain(genesis, NAMES, enable_stale_production=True)
    sizes = (700, 1000, 10)
    sent = [transfer(chain, amount=1, memo=bytes(size)) for size in sizes]
    for transaction in sent:
        assert verdict(chain, transaction) == "accepted"
    assert blocks_of(tick(chain, START_SLOT))[0].transactions == (sent[0], sent[2])
    assert blocks_of(tick(chain, START_SLOT + 1))[0].transactions == (sent[1],)


def test_what_was_admitted_before_is_spent_for_whoever_comes_after() -> None:
    chain = maker()
    assert verdict(chain, transfer(chain, 900)) == "accepted"
    assert verdict(chain, transfer(chain, 101)) == "insufficient_balance"
    assert verdict(chain, transfer(chain, 100)) == "accepted"
    assert chain.balance("usera") == 1000, "nothing is in a block"


def test_of_fifty_that_overspend_together_only_what_can_be_paid_is_relayed() -> None:
    chain = maker()
    effects = [
        effect
        for n in range(50)
        for effect in submit(
            chain, transfer(chain, 300, memo=bytes((n,))), slot=START_SLOT, peer="x"
        )
    ]
    assert sum(isinstance(effect, Relay) for effect in effects) == 3
    assert len(blocks_of(tick(chain, START_SLOT))[0].transactions) == 3


def test_a_transaction_may_depend_on_another_of_the_same_slot() -> None:
    chain = maker()
    first = transfer(chain, 1000)
    second = transfer(chain, 2000, sender="userb", recipient="userc")
    assert verdict(chain, second) == "insufficient_balance"
    assert verdict(chain, first) == "accepted"
    assert verdict(chain, second) == "accepted"
    assert blocks_of(tick(chain, START_SLOT))[0].transactions == (first, second)
    assert [chain.balance(user) for user in ("usera", "userb", "userc")] == [0, 0, 3000]


def test_what_a_block_made_impossible_is_dropped_before_the_next_is_admitted() -> None:
    chain, other = maker(), maker()
    waiting, rival = transfer(chain, 900), transfer(other, 901)
    assert verdict(chain, waiting) == "accepted"
    assert verdict(other, rival) == "accepted"
    receive(chain, blocks_of(tick(other, START_SLOT))[0])
    effects = submit(chain, transfer(chain, 99), slot=START_SLOT)
    told = of_kind(effects, Txs)
    assert told[0] == Txs(ids=[waiting.id.hex()], state="rejected", reason="insufficient_balance")
    assert told[1].state == "accepted"
    assert len(chain.mempool) == 1


def test_operations_of_several_accounts_need_a_signature_of_each_and_no_other() -> None:
    chain = maker()
    form = chain.codec.transactions
    both = form.transfer("usera", "userc", 1, b""), form.transfer("userb", "userc", 2, b"")
    for signers, expected in (
        (("usera",), "bad_signature"),
        (("usera", "usera", "userb"), "duplicate_signature"),
        (("usera", "userb", "userc"), "irrelevant_signature"),
        (("userb", "usera"), "accepted"),
    ):
        assert verdict(chain, signed(chain, *both, signers=signers)) == expected
    tick(chain, START_SLOT)
    assert [chain.balance(user) for user in ("usera", "userb", "userc")] == [999, 998, 1003]


def test_of_a_transaction_whose_second_operation_fails_the_first_is_taken_back() -> None:
    chain = maker()
    form = chain.codec.transactions
    digest = chain.state_digest
    fails = form.transfer("usera", "userb", 7, b""), form.transfer("usera", "userb", 994, b"")
    assert verdict(chain, signed(chain, *fails)) == "insufficient_balance"
    assert verdict(chain, transfer(chain, 1000)) == "accepted"
    assert chain.state_digest == digest


def test_the_mempool_is_bounded_in_number_and_bytes_and_puts_the_forked_first() -> None:
    chain = maker()
    a, b, c = (transfer(chain, memo=bytes((i,))) for i in range(3))
    pool = Mempool(max_count=2)
    pool.add(a)
    pool.add(b)
    for bound in (pool, Mempool(max_bytes=10)):
        with pytest.raises(TransactionRejected) as caught:
            bound.check_room(c)
        assert caught.value.reason == Reason.MEMPOOL_FULL
    pool.requeue([c, a])
    assert list(pool) == [c, a, b]
    for _ in range(2):
        pool.remove((c.id,))
        assert list(pool) == [a, b]
    assert pool.expire((a.expiration_s + 1) * NS_PER_S) == sorted((a.id, b.id))
    assert list(pool) == []


def numbered(num: int) -> HeaderState:
    """Return a state of that number."""
    state = build(GENESIS).genesis_state
    assert isinstance(state, HeaderState)
    return dataclasses.replace(state, tally=dataclasses.replace(state.tally, num=num))


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 400), st.integers(0, 3), st.integers(0, 3)), max_size=12))
def test_undoing_blocks_restores_balances_digest_and_replay_protection(
    moves: list[tuple[int, int, int]],
) -> None:
    chain = maker()
    users = ("usera", "userb", "userc", "userd")
    ledger = Ledger(
        GENESIS,
        chain_id=chain.chain_id,
        genesis_id=chain.head.id,
        rules=build(GENESIS).transaction_rules,
    )
    second = 10**9
    now_ns = chain.slot_clock.time_ns(START_SLOT)

    def state() -> tuple[bytes, list[int], set[bytes], dict[int, bytes]]:
        balances = [ledger.balance(user) for user in users]
        seen, ring = ledger._state.rows(SEEN), ledger._state.rows(RING)
        return ledger.digest, balances, set(seen), dict(ring)

    states = [state()]
    for num, (amount, sender, recipient) in enumerate(moves, start=2):
        parent = numbered(num - 1)
        ledger.begin(parent, parent.slot + 1, now_ns + num * second)
        moved = transfer(
            chain, amount, sender=users[sender], recipient=users[recipient], lives_s=num + 3
        )
        try:
            ledger.execute(moved, None)
        except TransactionRejected:
            ledger.abort()
            assert state() == states[-1]
            ledger.begin(parent, parent.slot + 1, now_ns + num * second)
        ledger.end(num.to_bytes(4, "big") + bytes(28))
        assert sum(ledger.balance(user) for user in users) == 4000
        states.append(state())
    while len(states) > 1:
        assert state() == states.pop()
        ledger.undo()
    assert state() == states[0]


def test_what_is_known_of_an_id_is_taken_for_the_same_bytes_and_for_no_others() -> None:
    chain = maker()
    sent = [transfer(chain, amount) for amount in (1, 2)]
    for one in sent:
        submit(chain, one, slot=START_SLOT)
    (block,) = blocks_of(tick(chain, START_SLOT))
    raw = chain.codec.encode(block)
    read = chain.codec.decode(raw, {one.id: one for one in sent}.get)
    assert [one is other for one, other in zip(read.transactions, sent, strict=True)] == [True] * 2
    forged = sent[0].with_signatures(bytes(65))
    mistaken = {sent[0].id: forged, sent[1].id: sent[0]}
    assert chain.codec.decode(raw, mistaken.get) == read == chain.codec.decode(raw)
