"""Standing for election: action `regproducer` (PROTOCOL B.7)."""

from typing import ClassVar

import msgspec
from msgspec.structs import replace

from node.chain.encoding.crypto import is_public_key
from node.chain.encoding.fields import Account, Key, Number, Text
from node.chain.eosio.contracts.voting.rows import PRODUCERS, Producer, require_domain, rules_of
from node.chain.genesis import SYSTEM_ACCOUNT
from node.chain.ledger.accounts import MAX_AMOUNT
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation
from node.events import Registered


class RegisterProducer(Operation, frozen=True, kw_only=True):
    """Be a producer whose blocks are signed with key; again with another key: change to that one.

    Another key enters the schedule by the next check that elects its owner. location is kept, and
    plays no part.
    """

    ACTION: ClassVar = (SYSTEM_ACCOUNT, "regproducer")
    WORD: ClassVar = "register"
    SIGNER: ClassVar = "producer"

    key: Key = msgspec.field(name="fio_pub_key")
    url: Text = ""
    location: Number = 0
    producer: Account = msgspec.field(name="actor")
    max_fee: Number = MAX_AMOUNT

    def fault(self) -> Reason | None:
        """Return bad_key for what is no public key."""
        return None if is_public_key(self.key) else Reason.BAD_KEY

    def apply(self, block: OpenBlock) -> None:
        """Let it be active; its votes, and when it registered first, stay.

        Raises:
            TransactionRejected: the url is too long, nothing would change, or the domain of the
                address expired longer ago than the grace.
        """
        rules, state = rules_of(block), block.state
        if len(self.url.encode()) >= rules.url_bytes:
            raise TransactionRejected(Reason.BAD_URL)
        require_domain(block, rules, grace_s=rules.domain_grace_s)
        known = state.get(PRODUCERS, self.producer)
        before = known or Producer(position=len(state.rows(PRODUCERS)), key=b"")
        after = replace(before, key=self.key, url=self.url, location=self.location, active=True)
        if after == known:
            raise TransactionRejected(Reason.SAME_REGISTRATION)
        state.put(PRODUCERS, self.producer, after)
        told = Registered(
            num=block.num, account=self.producer, role="producer", active=True, key=self.key.hex()
        )
        block.facts.append(told)
