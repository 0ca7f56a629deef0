"""Standing for election no longer: action `unregprod` (PROTOCOL B.7)."""

from typing import ClassVar

import msgspec
from msgspec.structs import replace

from node.chain.encoding.fields import Account, Number
from node.chain.eosio.contracts.voting.rows import PRODUCERS, require_domain, rules_of
from node.chain.genesis import SYSTEM_ACCOUNT
from node.chain.ledger.accounts import MAX_AMOUNT
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation
from node.events import Registered


class UnregisterProducer(Operation, frozen=True, kw_only=True):
    """Be no producer from the next election on. Its votes stay with it, and nobody can add any."""

    ACTION: ClassVar = (SYSTEM_ACCOUNT, "unregprod")
    WORD: ClassVar = "unregister"
    SIGNER: ClassVar = "producer"

    producer: Account = msgspec.field(name="actor")
    max_fee: Number = MAX_AMOUNT

    def apply(self, block: OpenBlock) -> None:
        """Let it be inactive, without a key.

        Raises:
            TransactionRejected: it never registered, or the domain of its address has expired.
        """
        require_domain(block, rules_of(block))
        known = block.state.get(PRODUCERS, self.producer)
        if known is None:
            raise TransactionRejected(Reason.NOT_REGISTERED)
        block.state.put(PRODUCERS, self.producer, replace(known, active=False, key=b""))
        block.facts.append(
            Registered(num=block.num, account=self.producer, role="producer", active=False)
        )
