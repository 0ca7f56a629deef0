"""Claiming pay that has vested: operation 33."""

from typing import ClassVar

from node.chain.bitshares.contracts.money.pay import PAY
from node.chain.bitshares.contracts.money.vesting import aged, withdrawn
from node.chain.bitshares.contracts.rows import rules_of
from node.chain.encoding.fields import Account, Amount, Text
from node.chain.ledger import accounts
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation
from node.events import Paid


class Claim(Operation, frozen=True, kw_only=True):
    """Let an account have an amount that it was paid; 0: all that has vested.

    what: as witness or as worker. Upstream names the balance by its id, and always the amount.

    Source: bitshares-core libraries/protocol/include/graphene/protocol/vesting.hpp,
    vesting_balance_withdraw_operation.
    """

    NUMBER: ClassVar = 33
    SIGNER: ClassVar = "owner"

    fee: Amount = 0
    what: Text = "witness"
    owner: Account
    amount: Amount = 0

    def fault(self) -> Reason | None:
        """Return not_registered for what nobody is paid as."""
        return None if self.what in PAY else Reason.NOT_REGISTERED

    def apply(self, block: OpenBlock) -> None:
        """Move it to the balance.

        Raises:
            TransactionRejected: so much has not vested, or nothing.
        """
        state, table = block.state, PAY[self.what]
        before = state.get(table, self.owner)
        if before is None:
            raise TransactionRejected(Reason.NOT_VESTED)
        now = aged(before, block.head_s, rules_of(state).money.vesting_s)
        amount = self.amount or now.vested
        if not 0 < amount <= now.vested:
            raise TransactionRejected(Reason.NOT_VESTED)
        left = withdrawn(now, amount)
        state.put(table, self.owner, left)
        accounts.give(block, self.owner, amount)
        block.facts.append(
            Paid(num=block.num, what=self.what, account=self.owner, amount=amount)  # type: ignore[arg-type]
        )
