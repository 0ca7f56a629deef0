"""Who was expected in each slot: what the nodes said at its time, else the plan's fixed order.

A schedule may change, or be shuffled every round, so the plan alone does not know it. Where nodes
on different branches name different producers, the one of the chain that won counts, then the one
most nodes name.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from metrics.intake.trial import TrialData
from metrics.measure.blocks import ChainView

NAMED = "slot producer"


def expected(data: TrialData, chain: ChainView) -> dict[int, str]:
    """Return slot -> producer for every slot that any node reported or any final block filled.

    An empty name: the rules leave that slot to nobody, so no block is missing there.
    """
    named: dict[int, Counter[str]] = defaultdict(Counter)
    for event in data.events("slot_due", NAMED):
        named[event.slot][event.producer] += 1
    found = {
        slot: min(counts, key=lambda name: (-counts[name], name)) for slot, counts in named.items()
    }
    for block in chain.blocks.values():
        if block.id in chain.canonical and block.producer:
            found[block.slot] = block.producer
    return found
