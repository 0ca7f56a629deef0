"""What happens around transactions on an EOSIO/FIO chain, in the order of PROTOCOL B.0."""

from typing import Any

from node.chain.eosio.contracts.fees import founding as fees
from node.chain.eosio.contracts.fees.charge import charge
from node.chain.eosio.contracts.fees.rows import FEE_TABLES, MAIN, PROVIDERS, TREASURY, Treasury
from node.chain.eosio.contracts.pay.rows import PAY_TABLES
from node.chain.eosio.contracts.set_producers import PROPOSALS, SCHEDULES, announce
from node.chain.eosio.contracts.voting import founding, schedule_update, weights
from node.chain.eosio.contracts.voting.auto_proxy import follow_provider
from node.chain.eosio.contracts.voting.rows import RULES, TABLES, THE_ONE
from node.chain.eosio.header_state import HeaderState
from node.chain.genesis import Genesis
from node.chain.ledger import fees_paid
from node.chain.ledger.fees_paid import FEES_PAID
from node.chain.model.operation import OpenBlock
from node.chain.model.transaction import Transaction
from node.chain.profile import ChainState, Rows, Unowned
from node.chain.state.state import State, Table


class EosioContracts:
    """Fills `Contracts` of the seam; no state."""

    __slots__ = ()

    @property
    def tables(self) -> tuple[Table[Any, Any], ...]:
        """Return the tables they keep."""
        return (PROPOSALS, SCHEDULES, *TABLES, *FEE_TABLES, FEES_PAID, *PAY_TABLES)

    def found(self, genesis: Genesis, state: State) -> None:
        """Write who may be voted for and what operations cost.

        What is not there without FIO's delegation is not written.
        """
        founding.found(genesis, state)
        fees.found(genesis, state)

    def open(self, parent: ChainState, block: OpenBlock) -> None:
        """Announce the proposed schedule that is due; then elect, by the slot of the parent.

        As often as that is due, tell what operations cost.
        """
        assert isinstance(parent, HeaderState)
        block.announced = announce(parent.tally, block)
        if schedule_update.update(parent.slot, block):
            fees_paid.tell(block)

    def apply(self, transaction: Transaction, block: OpenBlock) -> None:
        """Do what the operations say, in order, and then, with FIO's delegation, what follows.

        Each is charged for in that order; then whoever named a technology provider may get it as
        its proxy; then the weights of votes follow the balances, once.

        Raises:
            TransactionRejected: the state does not allow one of them.
        """
        for operation in transaction.operations:
            operation.apply(block)
        rules = block.state.get(RULES, THE_ONE)
        if rules is not None:
            for operation in transaction.operations:
                charge(operation, rules, block)
            for operation in transaction.operations:
                follow_provider(operation, rules, block)
            weights.follow(block)

    def close(self, parent: ChainState, block: OpenBlock) -> None:
        """Do nothing: all is done before and by the transactions."""

    def unowned(self, tables: Rows) -> Unowned:
        """Return the treasury's pots, and what it owes technology providers beside them."""
        treasury = tables[TREASURY.name].get(MAIN, Treasury())
        held = {
            "producers": treasury.producers,
            "bucket": treasury.bucket,
            "foundation": treasury.foundation,
            "staking": treasury.staking,
            "providers": sum(row.owed for row in tables[PROVIDERS.name].values()),
        }
        minted = treasury.minted_pot + treasury.minted_foundation + treasury.minted_staking
        return Unowned(held, minted + treasury.minted_bounty)
