"""What happens around transactions on a BitShares chain, in the order of PROTOCOL C.0."""

from dataclasses import dataclass
from typing import Any, TypeVar

from node.chain.bitshares.announcement import Decided, decided
from node.chain.bitshares.contracts.rows import (
    ACTIVE,
    FIRST,
    GOVERNED,
    IDS,
    IN_FORCE,
    KEYS,
    PARAMETERS,
    WAITING,
    ActiveWitnesses,
)
from node.chain.bitshares.roster import FIRST_WITNESS
from node.chain.bitshares.rules import Rules
from node.chain.bitshares.witness_state import WitnessState
from node.chain.genesis import Genesis
from node.chain.model.operation import OpenBlock
from node.chain.model.transaction import Transaction
from node.chain.profile import ChainState
from node.chain.state.state import State, Table

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class BitsharesContracts:
    """Fills `Contracts` of the seam; no state."""

    rules: Rules

    @property
    def tables(self) -> tuple[Table[Any, Any], ...]:
        """Return the tables they keep."""
        return GOVERNED

    def found(self, genesis: Genesis, state: State) -> None:
        """Write who is active and the parameters, if somebody may change them."""
        if not genesis.system_key:
            return
        for number, name in enumerate(self.rules.names, start=FIRST_WITNESS):
            state.put(IDS, name, number)
        for number, witness in enumerate(self.rules.witnesses, start=FIRST_WITNESS):
            state.put(KEYS, number, witness.key)
        first = range(FIRST_WITNESS, FIRST_WITNESS + len(self.rules.witnesses))
        state.put(ACTIVE, IN_FORCE, ActiveWitnesses(tuple(first)))
        for key in (FIRST, IN_FORCE):
            state.put(PARAMETERS, key, self.rules.parameters)

    def open(self, parent: ChainState, block: OpenBlock) -> None:
        """Say what time operations go by; announce what the header must say whatever they do."""
        assert isinstance(parent, WitnessState)
        block.head_s = parent.time_s
        block.announced = self._announced(parent, block)

    def apply(self, transaction: Transaction, block: OpenBlock) -> None:
        """Do what the operations say, in order.

        Raises:
            TransactionRejected: the state does not allow one of them.
        """
        for operation in transaction.operations:
            operation.apply(block)

    def close(self, parent: ChainState, block: OpenBlock) -> None:
        """Announce what is otherwise from now on; at maintenance, put in force what waited."""
        block.announced = self._announced(parent, block)
        if self._is_maintenance(parent, block):
            _put_in_force(ACTIVE, block.state)
            _put_in_force(PARAMETERS, block.state)

    def _announced(self, parent: ChainState, block: OpenBlock) -> Decided | None:
        """What would be otherwise after block, if nothing more was done in it, than after parent.

        Nothing, where nobody may change anything.
        """
        assert isinstance(parent, WitnessState)
        state = block.state
        active, parameters = state.get(ACTIVE, IN_FORCE), state.get(PARAMETERS, IN_FORCE)
        if active is None or parameters is None:
            return None
        if self._is_maintenance(parent, block):
            active = state.get(ACTIVE, WAITING) or active
            parameters = state.get(PARAMETERS, WAITING) or parameters
        keys = []
        for number in sorted({*active.ids, *parent.shuffled}):
            key, told = state.get(KEYS, number), parent.witnesses.get(number)
            if key is not None and (told is None or told.key != key):
                keys.append((number, key))
        return decided(
            active.ids if active.ids != parent.active else (),
            tuple(keys),
            parameters if parameters != parent.parameters else None,
        )

    def _is_maintenance(self, parent: ChainState, block: OpenBlock) -> bool:
        """Whether maintenance is due in block, whose slot is a second of the chain."""
        assert isinstance(parent, WitnessState)
        return parent.next_maintenance_s <= self.rules.time_s(block.slot)


def _put_in_force(table: Table[str, Row], state: State) -> None:
    waiting = state.get(table, WAITING)
    if waiting is not None:
        state.remove(table, WAITING)
        state.put(table, IN_FORCE, waiting)
