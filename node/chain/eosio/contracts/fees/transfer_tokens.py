"""Moving tokens as FIO's wallets do: action `trnsfiopubky`, with a limit and a provider."""

from typing import ClassVar

from node.chain.encoding.fields import Account, Number, Text
from node.chain.eosio.contracts.voting.rows import rules_of
from node.chain.ledger import accounts
from node.chain.ledger.accounts import MAX_AMOUNT
from node.chain.model.errors import Reason
from node.chain.model.operation import OpenBlock, Operation


class TransferTokens(Operation, frozen=True, kw_only=True):
    """Move amount from actor to payee, whom upstream names by a public key.

    max_fee: the most SUF it may cost; tpid: the technology provider's address, "" for none.
    """

    ACTION: ClassVar = ("fio.token", "trnsfiopubky")
    WORD: ClassVar = "transfer_tokens"

    payee: Account
    amount: Number
    max_fee: Number = MAX_AMOUNT
    actor: Account
    tpid: Text = ""

    @property
    def accounts(self) -> tuple[str, ...]:
        """Return the recipient."""
        return (self.payee,)

    def fault(self) -> Reason | None:
        """Return zero_amount for nothing."""
        return None if self.amount else Reason.ZERO_AMOUNT

    def apply(self, block: OpenBlock) -> None:
        """Move the amount.

        Raises:
            TransactionRejected: the sender has not so much, or the chain has no fees.
        """
        rules_of(block)
        accounts.move(block, self.actor, self.payee, self.amount)
