"""What waits and what fails is not in the chain: neither seen, nor spent, nor announced."""

from __future__ import annotations

import random

import pytest

from node.chain.chain import Chain
from node.chain.ledger.ledger import Ledger
from node.chain.ledger.pending import Pending
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.messages import Input, Tick, TransactionsReceived
from node.chain.model.operation import OpenBlock, Operation
from node.chain.model.schedule import ProducerSchedule
from node.chain.model.transaction import Transaction
from tests.unit.node_chain.builders import (
    START_SLOT,
    blocks_of,
    make_chain,
    signed,
    submit,
    tick,
    transfer,
)
from tests.unit.node_chain.history_worlds import WORLDS, world
from tests.unit.node_chain.test_transactions import GENESIS, maker, verdict
from tests.unit.node_eosio.fio_world import vote


def test_what_expired_while_no_block_came_is_no_longer_spent() -> None:
    chain = make_chain(GENESIS, ["producerd"])
    assert verdict(chain, transfer(chain, 900, lives_s=1)) == "accepted"
    assert verdict(chain, transfer(chain, 800)) == "insufficient_balance"
    tick(chain, START_SLOT + 2)
    assert verdict(chain, transfer(chain, 800), START_SLOT + 2) == "accepted"


def test_what_waits_is_not_in_the_chain_yet() -> None:
    chain = maker()
    waits = transfer(chain)
    assert verdict(chain, waits) == "accepted"
    assert not chain._ledger.has_transaction(waits.id)
    tick(chain, START_SLOT)
    assert chain._ledger.has_transaction(waits.id)


class Announces(Operation, frozen=True):
    """Announces something, and fails."""

    @property
    def authority(self) -> str:
        return "usera"

    def apply(self, block: OpenBlock) -> None:
        block.announced = ProducerSchedule(9, ())
        raise TransactionRejected(Reason.ZERO_AMOUNT)


def test_what_a_failed_transaction_would_have_announced_is_not_announced() -> None:
    chain = maker()
    ledger, head = chain._ledger, chain._fork_db.head.state
    ledger.begin(head, head.next_slot, chain.slot_clock.time_ns(head.next_slot))
    before = ledger.announced
    with pytest.raises(TransactionRejected):
        ledger.execute(Transaction.of(transfer(chain).header, (Announces(),), b"", (), b"id"), None)
    assert ledger.announced is before


class Anew(Pending):
    """Executes what waits once more for each block."""

    def block(self, slot: int, time_ns: int) -> None:
        return None


def drawn_input(chain: Chain, slot: int, users: list[str], rng: random.Random) -> Input:
    """Return the end of the time for slot, or transfers and votes some time before or after it.

    Some cannot be executed, some are there already, some expire soon.
    """
    if rng.random() < 0.2:
        abstain = "told" if rng.random() < 0.1 else None
        return Tick(now_ns=chain.slot_clock.time_ns(slot), slot=slot, abstain=abstain)
    made = list(chain.mempool)[:1] if rng.random() < 0.1 else []
    for _ in range(rng.randrange(4)):
        sender, recipient = rng.sample(users, 2)
        ref = rng.choice(chain.branch_ids(0)[-3:])
        amount, lives_s = rng.choice((1, 400)), rng.choice((1, 3, 30, 3601))
        made.append(
            transfer(
                chain, amount, sender=sender, recipient=recipient, ref=ref, lives_s=lives_s,
                memo=rng.randbytes(rng.choice((8, 400))),
            )
        )  # fmt: skip
    if chain.codec.transactions.prefix_at == 8 and rng.random() < 0.1:
        made.append(signed(chain, vote(rng.choice(users), "producera")))
    now_ns = chain.slot_clock.time_ns(slot) - rng.randrange(-(10**9), 10**9)
    return TransactionsReceived(now_ns=now_ns, transactions=tuple(made), peer=None)


@pytest.mark.parametrize("name", WORLDS)
def test_what_waits_comes_into_blocks_as_if_it_were_executed_anew(name: str) -> None:
    found = world(name)
    users = [account.name for account in found.genesis.accounts][:4]
    for seed in range(4):
        rng = random.Random(seed)
        chain, other = (found.chain(found.names) for _ in range(2))
        other._pending = Anew(other._ledger, other.mempool, other._verifier)
        slot = found.genesis.initial_slot + 1
        for _ in range(120):
            event = drawn_input(chain, slot, users, rng)
            assert chain.step(event) == other.step(event)
            slot += isinstance(event, Tick) + (rng.random() < 0.01)
        assert chain.snapshot()() == other.snapshot()()


def test_an_opening_that_goes_by_the_time_is_done_anew() -> None:
    found = world("eosio 2 fio")
    for first in (START_SLOT, START_SLOT + 1):
        chain, other = (found.chain(found.names) for _ in range(2))
        other._pending = Anew(other._ledger, other.mempool, other._verifier)
        for slot in range(first, first + 4):
            waits = [vote("usera", "producera")] if slot == first else []
            waits += [chain.codec.transactions.transfer("usera", "userb", 1, bytes([slot - first]))]
            for one in (chain, other):
                submit(one, signed(chain, *waits), slot=slot - 1)
            assert tick(chain, slot) == tick(other, slot)


def test_transfers_that_wait_are_executed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    executed: list[bytes] = []
    execute = Ledger.execute

    def counted(self: Ledger, transaction: Transaction, verifier: object) -> None:
        executed.append(transaction.id)
        execute(self, transaction, verifier)  # type: ignore[arg-type]

    monkeypatch.setattr(Ledger, "execute", counted)
    chain = make_chain(GENESIS, ["producera"], enable_stale_production=True)
    tick(chain, START_SLOT)
    made = [transfer(chain, amount) for amount in (1, 2)]
    for transaction in made:
        submit(chain, transaction, slot=START_SLOT)
    (block,) = blocks_of(tick(chain, START_SLOT + 1))
    assert list(block.transactions) == made
    assert executed == [transaction.id for transaction in made]
