"""What waits and what fails is not in the chain: neither seen, nor spent, nor announced."""

from __future__ import annotations

import pytest

from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation
from node.chain.model.schedule import ProducerSchedule
from node.chain.model.transaction import Transaction
from tests.unit.node_chain.builders import START_SLOT, make_chain, tick, transfer
from tests.unit.node_chain.test_transactions import GENESIS, maker, verdict


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
        ledger.execute(Transaction(transfer(chain).header, (Announces(),), b"", (), b"id"), None)
    assert ledger.announced is before
