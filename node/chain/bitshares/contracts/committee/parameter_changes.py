"""What a proposal changes of the parameters: operation 31 inside it.

Upstream it is the full set, as its proposer saw them. Ours says what changes, each behind the flag
of an optional value; the full set is made of it when it is proposed, so that from then on a
proposal is what upstream's is.
"""

from collections import Counter
from collections.abc import Collection
from typing import Any, get_args

import msgspec

from node.chain.bitshares.chain_parameters import ChainParameters
from node.chain.encoding.fields import Number, OptionalNumber, OptionalText, Text
from node.chain.genesis import MIN_BLOCK_BYTES
from node.chain.model.bitshares_rules import PayMode
from node.chain.model.codec import MAX_BLOCK_BYTES

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
    def given(self) -> dict[str, Any]:
        """Return the values that there are, but for the fees, by name."""
        names = self.__struct_fields__[1:]
        values = {name: getattr(self, name) for name in names}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def said(self) -> dict[str, str]:
        """Return the changes in words, by name; a fee is that of `fees.<its word>`."""
        fees = {f"fees.{fee.operation}": str(fee.amount) for fee in self.fees}
        return fees | {name: str(value) for name, value in self.given.items()}

    def problem(self, words: Collection[str] | None = None) -> str | None:
        """Return why no chain can have them, or that nothing would change; None if some can.

        words: of the operations that there are, where they are known.
        """
        if not self.said:
            return "nothing would change; name a parameter"
        if self.pay_mode not in (None, *get_args(PayMode)):
            return f"pay_mode must be {' or '.join(get_args(PayMode))}"
        named = Counter(fee.operation for fee in self.fees)
        twice = sorted(word for word, count in named.items() if count > 1)
        if twice:
            return f"fees: {twice[0]} is there twice; keep one"
        unknown = [] if words is None else sorted(named.keys() - words)
        if unknown:
            return f"fees: {unknown[0]} is no operation; known are {', '.join(sorted(words or ()))}"
        made = self.made_of(self._loosest())
        # No chain's blocks can be larger, whatever its genesis says.
        if made.max_block_bytes > MAX_BLOCK_BYTES:
            return f"max_block_bytes must be {MAX_BLOCK_BYTES} or less"
        return made.problem()

    def _loosest(self) -> ChainParameters:
        """The parameters that forbid the fewest changes: each as low as these allow."""
        interval_s: int = self.given.get("block_interval_s", 1)
        maintenance_s: int = self.given.get("maintenance_interval_s", interval_s)
        review_s: int = self.given.get("review_period_s", maintenance_s + 1)
        return ChainParameters(
            block_interval_s=interval_s,
            maintenance_interval_s=maintenance_s,
            maintenance_skip_slots=0,
            max_block_bytes=MIN_BLOCK_BYTES,
            review_period_s=review_s,
            max_proposal_lifetime_s=review_s + interval_s + 1,
            max_time_until_expiration_s=1,
            max_witness_count=1,
            max_committee_count=1,
            fees={},
            fee_per_kbyte=0,
            network_percent=0,
            pay_mode="fixed_per_block",
            pay_percent=0,
            witness_pay_per_block=0,
            worker_budget_per_day=0,
        )

    def made_of(self, base: ChainParameters) -> ChainParameters:
        """Return the full set: base with these changes."""
        fees = base.fees | {fee.operation: fee.amount for fee in self.fees}
        return msgspec.structs.replace(base, fees=fees, **self.given)
