"""Voting on what a bundle holds: action `bundlevote`."""

from typing import ClassVar

from node.chain.encoding.fields import Account, Number
from node.chain.eosio.contracts.fees.rows import BUNDLE_VOTES, BundleSize
from node.chain.eosio.contracts.fees.voters import check_pause, check_rank
from node.chain.eosio.contracts.voting.rows import rules_of
from node.chain.ledger.accounts import MAX_AMOUNT
from node.chain.model.errors import Reason
from node.chain.model.fio_rules import MAX_UNITS
from node.chain.model.operation import OpenBlock, Operation


class BundleVote(Operation, frozen=True, kw_only=True):
    """Say how many operations a bundle should pay for."""

    ACTION: ClassVar = ("fio.fee", "bundlevote")
    WORD: ClassVar = "bundle_vote"

    bundled_transactions: Number
    max_fee: Number = MAX_AMOUNT
    actor: Account

    def fault(self) -> Reason | None:
        """Return bad_fee_vote for none, or for more than a million."""
        fits = 0 < self.bundled_transactions <= MAX_UNITS
        return None if fits else Reason.BAD_FEE_VOTE

    def apply(self, block: OpenBlock) -> None:
        """Set the vote.

        Source: PROTOCOL B.9.

        Raises:
            TransactionRejected: no producer of rank, or too soon after the last time.
        """
        rules = rules_of(block)
        check_rank(self.actor, rules, block.state)
        before = block.state.get(BUNDLE_VOTES, self.actor)
        check_pause(before.at_s if before else 0, block.time_s, rules.fees.bundle_vote_pause_s)
        block.state.put(
            BUNDLE_VOTES, self.actor, BundleSize(self.bundled_transactions, block.time_s)
        )
