"""What fees begin with."""

from node.chain.eosio.contracts.fees.endpoints import NAMES
from node.chain.eosio.contracts.fees.rows import FEES, Fee
from node.chain.genesis import Genesis
from node.chain.model.errors import GenesisError
from node.chain.state.state import State


def check(genesis: Genesis) -> None:
    """Check that the genesis names only fees that there are.

    Raises:
        GenesisError: it does not.
    """
    named = genesis.fio.fees.fees if genesis.fio else {}
    unknown = sorted(set(named) - set(NAMES))
    if unknown:
        raise GenesisError(f"fio: fees: {unknown[0]} is none; there are {', '.join(NAMES)}")


def found(genesis: Genesis, state: State) -> None:
    """Write what each endpoint costs, if accounts elect who produces."""
    if genesis.fio is not None:
        for name in NAMES:
            state.put(FEES, name, Fee(genesis.fio.fees.fees.get(name, 0)))
