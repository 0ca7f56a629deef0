"""Accounts, their keys and balances: what the contracts of both systems stand on."""

from node.chain.genesis import SYSTEM_ACCOUNT, Genesis
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock
from node.chain.state.state import State, Table

ACCOUNTS = Table("accounts", str, bytes)
"""Account to the compressed key that signs for it."""
BALANCES = Table("balances", str, int)
"""Account to units of the core asset."""
MAX_AMOUNT = (1 << 62) - 1
"""The largest amount of an asset."""


def found(genesis: Genesis, state: State) -> None:
    """Write the accounts of a genesis, the system account among them if somebody has its key."""
    for account in genesis.accounts:
        state.put(ACCOUNTS, account.name, bytes.fromhex(account.key))
        state.put(BALANCES, account.name, account.balance)
    if genesis.system_key:
        state.put(ACCOUNTS, SYSTEM_ACCOUNT, bytes.fromhex(genesis.system_key))
        state.put(BALANCES, SYSTEM_ACCOUNT, 0)


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
