"""What happens around transactions on a BitShares chain, in the order of PROTOCOL C.0."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from node.chain.bitshares.announcement import Decided, decided
from node.chain.bitshares.chain_parameters import first_parameters
from node.chain.bitshares.contracts.committee.expiry import expire
from node.chain.bitshares.contracts.committee.rows import COMMITTEE_TABLES
from node.chain.bitshares.contracts.hard_forks.deciding import decide
from node.chain.bitshares.contracts.hard_forks.rows import HARD_FORK_TABLES
from node.chain.bitshares.contracts.maintenance import maintain
from node.chain.bitshares.contracts.money import founding as money
from node.chain.bitshares.contracts.money.charge import collect, fee_of
from node.chain.bitshares.contracts.money.pay import PAY, may_pay, pay_witness
from node.chain.bitshares.contracts.money.rows import MAIN, MONEY_TABLES, POOL
from node.chain.bitshares.contracts.operations import OPERATIONS
from node.chain.bitshares.contracts.raffle.rows import RANDOM_TABLES, note_random
from node.chain.bitshares.contracts.rows import (
    ACTIVE,
    COMMON,
    FIRST,
    IN_FORCE,
    PARAMETERS,
    RULES,
    THE_ONE,
    in_force,
)
from node.chain.bitshares.contracts.voting import founding
from node.chain.bitshares.contracts.voting.elections import most_active
from node.chain.bitshares.contracts.voting.rows import NUMBERS, UNTOLD, VOTING_TABLES, WITNESSES
from node.chain.bitshares.rules import Rules
from node.chain.bitshares.witness_state import WitnessState
from node.chain.encoding.crypto import KEY_BYTES
from node.chain.encoding.written import by_word
from node.chain.genesis import Genesis
from node.chain.ledger.fees_paid import FEES_PAID
from node.chain.model.operation import OpenBlock, Operation
from node.chain.model.transaction import Transaction
from node.chain.profile import ChainState, Rows, Unowned
from node.chain.state.state import State, Table


@dataclass(frozen=True, slots=True)
class BitsharesContracts:
    """Fills `Contracts` of the seam; no state. size_of: the bytes of an operation."""

    rules: Rules
    size_of: Callable[[Operation], int]

    @property
    def tables(self) -> tuple[Table[Any, Any], ...]:
        """Return the tables they keep."""
        return (
            *COMMON, FEES_PAID, *MONEY_TABLES, *RANDOM_TABLES, *HARD_FORK_TABLES,
            *VOTING_TABLES, *COMMITTEE_TABLES,
        )  # fmt: skip

    def found(self, genesis: Genesis, state: State) -> None:
        """Write the rules, the parameters, and who is active or may be voted for."""
        options = self.rules.options
        state.put(RULES, THE_ONE, options)
        first = first_parameters(genesis, options, self.rules.parameters)
        state.put(PARAMETERS, IN_FORCE, first)
        # With a fee for each operation, so that it says which fees there may be.
        fees = dict.fromkeys(sorted(by_word(OPERATIONS)), 0) | first.fees
        state.put(PARAMETERS, FIRST, msgspec.structs.replace(first, fees=fees))
        founding.found(self.rules, state)
        money.found(options.money, state)

    def open(self, parent: ChainState, block: OpenBlock) -> None:
        """Say what time operations go by; announce as much as the header may have to say at most.

        Only maintenance is known to announce anything before there are operations.
        """
        assert isinstance(parent, WitnessState)
        block.head_s = parent.time_s
        note_random(parent, block)
        if self._is_maintenance(parent, block):
            block.announced = _most_announced(parent, block.state)

    def apply(self, transaction: Transaction, block: OpenBlock) -> None:
        """Do what the operations say, in order, each for its fee.

        Raises:
            TransactionRejected: the state does not allow one of them.
        """
        for operation in transaction.operations:
            fee = fee_of(operation, self.size_of, block)
            operation.apply(block)
            collect(operation.authority, fee, block)

    def close(self, parent: ChainState, block: OpenBlock) -> None:
        """Do what comes after the transactions; announce what is otherwise from now on.

        The signing witness is paid before maintenance, and proposals expire after it: the committee
        that it elected judges them, and what they change waits for the next one.
        """
        assert isinstance(parent, WitnessState)
        state, now_s, votes = block.state, self.rules.time_s(block.slot), None
        active, parameters = parent.active, parent.parameters
        if may_pay(state):
            pay_witness(parent.signer_at(now_s), block, now_s)
        if self._is_maintenance(parent, block):
            votes = maintain(parent, block, now_s)
            elected = state.get(ACTIVE, IN_FORCE)
            assert elected is not None
            active, parameters = elected.ids, in_force(state).header
        decide(parent, block, votes)
        expire(block, now_s)
        keys = _new_keys(parent, active, state)
        for number, _ in keys:
            state.remove(UNTOLD, number)
        block.announced = decided(
            active if active != parent.active else (),
            keys,
            parameters if parameters != parent.parameters else None,
        )

    def unowned(self, tables: Rows) -> Unowned:
        """Return what the pool holds, and what was paid and has not been claimed."""
        pool = tables[POOL.name][MAIN]
        held = {
            "reserve": pool.reserve,
            "collected": pool.collected,
            "budget": pool.budget,
            "block_fees": pool.block_fees,
        }
        for table in PAY.values():
            held[table.name] = sum(row.balance for row in tables[table.name].values())
        return Unowned(held)

    def _is_maintenance(self, parent: WitnessState, block: OpenBlock) -> bool:
        """Whether maintenance is due in block, whose slot is a second of the chain."""
        return parent.next_maintenance_s <= self.rules.time_s(block.slot)


def _new_keys(
    parent: WitnessState, active: tuple[int, ...], state: State
) -> tuple[tuple[int, bytes], ...]:
    """Return the keys that headers must tell: of who is active or still scheduled, and new."""
    untold = state.rows(UNTOLD)
    if not untold:
        return ()
    due = sorted({*active, *parent.shuffled}.intersection(untold))
    told = parent.witnesses
    return tuple((n, untold[n]) for n in due if n not in told or told[n].key != untold[n])


def _most_announced(parent: WitnessState, state: State) -> Decided:
    """An announcement that is not shorter than what any election among the candidates gives."""
    highest = len(state.rows(NUMBERS))
    count = min(len(state.rows(WITNESSES)), most_active(state))
    new = min(len(state.rows(UNTOLD)), count)
    return Decided(
        active=(highest,) * count,
        keys=((highest, bytes(KEY_BYTES)),) * new,
        parameters=parent.parameters,
    )
