"""A raffle among accounts: operation 210, ours, that shows random numbers at work."""

from typing import ClassVar

from node.chain.bitshares.contracts.raffle.rows import drawn
from node.chain.encoding.fields import Account, Amount
from node.chain.ledger import accounts
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation
from node.events import Raffled


class Raffle(Operation, frozen=True, kw_only=True):
    """Give amount to one of the accounts, each as likely to be picked (PROTOCOL B44)."""

    NUMBER: ClassVar = 210
    SIGNER: ClassVar = "giver"

    fee: Amount = 0
    giver: Account
    among: tuple[Account, ...]
    amount: Amount

    @property
    def accounts(self) -> tuple[str, ...]:
        """Return who may win."""
        return self.among

    def fault(self) -> Reason | None:
        """Return zero_amount for nothing, bad_raffle for nobody or somebody twice."""
        if not self.among or len(set(self.among)) != len(self.among):
            return Reason.BAD_RAFFLE
        return None if self.amount else Reason.ZERO_AMOUNT

    def apply(self, block: OpenBlock) -> None:
        """Draw the winner, who is then told.

        Raises:
            TransactionRejected: this chain has no random numbers, or the giver not so much.
        """
        numbers = drawn(block)
        if numbers is None:
            raise TransactionRejected(Reason.NO_RANDOM)
        winner = self.among[numbers.below(len(self.among))]
        accounts.move(block, self.giver, winner, self.amount)
        block.facts.append(
            Raffled(num=block.num, account=self.giver, winner=winner, amount=self.amount)
        )
