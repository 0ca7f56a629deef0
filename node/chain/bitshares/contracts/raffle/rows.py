"""The random number that operations read, and how often one was drawn from it."""

from node.chain.bitshares.order.stream import Stream
from node.chain.bitshares.witness_state import WitnessState
from node.chain.model.operation import OpenBlock
from node.chain.state.state import Table
from node.events import RandomNumber

RANDOM = Table("random", str, bytes)
"""Under LAST, the number after the parent of the block at hand; nothing without random numbers."""
LAST = "last"
DRAWN = Table("drawn", str, int)
"""Under LAST, how many numbers operations ever drew, so that no two draw the same."""
RANDOM_TABLES = (RANDOM, DRAWN)


def note_random(parent: WitnessState, block: OpenBlock) -> None:
    """Let the operations of a child of parent read the number after it, and tell that number."""
    if parent.rules.options.random.on:
        block.state.put(RANDOM, LAST, parent.random)
        block.facts.append(RandomNumber(num=block.num, value=parent.random.hex()))


def drawn(block: OpenBlock) -> Stream | None:
    """Return numbers for one operation, None where the genesis has no random numbers.

    Everybody who has the block before knows them, whoever asks in this block included: who wants
    to be surprised must promise what it asks for a block earlier.
    """
    random = block.state.get(RANDOM, LAST)
    if random is None:
        return None
    before = block.state.get(DRAWN, LAST) or 0
    block.state.put(DRAWN, LAST, before + 1)
    return Stream(random, before << 32)
