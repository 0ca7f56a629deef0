"""Counting the votes on fees: action `computefees`."""

from typing import ClassVar

from node.chain.encoding.fields import Account
from node.chain.eosio.contracts.fees.median import median
from node.chain.eosio.contracts.fees.rows import FEES, Fee
from node.chain.eosio.contracts.fees.voters import top_producers, votes_on
from node.chain.eosio.contracts.voting.rows import rules_of
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation
from node.events import FeeChanged


class ComputeFees(Operation, frozen=True, kw_only=True):
    """Set the fees on which votes wait to the median of the top producers' votes; anybody may.

    Upstream's names no actor, as nobody pays for it; ours does, as somebody signs.
    """

    ACTION: ClassVar = ("fio.fee", "computefees")
    WORD: ClassVar = "compute_fees"
    COST_US: ClassVar[int] = 250

    actor: Account

    def apply(self, block: OpenBlock) -> None:
        """Count the votes on the first of the fees that wait, in alphabetical order.

        A median of 0, or of too few votes, leaves the fee as it is.

        Source: PROTOCOL B.9.

        Raises:
            TransactionRejected: no votes wait.
        """
        state, rules = block.state, rules_of(block)
        waiting = sorted(name for name, fee in state.rows(FEES).items() if fee.pending)
        if not waiting:
            raise TransactionRejected(Reason.NO_WORK)
        producers = top_producers(state)
        for name in waiting[: rules.fees.fees_per_call]:
            row = state.get(FEES, name)
            assert row is not None
            votes = votes_on(name, producers, state)
            amount = median(votes, rules.fees.median_votes) or row.amount
            state.put(FEES, name, Fee(amount))
            if amount != row.amount:
                block.facts.append(
                    FeeChanged(
                        num=block.num,
                        endpoint=name,
                        before=row.amount,
                        amount=amount,
                        votes=len(votes),
                    )
                )
