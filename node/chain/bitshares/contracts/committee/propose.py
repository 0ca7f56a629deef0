"""Asking the committee for other parameters: operation 22."""

from collections.abc import Collection
from typing import Annotated, ClassVar

import msgspec

from node.chain.bitshares.contracts.committee.parameter_changes import ParameterChanges
from node.chain.bitshares.contracts.committee.rows import NEXT_PROPOSAL, PROPOSALS, Proposal
from node.chain.bitshares.contracts.rows import FIRST, PARAMETERS, THE_ONE, in_force, rules_of
from node.chain.bitshares.parameters import U32
from node.chain.encoding.fields import Account, Amount, Number, OptionalNumber
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation
from node.events import Proposed


class Propose(Operation, frozen=True, kw_only=True):
    """Propose parameters, to be judged when lifetime_s have passed since the parent's time.

    In the last review_period_s of them nobody can approve; None: as short as is allowed. The
    committee's authority is needed, so there is always a review (PROTOCOL C.12). Upstream the time
    itself is said, and proposals may hold other operations, too.

    Source: bitshares-core libraries/protocol/include/graphene/protocol/proposal.hpp.
    """

    NUMBER: ClassVar = 22
    SIGNER: ClassVar = "proposer"

    fee: Amount = 0
    proposer: Account = msgspec.field(name="fee_paying_account")
    lifetime_s: Number
    parameters: Annotated[ParameterChanges, "proposed"]
    review_period_s: OptionalNumber = None
    extensions: Annotated[None, "extensions"] = None

    def fault(self) -> Reason | None:
        """Return what no chain can have: no life, a review that does not fit, or its parameters."""
        wrong = self._wrong(None)
        return None if wrong is None else wrong[0]

    def problem(self, words: Collection[str]) -> str | None:
        """Return which field is so, and what it must be."""
        wrong = self._wrong(words)
        return None if wrong is None else wrong[1]

    def _wrong(self, words: Collection[str] | None) -> tuple[Reason, str] | None:
        """The reason, and the same in words."""
        if not 0 < self.lifetime_s < U32:
            return Reason.BAD_LIFETIME, f"lifetime_s: must be 1..{U32 - 1}"
        if self.review_period_s is not None and not 0 < self.review_period_s < self.lifetime_s:
            return Reason.BAD_REVIEW_PERIOD, "review_period_s: must be 1 or more, below lifetime_s"
        problem = self.parameters.problem(words)
        return None if problem is None else (Reason.BAD_PARAMETERS, f"parameters: {problem}")

    def apply(self, block: OpenBlock) -> None:
        """Let it wait for approvals.

        It must be reviewed for longer than a maintenance interval, so that stakeholders can elect
        another committee meanwhile (B18).

        Raises:
            TransactionRejected: it lives too long, is reviewed too shortly or all its life, this
                chain cannot have its parameters, or as many of the proposer wait as may.
        """
        state, now = block.state, in_force(block.state)
        review_s = now.review_period_s if self.review_period_s is None else self.review_period_s
        if not 0 < self.lifetime_s <= now.max_proposal_lifetime_s:
            raise TransactionRejected(Reason.BAD_LIFETIME)
        least_s = max(now.review_period_s, now.maintenance_interval_s + 1)
        if not least_s <= review_s < self.lifetime_s:
            raise TransactionRejected(Reason.BAD_REVIEW_PERIOD)
        first, new = state.get(PARAMETERS, FIRST), self.parameters.made_of(now)
        assert first is not None
        if new == now or new.change_problem(first) is not None:
            raise TransactionRejected(Reason.BAD_PARAMETERS)
        own = sum(row.proposer == self.proposer for row in state.rows(PROPOSALS).values())
        if own >= rules_of(state).committee.max_proposals:
            raise TransactionRejected(Reason.TOO_MANY_PROPOSALS)
        number = state.get(NEXT_PROPOSAL, THE_ONE) or 0
        proposal = Proposal(
            proposer=self.proposer,
            parameters=new,
            expires_s=block.head_s + self.lifetime_s,
            review_s=review_s,
        )
        state.put(PROPOSALS, number, proposal)
        state.put(NEXT_PROPOSAL, THE_ONE, number + 1)
        block.facts.append(
            Proposed(
                num=block.num, proposal=number, account=self.proposer,
                changes=self.parameters.said, frozen_s=proposal.frozen_s,
                expires_s=proposal.expires_s,
            )
        )  # fmt: skip
