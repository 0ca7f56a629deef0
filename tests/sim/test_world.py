"""Nodes on virtual time: they agree, faults do what they say, and what heals comes back."""

from __future__ import annotations

from collections import Counter

import pytest

from harness.sim.host.clock import ClockSpec
from harness.sim.host.engine import Action
from harness.sim.host.memory import Loss
from harness.sim.network.link import Shape
from harness.sim.world import World
from node import events
from node.chain.model.block import SignedBlock
from node.events import Peer, Produced, Started
from tests.sim.worlds import SECOND_NS, Facts, agree, finals, heads, lab

S = SECOND_NS
EVERY_PAIR = [(f"n{a}", f"n{b}") for a in range(1, 5) for b in range(1, 5) if a != b]


def abstained(facts: Facts, host: str) -> set[str]:
    """Return why a host left slots of its own empty."""
    kinds = events.Abstained
    return {r.reason for _, name, r in facts.rows if name == host and isinstance(r, kinds)}


def run_on(world: World, until_s: float) -> World:
    """Return the world, simulated until then."""
    world.run(int(until_s * S))
    return world


def test_undisturbed_nodes_produce_every_slot_and_finality_lags_as_the_formula_says() -> None:
    world = run_on(lab(), 30.4)
    assert set(heads(world).values()) == {62}
    assert {62 - num for num in finals(world).values()} <= {7, 8}


def test_a_sparse_lab_with_observers_agrees() -> None:
    world = run_on(lab(5, 2, observers=35, sparse=True), 20.3)
    assert set(heads(world).values()) == {42}
    assert len(world.hosts) == 40


def test_a_minority_stalls_while_the_majority_goes_on_and_both_agree_after_the_heal() -> None:
    world = lab()
    world.at(10 * S, world.split, "cut", [["n1"], ["n2", "n3", "n4"]])
    run_on(world, 30)
    final = finals(world)
    assert final["n1"] < 25 < final["n2"] == final["n3"] == final["n4"]
    world.clear("cut")
    run_on(world, 40.3)
    assert agree(world)


def test_half_and_half_finalizes_nothing_until_it_heals() -> None:
    world = run_on(lab(), 10)
    world.split("cut", [["n1", "n2"], ["n3", "n4"]])
    run_on(world, 12)
    stalled = finals(world)
    run_on(world, 40)
    assert finals(world) == stalled
    world.clear("cut")
    run_on(world, 60.3)
    assert agree(world)
    assert min(finals(world).values()) > max(stalled.values()) + 20


def test_a_block_reaches_the_far_side_of_a_one_way_cut_through_a_third_node() -> None:
    world = lab()
    world.shape("cut", [("n1", "n2")], Shape(cut=True))
    run_on(world, 30.4)
    assert agree(world)
    assert heads(world)["n2"] == 62


FAR = Shape(delay_ns=60_000_000, jitter_ns=40_000_000)


@pytest.mark.parametrize("shape", [FAR, Shape(loss=0.1)])
def test_the_body_of_a_block_goes_over_links_at_most_1_3_times_per_host(shape: Shape) -> None:
    world = lab(21, 2)
    world.shape("mess", [(a, b) for a in world.hosts for b in world.hosts if a != b], shape)
    bodies, post = Counter[bytes](), world.net.post

    def counting(source: str, target: str, action: Action, *args: object) -> int | None:
        bodies.update(arg.id for arg in args if isinstance(arg, SignedBlock))
        return post(source, target, action, *args)

    world.net.post = counting  # type: ignore[method-assign]
    run_on(world, 30)
    assert len(bodies) == 60
    assert max(bodies.values()) <= 1.3 * len(world.hosts)


def test_nodes_agree_under_loss_duplication_and_reordering() -> None:
    world = lab()
    shape = Shape(loss=0.1, duplicate=0.1, reorder=0.1, reorder_ns=300_000_000)
    world.shape("mess", EVERY_PAIR, shape)
    run_on(world, 60)
    world.clear("mess")
    run_on(world, 70.3)
    assert agree(world)
    assert min(heads(world).values()) > 120


@pytest.mark.parametrize("loss", ["nothing", "uncommitted", "watermarks", "everything"])
def test_a_crashed_node_comes_back_whatever_its_disk_lost(loss: Loss) -> None:
    facts = Facts(frozenset({"started", "rejected"}))
    world = lab(sink=facts)
    world.at(20 * S, world.crash, "n2", loss)
    run_on(world, 21)
    assert "n2" not in heads(world)
    world.at(25 * S, world.restart, "n2")
    run_on(world, 45.3)
    assert agree(world)
    starts = [r for _, host, r in facts.rows if host == "n2" and isinstance(r, Started)]
    assert (starts[-1].resumed_num == 1) == (loss == "everything")
    assert not [r for _, _, r in facts.rows if isinstance(r, events.Rejected)]


