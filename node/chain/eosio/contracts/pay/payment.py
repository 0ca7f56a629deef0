"""Paying out of the treasury."""

from typing import Literal

import msgspec

from node.chain.eosio.contracts.fees.rows import MAIN, TREASURY, treasury_of
from node.chain.ledger import accounts
from node.chain.model.fio_rules import PayRules
from node.chain.model.operation import OpenBlock
from node.events import Paid


def pay(
    what: Literal["producer", "provider", "foundation"], account: str, amount: int, block: OpenBlock
) -> None:
    """Give an account what the caller took from the treasury, and tell of it, unless it is 0."""
    if amount:
        accounts.give(block, account, amount)
        block.facts.append(Paid(num=block.num, what=what, account=account, amount=amount))


def pay_foundation(amount: int, rules: PayRules, block: OpenBlock) -> None:
    """Pay the foundation out of its pot, where the money stays if the chain names no account."""
    if rules.foundation_account:
        held = treasury_of(block.state)
        left = msgspec.structs.replace(held, foundation=held.foundation - amount)
        block.state.put(TREASURY, MAIN, left)
        pay("foundation", rules.foundation_account, amount, block)
