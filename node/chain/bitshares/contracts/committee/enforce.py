"""Putting parameters in force at maintenance, and what size of block they need."""

import msgspec

from node.chain.bitshares.announcement import Decided
from node.chain.bitshares.chain_parameters import ChainParameters
from node.chain.bitshares.contracts.rows import PARAMETERS, WAITING, in_force, put_in_force
from node.chain.bitshares.contracts.voting.elections import ROOM_BYTES
from node.chain.bitshares.contracts.voting.rows import WITNESSES
from node.chain.encoding.crypto import KEY_BYTES
from node.chain.model.operation import OpenBlock
from node.chain.state.state import State
from node.events import ParametersInForce

ID_MAX = (1 << 32) - 1


def put_parameters(block: OpenBlock) -> None:
    """Let the parameters that wait be in force from this maintenance block on, and tell of them."""
    if block.state.get(PARAMETERS, WAITING) is None:
        return
    put_in_force(PARAMETERS, block.state)
    values = msgspec.structs.asdict(in_force(block.state))
    block.facts.append(ParametersInForce(num=block.num, slot=block.slot, **values))


def can_announce(parameters: ChainParameters, state: State) -> bool:
    """Return whether a block may be so small: all candidates at once fit, elected with new keys."""
    count = min(len(state.rows(WITNESSES)), parameters.max_witness_count)
    told = Decided(
        active=(ID_MAX,) * count,
        keys=((ID_MAX, bytes(KEY_BYTES)),) * count,
        parameters=parameters.header,
    )
    return len(told.pack()) + ROOM_BYTES <= parameters.max_block_bytes
