"""Paying technology providers: action `tpidclaim`."""

from typing import ClassVar

import msgspec

from node.chain.encoding.fields import Account
from node.chain.eosio.contracts.fees.rows import MAIN, PROVIDERS, TREASURY, Provider, treasury_of
from node.chain.eosio.contracts.pay.payment import pay
from node.chain.eosio.contracts.pay.rows import CLOCKS, PROVIDERS_PAID
from node.chain.eosio.contracts.voting.rows import ADDRESSES, rules_of
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation


class TechnologyProviderClaim(Operation, frozen=True, kw_only=True):
    """Let technology providers be paid that are owed enough; anybody may ask for it."""

    ACTION: ClassVar = ("fio.treasury", "tpidclaim")
    WORD: ClassVar = "claim_for_providers"
    COST_US: ClassVar[int] = 250

    actor: Account

    def apply(self, block: OpenBlock) -> None:
        """Pay the owners of the first of them, in order of their first reward.

        What is owed to an address that is gone goes to the producers' pot. Source: PROTOCOL B.8.

        Raises:
            TransactionRejected: too soon after the last payment, or none is owed enough.
        """
        state, rules = block.state, rules_of(block).pay
        last_s = state.get(CLOCKS, PROVIDERS_PAID)
        if last_s is not None and block.time_s - last_s <= rules.provider_pause_s:
            raise TransactionRejected(Reason.TOO_SOON)
        due = sorted(
            (row.number, address, row.owed)
            for address, row in state.rows(PROVIDERS).items()
            if row.owed >= rules.provider_least
        )
        if not due:
            raise TransactionRejected(Reason.NO_WORK)
        for number, name, owed in due[: rules.providers_per_call]:
            state.put(PROVIDERS, name, Provider(number, 0))
            address = state.get(ADDRESSES, name)
            if address is not None:
                pay("provider", address.owner, owed, block)
                continue
            held = treasury_of(state)
            left = msgspec.structs.replace(held, producers=held.producers + owed)
            state.put(TREASURY, MAIN, left)
        state.put(CLOCKS, PROVIDERS_PAID, block.time_s)
