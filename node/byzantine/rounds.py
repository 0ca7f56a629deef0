"""What a liar can make of the shuffle, whose only seed is the time of the block that ends a round.

Pure: states in, seconds out. Source: PROTOCOL.md C.4, graphene's order of witnesses.
"""

from collections.abc import Container

from node.chain.bitshares.witness_schedule import shuffle
from node.chain.bitshares.witness_state import WitnessState
from node.chain.profile import ChainState


def lucky_delay(parent: ChainState, after: ChainState, own: Container[str]) -> int:
    """Return by how many seconds a block must be later for one of own to end the next round, too.

    after: the state after the block, at its slot's first second. 0: it is right as it is, or
    nothing helps, or it ends no round, or the order does not come from the time. Without strict
    alignment any second inside the slot may do; with it only the next slot's, which is a whole
    interval later and somebody else's.
    """
    if not isinstance(parent, WitnessState) or not isinstance(after, WitnessState):
        return 0
    if after.turns is not None or not after.is_shuffle:
        return 0
    interval_s = parent.parameters.block_interval_s
    is_strict = after.rules.options.strict_slot_alignment
    for late_s in (0, interval_s) if is_strict else range(interval_s):
        if _last_of_next(parent, after, late_s) in own:
            return late_s
    return 0


def _last_of_next(parent: WitnessState, after: WitnessState, late_s: int) -> str:
    """Who has the last place of the round that begins with the block, were it so much later."""
    time_s = after.time_s + late_s
    aslot = parent.aslot + parent.slots.at(time_s)
    order = shuffle(after.active, time_s)
    return after.rules.name_of(order[aslot % len(order)])
