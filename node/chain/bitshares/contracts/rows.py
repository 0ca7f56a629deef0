"""What a branch goes by: the rules of its genesis, its parameters, and who is active."""

from typing import TypeVar

import msgspec

from node.chain.bitshares.chain_parameters import ChainParameters
from node.chain.model.bitshares_rules import BitsharesRules
from node.chain.state.state import State, Table

Row = TypeVar("Row")


class ActiveWitnesses(msgspec.Struct, frozen=True, array_like=True):
    """Who is active, by ascending N of the object ids 1.6.N."""

    ids: tuple[int, ...]


ACTIVE = Table("active_witnesses", str, ActiveWitnesses)
PARAMETERS = Table("parameters", str, ChainParameters)
IN_FORCE, WAITING, FIRST = "in_force", "waiting", "first"
"""Their keys: what holds now, what will from the next maintenance on, what the chain began with."""
RULES = Table("bitshares_rules", str, BitsharesRules)
"""Under THE_ONE: what the genesis says, which never changes."""
THE_ONE = "bitshares"

COMMON = (ACTIVE, PARAMETERS, RULES)


def rules_of(state: State) -> BitsharesRules:
    """Return what the genesis says."""
    rules = state.get(RULES, THE_ONE)
    assert rules is not None
    return rules


def in_force(state: State) -> ChainParameters:
    """Return the parameters that are in force."""
    parameters = state.get(PARAMETERS, IN_FORCE)
    assert parameters is not None
    return parameters


def put_in_force(table: Table[str, Row], state: State) -> None:
    """Let what waits in a table be in force, if something does."""
    waiting = state.get(table, WAITING)
    if waiting is not None:
        state.remove(table, WAITING)
        state.put(table, IN_FORCE, waiting)
