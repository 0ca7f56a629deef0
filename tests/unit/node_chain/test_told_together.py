"""What a node tells of transactions: of those that take a step together, in one record."""

from __future__ import annotations

from node.chain.model.messages import Effect, TransactionsReceived
from node.events import Txs
from tests.unit.node_chain.builders import START_SLOT, of_kind, tick, transfer
from tests.unit.node_chain.test_transactions import maker


def test_transactions_that_take_a_step_together_are_told_of_together() -> None:
    chain = maker(20)
    sent = [transfer(chain, amount) for amount in (3, 1, 2)]
    poor = [transfer(chain, 5_000 + n) for n in range(2)]
    mixed = [sent[0], poor[0], *sent[1:], poor[1]]
    event = TransactionsReceived(
        now_ns=chain.slot_clock.time_ns(START_SLOT + 20), transactions=mixed, peer=None
    )
    effects: list[Effect] = chain.step(event)
    ids = [transaction.id.hex() for transaction in sent]
    assert of_kind(effects, Txs) == [
        Txs(ids=[one.id.hex() for one in poor], state="rejected", reason="insufficient_balance"),
        Txs(ids=ids, state="accepted"),
    ]
    for slot in range(START_SLOT + 20, START_SLOT + 40):
        effects += tick(chain, slot)
    assert [(record.ids, record.state) for record in of_kind(effects, Txs)[2:]] == [
        (ids, "included"),
        (ids, "irreversible"),
    ]
