"""Each host is armed with its own share: directed pairs delayed once, cuts on both sides."""

from __future__ import annotations

import json

import pytest

from faults.kinds.packets.delay import Delay
from faults.kinds.registry import decode_fault
from harness.plan import fault_wire, planner
from tests.unit.harness_plan.builders import ALL_ABLE, file, lab, planned

TIMELINE = """[
 {at: 20s, for: 5s, fault: delay, between: all, delay: 80ms, jitter: 10ms},
 {at: 30s, for: 5s, fault: partition, shape: [[n1], [n2, n3, n4]]},
 {at: 40s, for: 5s, fault: clock_step, on: n2, by: 300ms},
 {at: 50s, fault: kill, on: n3, restart_after: 5s}]"""


def local() -> dict[str, list[fault_wire.Wire]]:
    made = planned(TIMELINE)
    return fault_wire.localise(made, made.trials[0])


def test_what_is_shipped_is_what_the_agent_decodes() -> None:
    for wires in local().values():
        for wire in wires:
            assert decode_fault(json.dumps(wire).encode()).id == wire["id"]


def test_every_directed_pair_is_delayed_exactly_once() -> None:
    seen = [
        (host, row["host"])
        for host, wires in local().items()
        for wire in wires
        if wire["fault"] == "delay"
        for row in wire["peers"]
    ]
    names = ["n1", "n2", "n3", "n4"]
    assert sorted(seen) == sorted((a, b) for a in names for b in names if a != b)


@pytest.mark.parametrize("how", ["netem", "queue"])
def test_each_way_of_an_uneven_delay_is_held_where_its_packets_leave_or_arrive(how: str) -> None:
    uneven = "[{at: 20s, for: 5s, fault: delay, between: [n3, [n1, n2]], delay: 40ms, back: 0ms}]"
    able = ALL_ABLE | {"netem": how == "netem"}
    made = planner.build(file(uneven), lab(capabilities=able))
    ways = {}
    for host, wires in fault_wire.localise(made, made.trials[0]).items():
        for wire in wires:
            armed = decode_fault(json.dumps(wire).encode())
            assert isinstance(armed, Delay)
            assert armed.how == how
            for row in armed.peers:
                way = (host, row.host) if how == "netem" else (row.host, host)
                ways[way] = row.delay_ns // 1_000_000
    assert ways == {("n3", "n1"): 40, ("n3", "n2"): 40, ("n1", "n3"): 0, ("n2", "n3"): 0}


def test_a_cut_drops_on_arrival_on_both_sides_and_leaves_each_side_whole() -> None:
    blocked = {
        host: wire["blocked_in"]
        for host, wires in local().items()
        for wire in wires
        if wire["fault"] == "partition"
    }
    rest = ["192.0.2.2", "192.0.2.3", "192.0.2.4"]
    assert blocked == {"n1": rest, **{name: ["192.0.2.1"] for name in ("n2", "n3", "n4")}}


def test_only_its_target_gets_a_clock_step_or_a_kill() -> None:
    kinds = {host: [wire["fault"] for wire in wires] for host, wires in local().items()}
    assert kinds == {
        "n1": ["delay", "partition"],
        "n2": ["delay", "partition", "clock_step"],
        "n3": ["delay", "partition", "kill"],
        "n4": ["delay", "partition"],
    }


def test_a_trial_lease_covers_the_end_and_half_a_minute() -> None:
    made = planned(TIMELINE)
    assert fault_wire.lease_ns(made, now_ns=100, t0_ns=1100) == 1000 + made.end_ns + 30_000_000_000
    assert not fault_wire.renews(made)


def test_a_short_lease_is_what_was_asked_for_and_is_renewed() -> None:
    made = planned(TIMELINE, more="safety: {lease: 15s}")
    assert fault_wire.lease_ns(made, now_ns=0, t0_ns=5) == 15_000_000_000
    assert fault_wire.renews(made)
