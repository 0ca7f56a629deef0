"""Accounts, their keys and balances: what the contracts of both systems stand on."""

from typing import Any

from node.chain.genesis import Genesis
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock
from node.chain.model.transaction import Transaction
from node.chain.profile import ChainState
from node.chain.state.state import State, Table

ACCOUNTS = Table("accounts", str, bytes)
"""Account to the compressed key that signs for it."""
BALANCES = Table("balances", str, int)
"""Account to units of the core asset."""
MAX_AMOUNT = (1 << 62) - 1
"""The largest amount of an asset."""


def found(genesis: Genesis, state: State) -> None:
    """Write the accounts of a genesis."""
    for account in genesis.accounts:
        state.put(ACCOUNTS, account.name, bytes.fromhex(account.key))
        state.put(BALANCES, account.name, account.balance)


def move(block: OpenBlock, sender: str, recipient: str, amount: int) -> None:
    """Move units from one balance to another.

    Raises:
        TransactionRejected: the sender has not so much.
    """
    take(block, sender, amount)
    give(block, recipient, amount)


def take(block: OpenBlock, account: str, amount: int) -> None:
    """Take units from a balance; the caller says where they are then.

    Raises:
        TransactionRejected: the account has not so much.
    """
    owned = block.state.get(BALANCES, account) or 0
    if owned < amount:
        raise TransactionRejected(Reason.INSUFFICIENT_BALANCE)
    block.touched.add(account)
    block.state.put(BALANCES, account, owned - amount)


def give(block: OpenBlock, account: str, amount: int) -> None:
    """Add units to a balance, which the caller has taken from somewhere, or minted."""
    block.touched.add(account)
    block.state.put(BALANCES, account, (block.state.get(BALANCES, account) or 0) + amount)


class PlainContracts:
    """Fills `Contracts` of the seam where nothing happens around transactions; no state."""

    __slots__ = ()

    @property
    def tables(self) -> tuple[Table[Any, Any], ...]:
        """Return accounts and balances."""
        return (ACCOUNTS, BALANCES)

    def found(self, genesis: Genesis, state: State) -> None:
        """Write the accounts of the genesis."""
        found(genesis, state)

    def key_of(self, account: str, state: State) -> bytes | None:
        """Return the key that signs for an account."""
        return state.get(ACCOUNTS, account)

    def open(self, parent: ChainState, block: OpenBlock) -> None:
        """Do nothing."""

    def apply(self, transaction: Transaction, block: OpenBlock) -> None:
        """Do what the operations say, in order.

        Raises:
            TransactionRejected: the state does not allow one of them.
        """
        for operation in transaction.operations:
            operation.apply(block)

    def close(self, parent: ChainState, block: OpenBlock) -> None:
        """Do nothing."""
