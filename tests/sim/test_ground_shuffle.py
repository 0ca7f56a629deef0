"""E.2 row 35: who ends a round bends the next one's order, by as much as theory says."""

from __future__ import annotations

from itertools import pairwise

import pytest

from harness.sim.liars import attach
from node.byzantine.behaviour import Behaviour
from node.chain.bitshares.header import BlockHeader
from node.chain.model.bitshares_rules import BitsharesRules
from tests.sim.worlds import SECOND_NS, finals, lab
from tests.unit.node_bitshares.second_chain import SecondChain

WITNESSES = 5
LIAR, ITS_INDEX = "n3", 2
SKIP, DAY_S = 3, 86_400


def last_places(interval_s: int, rounds: int, *, is_strict: bool) -> list[int]:
    """Return who had the last place of each final round of a lab with a liar, by index.

    That is also who may choose the next order, with its block or without one.
    """
    rules = BitsharesRules(block_interval_s=interval_s, strict_slot_alignment=is_strict)
    genesis = {"profile": "bitshares", "slot_ns": SECOND_NS, "bitshares": rules}
    world = lab(WITNESSES, 1, genesis=genesis)
    world.at(0, attach(world, LIAR, Behaviour(strategy="grind_shuffle")).begin)
    world.run(rounds * WITNESSES * interval_s * SECOND_NS)
    state = world.profile.genesis_state
    genesis_s = getattr(state, "time_s", 0)
    second = SecondChain(WITNESSES, genesis_s, interval_s, DAY_S, SKIP)
    found = list[int]()
    for block in world.hosts["n1"].store.irreversible_after(0, finals(world)["n1"]):
        assert isinstance(block.header, BlockHeader)
        k, late_s = divmod(block.header.timestamp_s - second.slot_time(1), interval_s)
        second.append(k + 1, late_s)
        assert second.blocks[-1].witness == block.header.witness - 1
        if block.num % WITNESSES == 0:
            found.append(second.whose(WITNESSES))
    return found


@pytest.mark.parametrize(
    ("is_strict", "interval_s", "rounds", "throws"),
    [
        # A slot has five seconds, and the shuffles of two are as good as unrelated.
        (False, 5, 400, 5),
        # The block's time or the next one's. Some bits of a shuffle follow from the time divided by
        # 128 s: of rounds that are shorter, one that favoured the liar makes the next likelier to.
        (True, 15, 700, 2),
    ],
)
def test_who_ends_a_round_has_a_throw_for_each_time_it_can_choose(
    is_strict: bool, interval_s: int, rounds: int, throws: int
) -> None:
    """One of n witnesses ends the round after its own with 1 - (1 - 1/n)^throws, others' with 1/n.

    Each way within four standard deviations, of as many rounds as there were.
    """
    last = last_places(interval_s, rounds, is_strict=is_strict)
    fair = 1 / WITNESSES
    bent = 1 - (1 - fair) ** throws
    for of_its_own, theory in ((True, bent), (False, fair)):
        after = [new for old, new in pairwise(last) if (old == ITS_INDEX) == of_its_own]
        count, share = len(after), after.count(ITS_INDEX) / len(after)
        print("strict" if is_strict else "loose", of_its_own, "share", share, "of", count, theory)
        assert count > 100
        assert abs(share - theory) < 4 * (theory * (1 - theory) / count) ** 0.5
        if of_its_own:
            assert share - fair > 4 * (fair * (1 - fair) / count) ** 0.5
