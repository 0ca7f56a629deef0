"""Counting all votes anew: action `auditvote` (PROTOCOL B.3)."""

from collections import Counter
from typing import ClassVar

from msgspec.structs import replace

from node.chain.encoding.fields import Account, Number
from node.chain.eosio.contracts.voting.rows import PRODUCERS, THE_ONE, VOTED, VOTERS, rules_of
from node.chain.eosio.contracts.voting.weights import own_weight
from node.chain.genesis import SYSTEM_ACCOUNT
from node.chain.ledger.accounts import MAX_AMOUNT
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation
from node.chain.state.state import K, State, Table, V


class AuditVotes(Operation, frozen=True, kw_only=True):
    """Write what all votes weigh, what proxies were given and how much voted, from balances alone.

    Only with faithful_autoproxy_bug can that differ from what was kept. It is done at once;
    upstream takes four phases and any number of calls, and a vote in between breaks them off.
    """

    ACTION: ClassVar = (SYSTEM_ACCOUNT, "auditvote")
    WORD: ClassVar = "audit_votes"
    COST_US: ClassVar = 2_000

    actor: Account
    max_fee: Number = MAX_AMOUNT

    def apply(self, block: OpenBlock) -> None:
        """Write what differs.

        Raises:
            TransactionRejected: the actor votes, or did.
        """
        rules_of(block)
        state = block.state
        if state.get(VOTERS, self.actor) is not None:
            raise TransactionRejected(Reason.IS_A_VOTER)
        given: Counter[str] = Counter()
        votes: Counter[str] = Counter()
        voted = 0
        for name, voter in sorted(state.rows(VOTERS).items()):
            if voter.proxy:
                given[voter.proxy] += own_weight(state, name)
        for name, voter in sorted(state.rows(VOTERS).items()):
            weight = own_weight(state, name) + (given[name] if voter.is_proxy else 0)
            voted += weight if voter.producers else 0
            votes.update(dict.fromkeys(voter.producers, weight))
            _write(state, VOTERS, name, replace(voter, weight=weight, proxied=given[name]))
        for name, producer in sorted(state.rows(PRODUCERS).items()):
            _write(state, PRODUCERS, name, replace(producer, votes=votes[name]))
        _write(state, VOTED, THE_ONE, voted)


def _write(state: State, table: Table[K, V], key: K, row: V) -> None:
    if state.get(table, key) != row:
        state.put(table, key, row)
