"""Becoming a proxy, for whoever wants one: action `regproxy` (PROTOCOL B.3)."""

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
from node.events import Registered


class RegisterProxy(Operation, frozen=True, kw_only=True):
    """Be a proxy. One's own proxy is gone, one's votes stay; what others gave before counts again.

    Source: fio.contracts contracts/fio.system/src/voting.cpp, regiproxy.
    """

    ACTION: ClassVar = (SYSTEM_ACCOUNT, "regproxy")
    WORD: ClassVar = "become_proxy"
    SIGNER: ClassVar = "account"

    account: Account = msgspec.field(name="actor")
    max_fee: Number = MAX_AMOUNT

    def apply(self, block: OpenBlock) -> None:
        """Make the account a proxy.

        Raises:
            TransactionRejected: it is one, or the domain of its address expired longer ago than
                the grace.
        """
        rules = rules_of(block)
        require_domain(block, rules, grace_s=rules.domain_grace_s)
        row = block.state.get(VOTERS, self.account) or Voter()
        if row.is_proxy:
            raise TransactionRejected(Reason.ALREADY_A_PROXY)
        choose(block, self.account, replace(row, is_proxy=True, proxy="", is_auto_proxy=False))
        block.facts.append(
            Registered(num=block.num, account=self.account, role="proxy", active=True)
        )
