"""Voting on all fees at once: action `setfeemult`, by which a producer's votes are multiplied."""

from typing import ClassVar

import msgspec

from node.chain.encoding.fields import Account, Number
from node.chain.eosio.contracts.fees.rows import FEE_VOTERS
from node.chain.eosio.contracts.fees.voters import check_pause, check_rank, mark_pending, voter_of
from node.chain.eosio.contracts.voting.rows import rules_of
from node.chain.ledger.accounts import MAX_AMOUNT
from node.chain.model.errors import Reason
from node.chain.model.operation import OpenBlock, Operation


class SetFeeMultiplier(Operation, frozen=True, kw_only=True):
    """Set the multiplier of a producer's fee votes, in millionths; upstream's is a double."""

    ACTION: ClassVar = ("fio.fee", "setfeemult")
    WORD: ClassVar = "set_fee_multiplier"

    multiplier: Number
    max_fee: Number = MAX_AMOUNT
    actor: Account

    def fault(self) -> Reason | None:
        """Return bad_fee_vote for a multiplier of 0."""
        return None if self.multiplier else Reason.BAD_FEE_VOTE

    def apply(self, block: OpenBlock) -> None:
        """Set it; if a producer of the schedule's top does, all it voted on waits to be counted.

        Source: PROTOCOL B.9.

        Raises:
            TransactionRejected: no producer of rank, or too soon after the last time.
        """
        rules = rules_of(block)
        check_rank(self.actor, rules, block.state)
        voter = voter_of(self.actor, block.state)
        check_pause(voter.multiplier_at_s, block.time_s, rules.fees.multiplier_pause_s)
        changed = msgspec.structs.replace(
            voter, multiplier=self.multiplier, multiplier_at_s=block.time_s
        )
        block.state.put(FEE_VOTERS, self.actor, changed)
        mark_pending(self.actor, [vote.endpoint for vote in voter.votes], block.state)