def test_a_witness_that_lost_everything_comes_back_too() -> None:
    bitshares = {"profile": "bitshares", "slot_ns": S}
    world = lab(4, 1, genesis=bitshares)
    world.at(20 * S, world.crash, "n2", "everything")
    world.at(25 * S, world.restart, "n2")
    run_on(world, 45.4)
    assert agree(world)
    assert heads(world)["n2"] > 40


def test_a_kill_loses_only_what_was_received_since_the_last_commit() -> None:
    facts = Facts(frozenset({"started"}))
    world = lab(sink=facts)
    world.at(int(20.4 * S), world.crash, "n2")
    world.at(21 * S, world.restart, "n2")
    run_on(world, 22)
    started = facts.rows[-1][2]
    assert isinstance(started, Started)
    assert 38 <= started.resumed_num <= 42


def test_a_paused_node_keeps_what_arrives_and_catches_up() -> None:
    facts = Facts(frozenset({"abstained"}))
    world = lab(sink=facts)
    world.at(10 * S, world.pause, "n3")
    run_on(world, 15)
    assert heads(world)["n3"] <= 22
    world.at(15 * S, world.resume, "n3")
    run_on(world, 25.3)
    assert agree(world)
    assert abstained(facts, "n3") == {"overslept"}


def test_a_silent_node_keeps_the_first_slots_of_its_turn() -> None:
    facts = Facts(frozenset({"abstained", "produced"}))
    world = lab(4, 6, sink=facts)
    world.silence("n1", 2)
    run_on(world, 12)
    made = [r.slot % 6 for _, host, r in facts.rows if host == "n1" and isinstance(r, Produced)]
    assert made == [0, 1]
    assert abstained(facts, "n1") == {"silent"}
    world.silence("n1", None)


@pytest.mark.parametrize(("by_ms", "word"), [(124, "clock_bound"), (126, "clock_offset")])
def test_a_node_whose_clock_was_set_wrong_stops_producing_and_says_why(
    by_ms: int, word: str
) -> None:
    facts = Facts(frozenset({"abstained"}))
    clock = {"clock": ClockSpec(bound_ns=2_000_000)}
    world = lab(sink=facts, clock_limit_ns=125_000_000, hosts={"n1": clock})
    world.at(int(9.2 * S), lambda: world.skew("n1", offset_ns=by_ms * 1_000_000))
    run_on(world, 20)
    assert abstained(facts, "n1") == {word}
    before = len(facts.rows)
    world.skew("n1")
    run_on(world, 30)
    assert len(facts.rows) == before


def test_a_node_does_not_produce_right_after_its_clock_was_set() -> None:
    facts = Facts(frozenset({"abstained"}))
    world = lab(sink=facts, clock_limit_ns=125_000_000)
    # n1 is due at the start of each round of 4 s.
    world.at(12 * S - 20_000_000, lambda: world.skew("n1", offset_ns=15_000_000))
    run_on(world, 14)
    assert abstained(facts, "n1") == {"clock_stepped"}


def test_a_drifting_clock_makes_a_node_produce_ever_earlier() -> None:
    facts = Facts(frozenset({"produced"}))
    world = lab(sink=facts)
    world.skew("n1", drift_ppb=1_000_000)
    run_on(world, 40)
    early_ns = [
        world.t0_ns + (r.slot - world.spec.genesis.initial_slot - 1) * S // 2 - at_ns
        for at_ns, host, r in facts.rows
        if host == "n1" and isinstance(r, Produced)
    ]
    assert early_ns == sorted(early_ns)
    assert early_ns[-1] > 30_000_000


def test_wander_keeps_clocks_apart_but_bounded() -> None:
    spec = {"clock": ClockSpec(wander_ppb=1000)}
    world = run_on(lab(hosts={"n1": spec, "n2": spec}), 300)
    offsets = [world.hosts[name].clock.offset_ns(world.engine.now_ns) for name in ("n1", "n2")]
    assert offsets[0] != offsets[1]
    assert all(0 < abs(offset) < 300 * 3000 for offset in offsets)


def test_links_are_told_lost_and_found() -> None:
    facts = Facts(frozenset({"peer"}))
    world = lab(sink=facts)
    world.at(10 * S, world.split, "cut", [["n1"], ["n2", "n3", "n4"]])
    world.at(20 * S, world.clear, "cut")
    run_on(world, 30)
    states = [r.state for _, host, r in facts.rows
              if host == "n1" and isinstance(r, Peer) and r.peer == "n2"]  # fmt: skip
    assert states[:2] == ["handshaked", "disconnected"]
    assert "handshaked" in states[2:]


def test_what_was_on_its_way_to_a_node_that_died_is_lost() -> None:
    world = lab(link=Shape(delay_ns=200_000_000))
    world.at(int(10.1 * S), world.crash, "n4")
    world.at(int(10.15 * S), world.restart, "n4")
    run_on(world, 25.4)
    assert len(set(heads(world).values())) == 1
