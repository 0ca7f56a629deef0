"""Voting for producers: action `voteproducer` (PROTOCOL B.2)."""

from typing import ClassVar

import msgspec
from msgspec.structs import replace

from node.chain.encoding.fields import Account, Number
from node.chain.eosio.contracts.voting.rows import (
    PRODUCERS,
    VOTERS,
    Voter,
    require_domain,
    rules_of,
)
from node.chain.eosio.contracts.voting.weights import choose
from node.chain.genesis import SYSTEM_ACCOUNT
from node.chain.ledger.accounts import MAX_AMOUNT
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation
from node.events import Voted


class VoteProducers(Operation, frozen=True, kw_only=True):
    """Vote for these producers, each with the whole weight, and for no others; () for none.

    They are named by the accounts that own their addresses. max_fee: the greatest fee agreed to.
    """

    ACTION: ClassVar = (SYSTEM_ACCOUNT, "voteproducer")
    WORD: ClassVar = "vote"
    SIGNER: ClassVar = "voter"

    producers: tuple[Account, ...]
    voter: Account = msgspec.field(name="actor")
    max_fee: Number = MAX_AMOUNT

    def fault(self) -> Reason | None:
        """Return duplicate_vote when one is there twice."""
        twice = len(set(self.producers)) < len(self.producers)
        return Reason.DUPLICATE_VOTE if twice else None

    def apply(self, block: OpenBlock) -> None:
        """Give the weight to the producers; take it from a proxy, or from whom it was given to.

        Raises:
            TransactionRejected: they are too many, one is not active (even if it was voted for
                before), or the domain of their addresses has expired.
        """
        rules = rules_of(block)
        if len(self.producers) > rules.votes:
            raise TransactionRejected(Reason.TOO_MANY_VOTES)
        if self.producers:
            require_domain(block, rules)
        for name in self.producers:
            producer = block.state.get(PRODUCERS, name)
            if producer is None or not producer.active:
                raise TransactionRejected(Reason.INACTIVE_PRODUCER)
        row = block.state.get(VOTERS, self.voter) or Voter()
        names = tuple(sorted(self.producers))
        voter = choose(
            block, self.voter, replace(row, producers=names, proxy="", is_auto_proxy=False)
        )
        block.facts.append(
            Voted(num=block.num, account=self.voter, producers=list(names), weight=voter.weight)
        )
