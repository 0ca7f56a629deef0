"""Changing a witness's key or address: operation 21, witness_update."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from node.chain.bitshares.contracts.voting.create_witness import KEY_IN_HEADER, URL_BYTES
from node.chain.bitshares.contracts.voting.rows import UNTOLD, WITNESSES
from node.chain.encoding.crypto import is_public_key
from node.chain.encoding.fields import Account, Amount, Key, Text
from node.chain.encoding.pack import DecodeError
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation
from node.events import Registered


class WitnessUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """Graphene's witness_update, which names the witness by both of its ids.

    Source: bitshares-core libraries/protocol/include/graphene/protocol/witness.hpp.
    """

    fee: Amount
    witness: Annotated[str, "witness"]
    witness_account: Account
    new_url: Annotated[str, "optional_text"]
    new_signing_key: Annotated[bytes, "optional_key"]


class UpdateWitness(Operation, frozen=True, kw_only=True):
    """Let a witness have another key or url; what is left out stays.

    The key signs from the next block on, without maintenance; neither votes nor the schedule change
    by it.
    """

    NUMBER: ClassVar = 21
    SIGNER: ClassVar = "account"
    WIRE: ClassVar = WitnessUpdate

    fee: Amount = 0
    account: Account
    url: Text = ""
    key: Key = b""

    @property
    def header_bytes(self) -> int:
        """Return the bytes of the key."""
        return KEY_IN_HEADER if self.key else 0

    def wire(self) -> WitnessUpdate:
        """Return what its bytes say."""
        return WitnessUpdate(
            fee=self.fee,
            witness=self.account,
            witness_account=self.account,
            new_url=self.url,
            new_signing_key=self.key,
        )

    @classmethod
    def of_wire(cls, update: WitnessUpdate) -> UpdateWitness:
        """Return the change that bytes say.

        Raises:
            DecodeError: the witness is not the account's.
        """
        if update.witness != update.witness_account:
            raise DecodeError(f"{update.witness} is not the witness of {update.witness_account}")
        return cls(
            fee=update.fee,
            account=update.witness_account,
            url=update.new_url,
            key=update.new_signing_key,
        )

    def fault(self) -> Reason | None:
        """Return bad_key or bad_url."""
        if self.key and not is_public_key(self.key):
            return Reason.BAD_KEY
        return Reason.BAD_URL if len(self.url.encode()) > URL_BYTES else None

    def apply(self, block: OpenBlock) -> None:
        """Change what is given.

        Raises:
            TransactionRejected: the account is no witness.
        """
        before = block.state.get(WITNESSES, self.account)
        if before is None:
            raise TransactionRejected(Reason.NOT_REGISTERED)
        after = msgspec.structs.replace(
            before, key=self.key or before.key, url=self.url or before.url
        )
        block.state.put(WITNESSES, self.account, after)
        if after.key != before.key:
            block.state.put(UNTOLD, after.number, after.key)
        block.facts.append(
            Registered(
                num=block.num,
                account=self.account,
                role="witness",
                active=True,
                key=after.key.hex(),
            )
        )
