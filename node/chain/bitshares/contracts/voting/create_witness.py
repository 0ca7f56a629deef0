"""Standing for witness: operation 20, witness_create."""

from typing import ClassVar

from node.chain.bitshares.announcement import Decided
from node.chain.bitshares.contracts.voting.rows import NUMBERS, UNTOLD, WITNESSES, WitnessRow
from node.chain.encoding.crypto import KEY_BYTES, is_public_key
from node.chain.encoding.fields import Account, Amount, Key, Text
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation
from node.events import Registered

URL_BYTES = 127
"""Source: bitshares-core libraries/protocol/include/graphene/protocol/config.hpp."""
KEY_IN_HEADER = len(Decided(keys=(((1 << 32) - 1, bytes(KEY_BYTES)),)).pack())
"""Bytes of a header that tells one key, at most."""


class CreateWitness(Operation, frozen=True, kw_only=True):
    """Let an account be a candidate for witness, who would sign blocks with that key.

    Source: bitshares-core libraries/protocol/include/graphene/protocol/witness.hpp.
    """

    NUMBER: ClassVar = 20
    SIGNER: ClassVar = "account"

    fee: Amount = 0
    account: Account
    url: Text = ""
    key: Key

    @property
    def header_bytes(self) -> int:
        """Return the bytes of the key and of one more who is active."""
        return KEY_IN_HEADER + 5

    def fault(self) -> Reason | None:
        """Return bad_key or bad_url."""
        if not is_public_key(self.key):
            return Reason.BAD_KEY
        return Reason.BAD_URL if len(self.url.encode()) > URL_BYTES else None

    def apply(self, block: OpenBlock) -> None:
        """Register the account, which nobody has approved of yet.

        Raises:
            TransactionRejected: it is registered already.
        """
        state = block.state
        if state.get(WITNESSES, self.account) is not None:
            raise TransactionRejected(Reason.SAME_REGISTRATION)
        number = state.get(NUMBERS, self.account)
        assert number is not None, "every account of the genesis has a number"
        row = WitnessRow(
            number=number, position=len(state.rows(WITNESSES)), key=self.key, url=self.url
        )
        state.put(WITNESSES, self.account, row)
        state.put(UNTOLD, number, self.key)
        block.facts.append(
            Registered(
                num=block.num, account=self.account, role="witness", active=True, key=self.key.hex()
            )
        )
