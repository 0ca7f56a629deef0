"""E.2 row 35: withholding reveals bends random numbers, by as much as theory says."""

from __future__ import annotations

from collections import defaultdict

import pytest

from harness.sim.liars import attach
from harness.sim.world import World
from node.byzantine.behaviour import Behaviour
from node.chain.model.bitshares_rules import BitsharesRules, RandomRules
from node.events import SlotDue
from tests.sim.worlds import SECOND_NS, Facts, finals, lab
from tests.unit.node_bitshares.second_random import SecondRandom

SLOTS = 2_000


def run(shuffle: str, liars: tuple[str, ...]) -> tuple[World, dict[int, str]]:
    """Return a lab of four after so many slots, and whose each was."""
    chance = RandomRules(on=True, shuffle=shuffle)  # type: ignore[arg-type]
    rules = BitsharesRules(block_interval_s=1, random=chance)
    genesis = {"profile": "bitshares", "slot_ns": SECOND_NS, "bitshares": rules}
    told = Facts(frozenset({"slot_due"}))
    world = lab(4, 1, genesis=genesis, sink=told)
    for liar in liars:
        world.at(0, attach(world, liar, Behaviour(strategy="grind_reveals")).begin)
    world.run(SLOTS * SECOND_NS)
    due = [one for _, host, one in told.rows if host == "n1" and isinstance(one, SlotDue)]
    return world, {one.slot: one.producer for one in due if one.producer}


def even_shares(shuffle: str, liars: tuple[str, ...]) -> dict[int, tuple[float, int]]:
    """Return how often the number after slots of producers c and d is even, and of how many.

    By how many of their slots in a row there were up to that one.
    """
    world, owners = run(shuffle, liars)
    final = min(found for name, found in finals(world).items() if name not in liars)
    number, even = SecondRandom(), dict[int, bool]()
    for block in world.hosts["n1"].store.irreversible_after(0, final):
        number.absorb(block)
        even[block.slot] = number.number[-1] % 2 == 0
    found, in_row, known = defaultdict[int, list[bool]](list), 0, False
    for slot in range(min(even), max(even)):
        known = even.get(slot, known)
        if slot in owners:
            in_row = in_row + 1 if owners[slot] in ("producerc", "producerd") else 0
            found[in_row].append(known)
    return {count: (sum(each) / len(each), len(each)) for count, each in found.items()}


@pytest.mark.parametrize("shuffle", ["time", "turns"])
def test_who_withholds_reveals_has_a_throw_of_a_coin_more_for_each_slot(shuffle: str) -> None:
    """Of m slots in a row the number is odd only if m + 1 coins are.

    Each withholds by itself; who chose among all 2 to the m ways at once would do better still.
    """
    honest, bent = even_shares(shuffle, ()), even_shares(shuffle, ("n3", "n4"))
    print(shuffle, "without liars", honest, "with two", bent)
    for in_row in (1, 2):
        fair, fair_count = honest[in_row]
        share, count = bent[in_row]
        assert count > 100
        # Four standard deviations of so many throws, each way.
        assert abs(fair - 0.5) < 4 * (0.25 / fair_count) ** 0.5
        odd = 0.5 ** (in_row + 1)
        assert abs(share - (1 - odd)) < 4 * (odd * (1 - odd) / count) ** 0.5
