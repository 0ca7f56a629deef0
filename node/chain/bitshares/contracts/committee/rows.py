"""The rows of proposals."""

import msgspec

from node.chain.bitshares.chain_parameters import ChainParameters
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.state.state import State, Table


class Proposal(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A full set of parameters that the committee is asked for, as PROTOCOL C.12 has proposals.

    expires_s: the time in seconds of the chain at which it is judged, review_s before which nobody
    can approve it any more. approvals: accounts, by name; keys: those that approved it by their
    keys, ascending.
    """

    proposer: str
    parameters: ChainParameters
    expires_s: int
    review_s: int
    approvals: tuple[str, ...] = ()
    keys: tuple[bytes, ...] = ()

    @property
    def frozen_s(self) -> int:
        """Return the time from which it is reviewed."""
        return self.expires_s - self.review_s


PROPOSALS = Table("proposals", int, Proposal)
"""By number, N of the object id 1.10.N."""
NEXT_PROPOSAL = Table("next_proposal", str, int)
"""Under THE_ONE: the number of the next one."""
COMMITTEE_TABLES = (PROPOSALS, NEXT_PROPOSAL)


def proposal_of(state: State, number: int) -> Proposal:
    """Return a proposal that is there.

    Raises:
        TransactionRejected: there is none of that number, or it has ended.
    """
    row = state.get(PROPOSALS, number)
    if row is None:
        raise TransactionRejected(Reason.UNKNOWN_PROPOSAL)
    return row
