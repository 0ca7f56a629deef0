"""Taking an approval back: ours, as graphene's operation 23 does both."""

from typing import Annotated, ClassVar

import msgspec

from node.chain.bitshares.contracts.committee.rows import PROPOSALS, proposal_of
from node.chain.encoding.fields import Account, Amount, Number
from node.chain.ledger.accounts import ACCOUNTS
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation
from node.events import Approved


class WithdrawApproval(Operation, frozen=True, kw_only=True):
    """Approve a proposal no longer, as an account and by its key: at any time (PROTOCOL C.12)."""

    NUMBER: ClassVar = 223
    SIGNER: ClassVar = "approver"

    fee: Amount = 0
    approver: Account = msgspec.field(name="fee_paying_account")
    proposal: Number
    extensions: Annotated[None, "extensions"] = None

    def apply(self, block: OpenBlock) -> None:
        """Remove the approval.

        Raises:
            TransactionRejected: there is no such proposal, or none such approval of it.
        """
        state, row = block.state, proposal_of(block.state, self.proposal)
        own = state.get(ACCOUNTS, self.approver)
        left = msgspec.structs.replace(
            row,
            approvals=tuple(name for name in row.approvals if name != self.approver),
            keys=tuple(key for key in row.keys if key != own),
        )
        if left == row:
            raise TransactionRejected(Reason.NOT_APPROVED)
        state.put(PROPOSALS, self.proposal, left)
        block.facts.append(
            Approved(num=block.num, proposal=self.proposal, account=self.approver, withdrawn=True)
        )
