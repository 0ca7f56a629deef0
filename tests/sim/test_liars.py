"""Lying nodes in a simulated lab: the honest majority agrees and goes on finalizing."""

from __future__ import annotations

import pytest

from faults.model.kind import KINDS
from harness.sim.liars import attach
from node.byzantine.behaviour import Behaviour
from node.byzantine.strategies import STRATEGIES
from node.events import Lies, Received
from tests.sim.worlds import SECOND_NS, Facts, finals, lab

HONEST = ("n1", "n2", "n4")


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_one_liar_of_four_breaks_nothing(strategy: str) -> None:
    world = lab()
    lie = attach(world, "n3", Behaviour(strategy=strategy))
    world.at(10 * SECOND_NS, lie.begin)
    world.at(40 * SECOND_NS, lie.end)
    world.run(60 * SECOND_NS)
    final = finals(world)
    assert min(final[name] for name in HONEST) > 80
    lowest = min(final[name] for name in HONEST)
    chains = [world.hosts[name].store.irreversible_after(1, lowest - 1) for name in HONEST]
    assert chains[0] == chains[1] == chains[2]


def test_two_blocks_for_one_slot_are_seen_by_the_others() -> None:
    facts = Facts(frozenset({"received"}))
    world = lab(sink=facts)
    lie = attach(world, "n3", Behaviour(strategy="double_production"))
    world.at(5 * SECOND_NS, lie.begin)
    world.run(30 * SECOND_NS)
    ids: dict[int, set[str]] = {}
    for _, host, record in facts.rows:
        if host != "n3" and getattr(record, "producer", "") == "producerc":
            ids.setdefault(getattr(record, "slot", 0), set()).add(getattr(record, "id", ""))
    assert max(len(found) for found in ids.values()) == 2


def test_a_node_lies_in_one_way_after_another_and_says_so() -> None:
    facts = Facts(frozenset({"lies", "received"}))
    world = lab(sink=facts)
    for begin, strategy in ((5, "withhold"), (15, "double_production")):
        lie = attach(world, "n3", Behaviour(strategy=strategy, by_ns=3600 * SECOND_NS))
        world.at(begin * SECOND_NS, lie.begin)
        world.at((begin + 8) * SECOND_NS, lie.end)
    world.run(30 * SECOND_NS)
    told = [(h, r.strategy) for _, h, r in facts.rows if isinstance(r, Lies)]
    assert told == [("n3", "withhold"), ("n3", ""), ("n3", "double_production"), ("n3", "")]
    slots: dict[int, set[str]] = {}
    for at_ns, host, record in facts.rows:
        if isinstance(record, Received) and host != "n3" and record.producer == "producerc":
            second = (at_ns - world.t0_ns) // SECOND_NS
            slots.setdefault(second, set()).add(record.id)
    assert not [second for second in slots if 6 <= second < 13]
    assert any(len(ids) > 1 for second, ids in slots.items() if 16 <= second < 23)


@pytest.mark.parametrize(("timing", "early"), [("fio", False), ("eosio2", True), ("leap", True)])
def test_blocks_are_finished_when_the_timing_profile_says(timing: str, early: bool) -> None:
    facts = Facts(frozenset({"produced"}))
    world = lab(4, 12, sink=facts, genesis={"timing": timing})
    world.run(30 * SECOND_NS)
    clock = world.profile.clock
    ahead = [clock.time_ns(getattr(record, "slot", 0)) - at_ns for at_ns, _, record in facts.rows]
    assert len(ahead) >= 60
    assert all((ns > 0) == early for ns in ahead)


def test_a_campaign_may_name_each_way_to_lie() -> None:
    (named,) = [key.written for key in KINDS["byzantine"].keys if key.name == "strategy"]
    assert named == tuple(STRATEGIES)
