"""What is done at maintenance, and in which order (PROTOCOL C.14)."""

from node.chain.bitshares.contracts.committee.enforce import put_parameters
from node.chain.bitshares.contracts.rows import ACTIVE, put_in_force
from node.chain.model.operation import OpenBlock


def maintain(block: OpenBlock) -> None:
    """Count votes, elect witnesses and committee, pay workers, change parameters, set a budget."""
    put_in_force(ACTIVE, block.state)
    # Workers are paid here, before the parameters change.
    put_parameters(block)
    # The budget comes last: its interval is the new one.
