"""Standing for the committee: operation 29, committee_member_create."""

from typing import ClassVar

from node.chain.bitshares.contracts.voting.create_witness import URL_BYTES
from node.chain.bitshares.contracts.voting.rows import MEMBERS, Member
from node.chain.encoding.fields import Account, Amount, Text
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation
from node.events import Registered


class CreateCommitteeMember(Operation, frozen=True, kw_only=True):
    """Let an account be a candidate for the committee.

    Source: bitshares-core libraries/protocol/include/graphene/protocol/committee_member.hpp.
    """

    NUMBER: ClassVar = 29
    SIGNER: ClassVar = "account"

    fee: Amount = 0
    account: Account
    url: Text = ""

    def fault(self) -> Reason | None:
        """Return bad_url for what is too long."""
        return Reason.BAD_URL if len(self.url.encode()) > URL_BYTES else None

    def apply(self, block: OpenBlock) -> None:
        """Register the account, which nobody has approved of yet.

        Raises:
            TransactionRejected: it is registered already.
        """
        state = block.state
        if state.get(MEMBERS, self.account) is not None:
            raise TransactionRejected(Reason.SAME_REGISTRATION)
        state.put(MEMBERS, self.account, Member(position=len(state.rows(MEMBERS)), url=self.url))
        block.facts.append(
            Registered(num=block.num, account=self.account, role="committee", active=True)
        )
