"""Moving tokens: operation 0."""

from typing import Annotated, ClassVar

import msgspec

from node.chain.encoding.fields import Account, Amount
from node.chain.ledger import accounts
from node.chain.model.errors import Reason
from node.chain.model.operation import OpenBlock, Operation


class Transfer(Operation, frozen=True, kw_only=True):
    """Move amount from sender to recipient.

    Source: bitshares-core libraries/protocol/include/graphene/protocol/transfer.hpp.
    """

    NUMBER: ClassVar = 0
    SIGNER: ClassVar = "sender"
    BY_TIME: ClassVar = False

    fee: Amount = 0
    sender: Account = msgspec.field(name="from")
    recipient: Account = msgspec.field(name="to")
    amount: Amount
    memo: Annotated[bytes, "memo"] = b""
    extensions: Annotated[None, "extensions"] = None

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
