"""All parameters of a chain that its committee may change: one full set, replaced as a whole."""

from __future__ import annotations

import msgspec

from node.chain.bitshares.parameters import U32, Parameters
from node.chain.genesis import Genesis
from node.chain.model.bitshares_rules import ALL, MAX_COUNT, MOST, BitsharesRules, PayMode


class ChainParameters(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What is in force on a branch, of which headers need only `header` (PROTOCOL C.12).

    The first four are those of `Parameters`, the others those of `MoneyRules`, `CommitteeRules` and
    `VotingRules`. max_time_until_expiration_s: how far ahead a transaction may expire, on the clock
    of who sends it, which a lab's chain may be faster than.
    """

    block_interval_s: int
    maintenance_interval_s: int
    maintenance_skip_slots: int
    max_block_bytes: int
    review_period_s: int
    max_proposal_lifetime_s: int
    max_time_until_expiration_s: int
    max_witness_count: int
    max_committee_count: int
    fees: dict[str, int]
    fee_per_kbyte: int
    network_percent: int
    pay_mode: PayMode
    pay_percent: int
    witness_pay_per_block: int
    worker_budget_per_day: int

    @property
    def header(self) -> Parameters:
        """Return those that header rules read."""
        return Parameters(
            block_interval_s=self.block_interval_s,
            maintenance_interval_s=self.maintenance_interval_s,
            maintenance_skip_slots=self.maintenance_skip_slots,
            max_block_bytes=self.max_block_bytes,
        )

    def problem(self) -> str | None:
        """Return which of them no chain can have, and what is needed; None when all is well."""
        problem = self.header.problem()
        if problem is not None:
            return problem
        if not self.maintenance_interval_s < self.review_period_s:
            return "review_period_s must be more than maintenance_interval_s"
        longest_s = self.max_proposal_lifetime_s
        if not self.review_period_s + self.block_interval_s < longest_s < U32:
            return "max_proposal_lifetime_s must be more than review_period_s and a block interval"
        if not 1 <= self.max_time_until_expiration_s < U32:
            return "max_time_until_expiration_s must be 1 or more"
        if not all(1 <= n <= MAX_COUNT for n in (self.max_witness_count, self.max_committee_count)):
            return f"max_witness_count and max_committee_count must be 1..{MAX_COUNT}"
        amounts = (self.fee_per_kbyte, self.witness_pay_per_block, self.worker_budget_per_day)
        if not all(0 <= amount <= MOST for amount in (*self.fees.values(), *amounts)):
            return f"fees, fee_per_kbyte, pay and budget must be 0..{MOST}"
        if not all(0 <= share <= ALL for share in (self.network_percent, self.pay_percent)):
            return f"network_percent and pay_percent must be 0..{ALL}"
        return None

    def change_problem(self, first: ChainParameters) -> str | None:
        """Return why a chain that began with first cannot come to have these, None if it can.

        first has a fee for each operation that there is.
        """
        unknown = sorted(self.fees.keys() - first.fees.keys())
        if unknown:
            return f"fees: {unknown[0]} is no operation"
        return self.header.change_problem(first.header) or self.problem()


def first_parameters(
    genesis: Genesis, options: BitsharesRules, header: Parameters
) -> ChainParameters:
    """Return the parameters that a chain begins with; header: those of its headers."""
    money, committee, voting = options.money, options.committee, options.voting
    return ChainParameters(
        block_interval_s=header.block_interval_s,
        maintenance_interval_s=header.maintenance_interval_s,
        maintenance_skip_slots=header.maintenance_skip_slots,
        max_block_bytes=header.max_block_bytes,
        review_period_s=committee.review_period_s,
        max_proposal_lifetime_s=committee.max_proposal_lifetime_s,
        max_time_until_expiration_s=genesis.max_transaction_lifetime_s,
        max_witness_count=voting.max_witness_count,
        max_committee_count=voting.max_committee_count,
        fees=money.fees,
        fee_per_kbyte=money.fee_per_kbyte,
        network_percent=money.network_percent,
        pay_mode=money.pay_mode,
        pay_percent=money.pay_percent,
        witness_pay_per_block=money.witness_pay_per_block,
        worker_budget_per_day=money.worker_budget_per_day,
    )
