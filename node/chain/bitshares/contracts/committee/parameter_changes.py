"""What a proposal changes of the parameters: operation 31 inside it.

Upstream it is the full set, as its proposer saw them. Ours says what changes, each behind the flag
of an optional value; the full set is made of it when it is proposed, so that from then on a
proposal is what upstream's is.
"""

from typing import get_args

import msgspec

from node.chain.bitshares.chain_parameters import ChainParameters
from node.chain.bitshares.parameters import INTERVAL_S_MAX
from node.chain.encoding.fields import Number, OptionalNumber, OptionalText, Text
from node.chain.model.bitshares_rules import PayMode

UPDATE_PARAMETERS = 31
"""Its number (graphene: committee_member_update_global_parameters)."""


class Fee(msgspec.Struct, frozen=True, kw_only=True):
    """What an operation costs, by its word, before what its bytes cost."""

    operation: Text
    amount: Number


class ParameterChanges(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters with other values, None for those that stay; fees: of the operations named.

    The names are those of `ChainParameters`, the order is graphene's.
    """

    fees: tuple[Fee, ...] = ()
    fee_per_kbyte: OptionalNumber = None
    block_interval_s: OptionalNumber = None
    maintenance_interval_s: OptionalNumber = None
    maintenance_skip_slots: OptionalNumber = None
    review_period_s: OptionalNumber = None
    max_block_bytes: OptionalNumber = None
    max_time_until_expiration_s: OptionalNumber = None
    max_proposal_lifetime_s: OptionalNumber = None
    max_witness_count: OptionalNumber = None
    max_committee_count: OptionalNumber = None
    network_percent: OptionalNumber = None
    witness_pay_per_block: OptionalNumber = None
    worker_budget_per_day: OptionalNumber = None
    pay_mode: OptionalText = None
    pay_percent: OptionalNumber = None

    @property
    def given(self) -> dict[str, object]:
        """Return the values that there are, but for the fees, by name."""
        names = self.__struct_fields__[1:]
        values = {name: getattr(self, name) for name in names}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def said(self) -> dict[str, str]:
        """Return the changes in words, by name; a fee is that of `fees.<its word>`."""
        fees = {f"fees.{fee.operation}": str(fee.amount) for fee in self.fees}
        return fees | {name: str(value) for name, value in self.given.items()}

    def is_hopeless(self) -> bool:
        """Return whether no chain whatever can have them, or nothing would change."""
        interval_s = self.block_interval_s
        fits = interval_s is None or 1 <= interval_s <= INTERVAL_S_MAX
        fits = fits and self.pay_mode in (None, *get_args(PayMode))
        words = [fee.operation for fee in self.fees]
        return not (fits and self.said) or len(words) > len(set(words))

    def made_of(self, base: ChainParameters) -> ChainParameters:
        """Return the full set: base with these changes."""
        fees = base.fees | {fee.operation: fee.amount for fee in self.fees}
        return msgspec.structs.replace(base, fees=fees, **self.given)
