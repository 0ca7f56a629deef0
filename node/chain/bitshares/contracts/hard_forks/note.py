"""Leaving a note: operation 211, ours, which only the hard fork `notes` makes known."""

from typing import ClassVar

from node.chain.bitshares.contracts.hard_forks.rows import HARD_FORK_ROWS, NOTES
from node.chain.encoding.fields import Account, Amount, Text
from node.chain.model.bitshares_rules import HARD_FORKS
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation
from node.events import Noted

NUMBER_OF_NOTES = next(number for number, name in HARD_FORKS.items() if name == "notes")
MAX_BYTES = 256


class Note(Operation, frozen=True, kw_only=True):
    """Leave a note, in the place of the account's last one: the rule that a hard fork brings."""

    NUMBER: ClassVar = 211
    SIGNER: ClassVar = "account"

    fee: Amount = 0
    account: Account
    text: Text

    def fault(self) -> Reason | None:
        """Return too_large for a text of more than 256 bytes."""
        return Reason.TOO_LARGE if len(self.text.encode()) > MAX_BYTES else None

    def apply(self, block: OpenBlock) -> None:
        """Remember the note.

        Raises:
            TransactionRejected: the hard fork was not active after the block before.
        """
        row = block.state.get(HARD_FORK_ROWS, NUMBER_OF_NOTES)
        if row is None or row.state != "active":
            raise TransactionRejected(Reason.HARD_FORK_INACTIVE)
        block.state.put(NOTES, self.account, self.text)
        block.facts.append(Noted(num=block.num, account=self.account, text=self.text))
