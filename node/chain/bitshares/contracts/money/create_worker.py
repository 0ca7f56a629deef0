"""Asking to be paid for a project: operation 34."""

from typing import ClassVar

from node.chain.bitshares.contracts.money.rows import MAIN, NEXT_WORKER, WORKERS, Worker
from node.chain.bitshares.contracts.rows import rules_of
from node.chain.encoding.fields import Account, Amount, Number, Text
from node.chain.ledger.accounts import MAX_AMOUNT
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation

LONGEST_S = 1 << 32
MOST_BYTES = 127
"""Of a name or an address."""


class CreateWorker(Operation, frozen=True, kw_only=True):
    """Let accounts approve of a project by its number, 0 for the first, so that it is paid.

    It begins begins_in_s after the parent's time and lasts lasts_s; upstream both times are said.
    What it is paid vests as a witness' pay does; upstream it says how, or has it burnt.

    Source: bitshares-core libraries/protocol/include/graphene/protocol/worker.hpp.
    """

    NUMBER: ClassVar = 34
    SIGNER: ClassVar = "owner"

    fee: Amount = 0
    owner: Account
    begins_in_s: Number = 0
    lasts_s: Number
    daily_pay: Number
    name: Text
    url: Text = ""

    def fault(self) -> Reason | None:
        """Return bad_worker for no time, no pay or too much of either, or for a long text."""
        texts_fit = all(len(text.encode()) <= MOST_BYTES for text in (self.name, self.url))
        times_fit = 0 < self.lasts_s < LONGEST_S and self.begins_in_s < LONGEST_S
        fits = texts_fit and times_fit and 0 < self.daily_pay <= MAX_AMOUNT
        return None if fits else Reason.BAD_WORKER

    def apply(self, block: OpenBlock) -> None:
        """Register it under the next number.

        Raises:
            TransactionRejected: the owner has as many as it may, those included that ended since
                the last maintenance.
        """
        state = block.state
        own = sum(row.owner == self.owner for row in state.rows(WORKERS).values())
        if own >= rules_of(state).money.max_workers:
            raise TransactionRejected(Reason.TOO_MANY_WORKERS)
        number = state.get(NEXT_WORKER, MAIN) or 0
        begin_s = block.head_s + self.begins_in_s
        worker = Worker(
            owner=self.owner,
            daily_pay=self.daily_pay,
            begin_s=begin_s,
            end_s=begin_s + self.lasts_s,
            name=self.name,
            url=self.url,
        )
        state.put(WORKERS, number, worker)
        state.put(NEXT_WORKER, MAIN, number + 1)
