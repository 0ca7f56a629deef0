"""Moving tokens: action `transfer` of the token contract."""

from typing import ClassVar

import msgspec

from node.chain.encoding.fields import Account, Amount, Blob
from node.chain.ledger import accounts
from node.chain.model.errors import Reason
from node.chain.model.operation import OpenBlock, Operation


class Transfer(Operation, frozen=True, kw_only=True):
    """Move amount from sender to recipient."""

    ACTION: ClassVar = ("eosio.token", "transfer")
    WORD: ClassVar = "transfer"
    SIGNER: ClassVar = "sender"
    BY_TIME: ClassVar = False

    sender: Account = msgspec.field(name="from")
    recipient: Account = msgspec.field(name="to")
    amount: Amount = msgspec.field(name="quantity")
    memo: Blob = b""

    @property
    def accounts(self) -> tuple[str, ...]:
        """Return the recipient."""
        return (self.recipient,)

    def fault(self) -> Reason | None:
        """Return zero_amount for nothing."""
        return None if self.amount else Reason.ZERO_AMOUNT

    def apply(self, block: OpenBlock) -> None:
        """Move the amount.

        Raises:
            TransactionRejected: the sender has not so much.
        """
        accounts.move(block, self.sender, self.recipient, self.amount)
