"""Buying bundle units for an address: action `addbundles`."""

from typing import ClassVar

import msgspec

from node.chain.encoding.fields import Account, Number, Text
from node.chain.eosio.contracts.fees.voters import bundle_size, top_producers
from node.chain.eosio.contracts.voting.rows import ADDRESSES, rules_of
from node.chain.ledger.accounts import MAX_AMOUNT
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation

MOST_SETS = 1_000


class AddBundles(Operation, frozen=True, kw_only=True):
    """Add sets of units to an address; tpid: the technology provider's address, "" for none."""

    ACTION: ClassVar = ("fio.address", "addbundles")
    WORD: ClassVar = "add_bundles"

    fio_address: Text
    bundle_sets: Number
    max_fee: Number = MAX_AMOUNT
    tpid: Text = ""
    actor: Account

    def fault(self) -> Reason | None:
        """Return bad_bundles for no sets or more than a thousand."""
        return None if 0 < self.bundle_sets <= MOST_SETS else Reason.BAD_BUNDLES

    def apply(self, block: OpenBlock) -> None:
        """Add the units; the fee is charged a set.

        Raises:
            TransactionRejected: there is no such address.
        """
        state, rules = block.state, rules_of(block)
        address = state.get(ADDRESSES, self.fio_address)
        if address is None:
            raise TransactionRejected(Reason.UNKNOWN_ADDRESS)
        size = bundle_size(top_producers(state), rules, state)
        units = address.units + size * self.bundle_sets
        state.put(ADDRESSES, self.fio_address, msgspec.structs.replace(address, units=units))
