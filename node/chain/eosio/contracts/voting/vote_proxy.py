"""Leaving one's vote to a proxy: action `voteproxy` (PROTOCOL B.3)."""

from typing import ClassVar

import msgspec
from msgspec.structs import replace

from node.chain.encoding.fields import Account, Number
from node.chain.eosio.contracts.voting.rows import VOTERS, Voter, require_domain, rules_of
from node.chain.eosio.contracts.voting.weights import choose
from node.chain.genesis import SYSTEM_ACCOUNT
from node.chain.ledger.accounts import MAX_AMOUNT
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation
from node.events import Proxied


class VoteProxy(Operation, frozen=True, kw_only=True):
    """Let a proxy vote with the weight of this account; its own votes are gone.

    The proxy is named by the account that owns its address.
    """

    ACTION: ClassVar = (SYSTEM_ACCOUNT, "voteproxy")
    WORD: ClassVar = "proxy"
    SIGNER: ClassVar = "voter"

    proxy: Account
    voter: Account = msgspec.field(name="actor")
    max_fee: Number = MAX_AMOUNT

    def fault(self) -> Reason | None:
        """Return proxy_of_proxy for one's own."""
        return Reason.PROXY_OF_PROXY if self.proxy == self.voter else None

    def apply(self, block: OpenBlock) -> None:
        """Give the weight to the proxy.

        Raises:
            TransactionRejected: it is no proxy, the voter is one itself, or the domain of the
                proxy's address expired longer ago than the grace.
        """
        rules = rules_of(block)
        proxy = block.state.get(VOTERS, self.proxy)
        if proxy is None or not proxy.is_proxy:
            raise TransactionRejected(Reason.NOT_A_PROXY)
        require_domain(block, rules, grace_s=rules.domain_grace_s)
        row = block.state.get(VOTERS, self.voter) or Voter()
        if row.is_proxy:
            raise TransactionRejected(Reason.PROXY_OF_PROXY)
        chosen = replace(row, producers=(), proxy=self.proxy, is_auto_proxy=False)
        voter = choose(block, self.voter, chosen)
        block.facts.append(
            Proxied(num=block.num, account=self.voter, proxy=self.proxy, weight=voter.weight)
        )
