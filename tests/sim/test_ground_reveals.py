"""E.2 row 35: withholding reveals bends random numbers, by as much as theory says."""

from __future__ import annotations

import pytest

from harness.sim.liars import attach
from node.chain.model.bitshares_rules import BitsharesRules, RandomRules
from tests.sim.worlds import SECOND_NS, Facts, finals, lab
from tests.unit.node_bitshares.second_random import SecondRandom

SLOTS = 1_600


def even_share(shuffle: str, *, lies: bool) -> tuple[float, int, int]:
    """Return the share of n3's slots after which the number is even, their count, its blocks."""
    rules = BitsharesRules(
        block_interval_s=1,
        random=RandomRules(on=True, shuffle=shuffle),  # type: ignore[arg-type]
    )
    genesis = {"profile": "bitshares", "slot_ns": SECOND_NS, "bitshares": rules}
    due = Facts(frozenset({"slot_due"}))
    world = lab(4, 1, genesis=genesis, sink=due)
    lie = attach(world, "n3", "grind_reveals", SECOND_NS)
    if lies:
        world.at(0, lie.begin)
    world.run(SLOTS * SECOND_NS)
    final = min(found for name, found in finals(world).items() if name != "n3")
    blocks = world.hosts["n1"].store.irreversible_after(0, final)
    number, numbers, own = SecondRandom(), dict[int, bytes](), 0
    for block in blocks:
        number.absorb(block)
        numbers[block.slot] = number.number
        own += block.producer == "producerc"
    slots = sorted(
        {
            record.slot  # type: ignore[attr-defined]
            for _, host, record in due.rows
            if host == "n1" and record.producer == "producerc"  # type: ignore[attr-defined]
        }
    )
    even = [
        numbers[max(slot for slot in range(mine - 8, mine + 1) if slot in numbers)][-1] % 2 == 0
        for mine in slots
        if blocks[0].slot <= mine <= blocks[-1].slot
    ]
    return sum(even) / len(even), len(even), own


@pytest.mark.parametrize("shuffle", ["time", "turns"])
def test_who_withholds_reveals_has_two_throws_of_a_coin(shuffle: str) -> None:
    honest, n, blocks = even_share(shuffle, lies=False)
    assert blocks == n > 350
    bent, n, blocks = even_share(shuffle, lies=True)
    print(f"{shuffle}: even {honest:.3f} without, {bent:.3f} with a liar, of {n}; {blocks} blocks")
    # Standard deviations of 400 throws: 0.025 of one half, 0.022 of three quarters.
    assert abs(honest - 0.5) < 0.1
    assert abs(bent - 0.75) < 0.09
    assert blocks < 0.65 * n
