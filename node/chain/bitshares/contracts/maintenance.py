"""What is done at maintenance, and in which order (PROTOCOL C.14)."""

from node.chain.bitshares.contracts.committee.enforce import put_parameters
from node.chain.bitshares.contracts.money.spending import spend
from node.chain.bitshares.contracts.rows import ACTIVE, in_force, put_in_force
from node.chain.bitshares.witness_state import WitnessState
from node.chain.model.operation import OpenBlock


def maintain(parent: WitnessState, block: OpenBlock, now_s: int) -> None:
    """Count votes, elect witnesses and committee, change parameters, make a budget and pay workers.

    now_s: the block's time on the chain.
    """
    put_in_force(ACTIVE, block.state)
    put_parameters(block)
    next_s = parent.maintenance_after(now_s, in_force(block.state).header)
    spend({}, block, now_s, next_s)
