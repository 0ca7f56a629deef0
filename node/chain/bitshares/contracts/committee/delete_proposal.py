"""Taking a proposal back: operation 24."""

from typing import Annotated, ClassVar

import msgspec

from node.chain.bitshares.contracts.committee.rows import PROPOSALS, proposal_of
from node.chain.encoding.fields import Account, Amount, Number
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation
from node.events import ProposalEnded


class DeleteProposal(Operation, frozen=True, kw_only=True):
    """Take a proposal back. Ours lets who proposed it; upstream only the committee itself can.

    Source: bitshares-core libraries/protocol/include/graphene/protocol/proposal.hpp.
    """

    NUMBER: ClassVar = 24
    SIGNER: ClassVar = "proposer"

    fee: Amount = 0
    proposer: Account = msgspec.field(name="fee_paying_account")
    proposal: Number
    extensions: Annotated[None, "extensions"] = None

    def apply(self, block: OpenBlock) -> None:
        """Remove it.

        Raises:
            TransactionRejected: there is no such proposal, or it is another account's.
        """
        if proposal_of(block.state, self.proposal).proposer != self.proposer:
            raise TransactionRejected(Reason.NOT_PROPOSER)
        block.state.remove(PROPOSALS, self.proposal)
        block.facts.append(ProposalEnded(num=block.num, proposal=self.proposal, outcome="deleted"))
