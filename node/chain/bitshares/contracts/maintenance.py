"""What is done at maintenance, and in which order (PROTOCOL C.14)."""

from node.chain.bitshares.contracts.committee.enforce import put_parameters
from node.chain.bitshares.contracts.hard_forks.deciding import Votes
from node.chain.bitshares.contracts.money.spending import spend
from node.chain.bitshares.contracts.rows import in_force
from node.chain.bitshares.contracts.voting.elections import count, elect_committee, elect_witnesses
from node.chain.bitshares.witness_state import WitnessState
from node.chain.model.operation import OpenBlock


def maintain(parent: WitnessState, block: OpenBlock, now_s: int) -> Votes:
    """Count votes, elect witnesses and committee, change parameters, make a budget and pay workers.

    now_s: the block's time on the chain. Return the votes for hard forks.
    """
    counted = count(block, now_s)
    elect_witnesses(counted, block)
    elect_committee(counted, block)
    put_parameters(block)
    next_s = parent.maintenance_after(now_s, in_force(block.state).header)
    spend(counted.workers, block, now_s, next_s)
    return Votes(counted.hard_forks, counted.total)
