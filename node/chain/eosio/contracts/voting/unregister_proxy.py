"""Being a proxy no longer: action `unregproxy` (PROTOCOL B.3)."""

from typing import ClassVar

import msgspec
from msgspec.structs import replace

from node.chain.encoding.fields import Account, Number
from node.chain.eosio.contracts.voting.rows import VOTERS, require_domain, rules_of
from node.chain.eosio.contracts.voting.weights import choose
from node.chain.genesis import SYSTEM_ACCOUNT
from node.chain.ledger.accounts import MAX_AMOUNT
from node.chain.model.operation import OpenBlock, Operation
from node.events import Registered


class UnregisterProxy(Operation, frozen=True, kw_only=True):
    """Be no proxy. What others gave stays with this account, but counts for nobody meanwhile.

    An account that is no proxy loses the proxy that it has itself; one that never voted loses
    nothing.

    Source: fio.contracts contracts/fio.system/src/voting.cpp, regiproxy.
    """

    ACTION: ClassVar = (SYSTEM_ACCOUNT, "unregproxy")
    WORD: ClassVar = "resign_proxy"
    SIGNER: ClassVar = "account"

    account: Account = msgspec.field(name="actor")
    max_fee: Number = MAX_AMOUNT

    def apply(self, block: OpenBlock) -> None:
        """Make the account no proxy, and take its own away.

        Raises:
            TransactionRejected: the domain of its address has expired.
        """
        require_domain(block, rules_of(block))
        row = block.state.get(VOTERS, self.account)
        if row is not None:
            choose(block, self.account, replace(row, is_proxy=False, proxy="", is_auto_proxy=False))
        block.facts.append(
            Registered(num=block.num, account=self.account, role="proxy", active=False)
        )
