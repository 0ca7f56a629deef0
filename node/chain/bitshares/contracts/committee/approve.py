"""Approving a proposal: operation 23, of which ours adds one account's approval."""

from typing import Annotated, ClassVar

import msgspec

from node.chain.bitshares.contracts.committee.rows import PROPOSALS, proposal_of
from node.chain.bitshares.contracts.rows import rules_of
from node.chain.encoding.fields import Account, Amount, Flag, Number
from node.chain.ledger.accounts import ACCOUNTS
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation
from node.events import Approved


class Approve(Operation, frozen=True, kw_only=True):
    """Approve a proposal, as an account or by_key: by the key that the account has now.

    Anybody may; what counts is who is in the committee when it is judged. Upstream the approvals of
    keys are not frozen during the review, which a chain with freeze_approvals: accounts shows.

    Source: bitshares-core libraries/protocol/include/graphene/protocol/proposal.hpp.
    """

    NUMBER: ClassVar = 23
    SIGNER: ClassVar = "approver"

    fee: Amount = 0
    approver: Account = msgspec.field(name="fee_paying_account")
    proposal: Number
    by_key: Flag = False
    extensions: Annotated[None, "extensions"] = None

    def apply(self, block: OpenBlock) -> None:
        """Add the approval.

        Raises:
            TransactionRejected: there is no such proposal, it is being reviewed, or it has this
                approval.
        """
        state, row = block.state, proposal_of(block.state, self.proposal)
        frozen = not self.by_key or rules_of(state).committee.freeze_approvals == "all"
        if frozen and block.head_s >= row.frozen_s:
            raise TransactionRejected(Reason.IN_REVIEW)
        if self.by_key:
            key = state.get(ACCOUNTS, self.approver)
            assert key is not None
            added = msgspec.structs.replace(row, keys=tuple(sorted({*row.keys, key})))
        else:
            names = tuple(sorted({*row.approvals, self.approver}))
            added = msgspec.structs.replace(row, approvals=names)
        if added == row:
            raise TransactionRejected(Reason.SAME_APPROVAL)
        state.put(PROPOSALS, self.proposal, added)
        block.facts.append(
            Approved(
                num=block.num, proposal=self.proposal, account=self.approver, withdrawn=False
            )
        )  # fmt: skip
