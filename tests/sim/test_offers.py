"""Transactions taken where a link was cut: every one is final at the end, however the cut was."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.sim.liars import attach
from harness.sim.network.link import Shape
from harness.sim.world import World
from node.byzantine.behaviour import Behaviour
from node.config import ClientConfig
from node.events import Txs
from tests.sim.worlds import SECOND_NS, Facts, agree, lab

S = SECOND_NS
PRODUCERS = ["n1", "n2", "n3", "n4"]


def loaded(**changes: object) -> tuple[World, Facts]:
    """Return a lab of four producers, and n5 and n6 that only observe; n5 takes all the load."""
    facts = Facts(frozenset({"txs"}))
    world = lab(observers=2, sink=facts, **changes)
    share = ClientConfig(
        account="usera", key_file="", rate_milli=10_000, size_bytes=64, seed=1,
        start_ns=world.t0_ns + 5 * S, end_ns=world.t0_ns + 35 * S,
    )  # fmt: skip
    return lab(observers=2, sink=facts, load={"n5": share}, **changes), facts


def in_state(facts: Facts, state: str) -> set[str]:
    """Return the transactions that reached a state of their lives."""
    told = [r for _, _, r in facts.rows if isinstance(r, Txs) and r.state == state]
    return {id_ for record in told for id_ in record.ids}


def all_final(world: World, facts: Facts, until_s: float) -> bool:
    """Return whether all that was accepted is final once the world ran until then."""
    world.run(int(until_s * S))
    accepted = in_state(facts, "accepted")
    assert len(accepted) >= 200
    return agree(world) and in_state(facts, "irreversible") == accepted


def cut_off(world: World) -> None:
    world.split("cut", [["n5"], [*PRODUCERS, "n6"]])


def cut_off_from_producers(world: World) -> None:
    world.split("cut", [["n5"], PRODUCERS])


def deaf(world: World) -> None:
    world.shape("cut", [(name, "n5") for name in [*PRODUCERS, "n6"]], Shape(cut=True))


def mute(world: World) -> None:
    world.shape("cut", [("n5", name) for name in [*PRODUCERS, "n6"]], Shape(cut=True))


def lossy(world: World) -> None:
    world.shape("cut", [("n5", name) for name in [*PRODUCERS, "n6"]], Shape(loss=0.5))


@pytest.mark.parametrize("seconds", [0.7, 2.5, 20])
@pytest.mark.parametrize("cut", [cut_off, cut_off_from_producers, deaf, mute, lossy])
def test_no_cut_loses_a_transaction(cut: Callable[[World], None], seconds: float) -> None:
    world, facts = loaded()
    world.at(int(10.1 * S), cut, world)
    world.at(int((10.1 + seconds) * S), world.clear, "cut")
    assert all_final(world, facts, 50.3)


def test_what_a_lost_link_was_carrying_goes_round_by_a_third_host() -> None:
    world, facts = loaded()
    world.at(int(10.1 * S), cut_off_from_producers, world)
    assert all_final(world, facts, 50.3)


def test_a_host_that_restarts_is_offered_what_waits() -> None:
    world, facts = loaded()
    world.at(int(10.1 * S), world.split, "cut", [["n5", "n6"], PRODUCERS])
    world.at(int(12.3 * S), world.crash, "n6")
    world.at(int(20.3 * S), world.restart, "n6")
    world.run(int(22.3 * S))
    here, there = world.hosts["n5"].chain, world.hosts["n6"].chain
    assert here is not None
    assert there is not None
    assert {t.id for t in there.mempool} == {t.id for t in here.mempool}
    assert len(here.mempool) > 100
    world.clear("cut")
    assert all_final(world, facts, 60.3)


def test_a_censor_offers_nothing_either() -> None:
    world, _ = loaded()
    lie = attach(world, "n5", Behaviour(strategy="censor", by_ns=0))
    world.at(int(10.1 * S), cut_off, world)
    world.run(15 * S)
    lie.begin()
    world.clear("cut")
    world.run(int(20.3 * S))
    kept, others = world.hosts["n5"], [world.hosts[name] for name in PRODUCERS]
    assert kept.chain is not None
    waiting = {t.id for t in kept.chain.mempool}
    assert len(waiting) > 50
    assert not any(tx_id in host.gossip.seen_transactions for tx_id in waiting for host in others)
