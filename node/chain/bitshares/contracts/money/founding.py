"""What the pool begins with."""

from collections.abc import Iterable

from node.chain.bitshares.contracts.money.rows import MAIN, POOL, Pool
from node.chain.genesis import Genesis
from node.chain.ledger.accounts import MAX_AMOUNT
from node.chain.model.bitshares_rules import MoneyRules
from node.chain.model.errors import GenesisError
from node.chain.state.state import State


def check(genesis: Genesis, words: Iterable[str]) -> None:
    """Check that a genesis names only fees of operations that there are, by their words.

    Raises:
        GenesisError: it does not, or there would be more units than an amount can hold.
    """
    money = genesis.bitshares.money if genesis.bitshares else MoneyRules()
    known = sorted(words)
    unknown = sorted(set(money.fees).difference(known))
    if unknown:
        names = ", ".join(known)
        raise GenesisError(f"bitshares.money.fees: {unknown[0]} is no operation; known are {names}")
    if money.reserve + sum(account.balance for account in genesis.accounts) > MAX_AMOUNT:
        most = f"the balances and the reserve must be {MAX_AMOUNT} or less together"
        raise GenesisError(f"bitshares.money.reserve: {most}")


def found(money: MoneyRules, state: State) -> None:
    """Write the reserve."""
    state.put(POOL, MAIN, Pool(reserve=money.reserve))
