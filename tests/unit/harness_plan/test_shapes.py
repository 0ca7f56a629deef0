"""Shapes of partitions: drawn by the seed, and resolved in the plan to who hears whom no more."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cli.tables.plan_tables import cells_of
from harness.errors import PlanError
from harness.plan import planner
from harness.plan.fault_wire import localise
from metrics.model.plan import Plan, PlannedFault
from tests.unit.harness_plan.builders import file, lab

Pair = frozenset[str]


def drawn(shape: str, *, hosts: int, producers: int, seed: int) -> Plan:
    timeline = f"[{{at: 20s, for: 5s, fault: partition, shape: {shape}}}]"
    safe = "safety: {max_unreachable: 99}"
    return planner.build(file(timeline, producers=producers, more=safe), lab(hosts), seed=seed)


def fault_of(plan: Plan) -> PlannedFault:
    return plan.trials[0].faults[0]


def deaf(plan: Plan) -> set[Pair]:
    """Return the pairs of which each drops what the other sends, as the hosts are armed."""
    address = {host.host: host.address for host in plan.hosts}
    dropped = {
        (host, peer)
        for host, wires in localise(plan, plan.trials[0]).items()
        for wire in wires
        for peer in address
        if address[peer] in wire["blocked_in"]
    }
    assert dropped == {(b, a) for a, b in dropped}
    return {frozenset(pair) for pair in dropped}


def every(names: list[str]) -> set[Pair]:
    return {frozenset(pair) for pair in itertools.combinations(names, 2)}


def who(plan: Plan) -> list[str]:
    """Return the column of the plan's table that says to whom it is done, in the fault's row."""
    (table,) = cells_of(plan)
    assert not isinstance(table, str)
    return [str(cell) for cell in table.columns[3].cells if cell]


labs = given(
    hosts=st.integers(4, 9), producers=st.integers(1, 21), seed=st.integers(0, 1 << 32)
)  # fmt: skip


@labs
def test_halves_differ_by_one_host_at_most(hosts: int, producers: int, seed: int) -> None:
    plan = drawn("halves", hosts=hosts, producers=producers, seed=seed)
    one, other = fault_of(plan).groups or []
    weight = {host.host: len(host.producers) for host in plan.hosts}
    assert sorted(one + other) == sorted(weight)
    apart = abs(sum(weight[h] for h in one) - sum(weight[h] for h in other))
    assert apart <= max(weight.values())
    if producers % hosts == 0:
        assert abs(len(one) - len(other)) <= 1
    assert deaf(plan) == {frozenset((a, b)) for a in one for b in other}


@labs
def test_one_is_a_host_that_produces(hosts: int, producers: int, seed: int) -> None:
    plan = drawn("one", hosts=hosts, producers=producers, seed=seed)
    (alone, rest) = fault_of(plan).groups or []
    assert len(alone) == 1
    assert next(host for host in plan.hosts if host.host == alone[0]).producers
    assert deaf(plan) == {frozenset((alone[0], other)) for other in rest}


@labs
def test_in_a_ring_each_hears_its_two_neighbours(hosts: int, producers: int, seed: int) -> None:
    plan = drawn("ring", hosts=hosts, producers=producers, seed=seed)
    fault = fault_of(plan)
    names = [host.host for host in plan.hosts]
    near = {frozenset(pair) for pair in itertools.pairwise([*fault.targets, fault.targets[0]])}
    assert sorted(fault.targets) == names
    assert fault.groups is None
    assert {frozenset(pair) for pair in fault.pairs or []} == every(names) - near == deaf(plan)
    assert all(quorum.finality_expected for quorum in plan.trials[0].quorum)


@labs
def test_a_bridge_hears_both_halves_which_do_not_hear_each_other(
    hosts: int, producers: int, seed: int
) -> None:
    plan = drawn("bridge", hosts=hosts, producers=producers, seed=seed)
    fault = fault_of(plan)
    (bridge,), (one, other) = fault.targets, fault.groups or []
    assert sorted([bridge, *one, *other]) == [host.host for host in plan.hosts]
    assert deaf(plan) == {frozenset((a, b)) for a in one for b in other}
    assert bridge not in fault.acting
    assert all(quorum.finality_expected for quorum in plan.trials[0].quorum)


@pytest.mark.parametrize("shape", ["halves", "one", "ring", "bridge"])
def test_a_shape_is_drawn_anew_by_each_seed_and_alike_by_the_same(shape: str) -> None:
    found = [fault_of(drawn(shape, hosts=6, producers=6, seed=seed)) for seed in range(8)]
    again = [fault_of(drawn(shape, hosts=6, producers=6, seed=seed)) for seed in range(8)]
    assert found == again
    assert len({str((fault.targets, fault.groups)) for fault in found}) > 1


@pytest.mark.parametrize(
    ("shape", "hosts", "said"),
    [
        ("ring", 3, "ring: in one of 3 hosts all are neighbours; use more"),
        ("bridge", 2, "bridge: takes three hosts at least; use more"),
        ("halves", 1, "this cuts nothing; name hosts on both sides"),
    ],
)
def test_a_lab_too_small_for_a_shape_is_refused(shape: str, hosts: int, said: str) -> None:
    with pytest.raises(PlanError) as caught:
        drawn(shape, hosts=hosts, producers=4, seed=1)
    assert str(caught.value) == f"test.yml: timeline[0].shape: {said}"


def test_the_plan_says_who_stands_where() -> None:
    ring, bridge = (drawn(shape, hosts=4, producers=4, seed=1) for shape in ("ring", "bridge"))
    hosts = fault_of(ring).targets
    assert who(ring) == [" - ".join([*hosts, hosts[0]])]
    sides = " | ".join(", ".join(group) for group in fault_of(bridge).groups or [])
    assert who(bridge) == [f"{sides}; {fault_of(bridge).targets[0]} reaches all"]
