"""Voting on fees: action `setfeevote`."""

from typing import ClassVar

import msgspec

from node.chain.encoding.fields import Account, Number, Text
from node.chain.eosio.contracts.fees.rows import FEE_VOTERS, FEES, FeeVote
from node.chain.eosio.contracts.fees.voters import check_pause, check_rank, mark_pending, voter_of
from node.chain.eosio.contracts.voting.rows import rules_of
from node.chain.ledger.accounts import MAX_AMOUNT
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation


class FeeValue(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint is worth in SUF, before the producer's multiplier."""

    end_point: Text
    value: Number


class SetFeeVotes(Operation, frozen=True, kw_only=True):
    """Say what endpoints are worth; what a producer said of others stays."""

    ACTION: ClassVar = ("fio.fee", "setfeevote")
    WORD: ClassVar = "set_fee_vote"

    fee_values: tuple[FeeValue, ...]
    max_fee: Number = MAX_AMOUNT
    actor: Account

    def fault(self) -> Reason | None:
        """Return bad_fee_vote for a value over the largest amount."""
        over = any(fee.value > MAX_AMOUNT for fee in self.fee_values)
        return Reason.BAD_FEE_VOTE if over else None

    def apply(self, block: OpenBlock) -> None:
        """Set the votes; if a producer of the schedule's top does, these wait to be counted.

        Source: PROTOCOL B.9.

        Raises:
            TransactionRejected: no producer of rank, an unknown endpoint, or one that it voted on
                too short a while ago, in this list, too.
        """
        rules = rules_of(block)
        check_rank(self.actor, rules, block.state)
        voter = voter_of(self.actor, block.state)
        votes = {vote.endpoint: vote for vote in voter.votes}
        for fee in self.fee_values:
            if block.state.get(FEES, fee.end_point) is None:
                raise TransactionRejected(Reason.UNKNOWN_ENDPOINT)
            before = votes.get(fee.end_point)
            last_s = before.at_s if before else 0
            check_pause(last_s, block.time_s, rules.fees.fee_vote_pause_s)
            votes[fee.end_point] = FeeVote(fee.end_point, fee.value, block.time_s)
        ordered = tuple(votes[endpoint] for endpoint in sorted(votes))
        block.state.put(FEE_VOTERS, self.actor, msgspec.structs.replace(voter, votes=ordered))
        mark_pending(self.actor, [fee.end_point for fee in self.fee_values], block.state)
