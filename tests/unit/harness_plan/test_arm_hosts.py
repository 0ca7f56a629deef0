"""Each new kind of fault reaches the hosts that act, in the words that agents decode."""

from __future__ import annotations

import json

import pytest

from faults.kinds.registry import decode_fault
from harness.plan import fault_wire
from tests.unit.harness_plan.test_plan_rules import planned

S = 1_000_000_000


def local(fault: str) -> dict[str, fault_wire.Wire]:
    """Return what each acting host is armed with for one fault, proved decodable."""
    made = planned(f"{{at: 20s, for: 5s, id: it, {fault}}}")
    found = {}
    for host, wires in fault_wire.localise(made, made.trials[0]).items():
        for wire in wires:
            assert decode_fault(json.dumps(wire).encode()).id == "it"
            common = ("id", "fault", "at_ns", "for_ns")
            found[host] = {key: value for key, value in wire.items() if key not in common}
    return found


def test_a_one_way_cut_is_made_where_packets_arrive_and_nowhere_else() -> None:
    blocked = {"blocked_in": ["192.0.2.1"], "blocked_out": [], "node_port": 9000, "how": "nft"}
    cut = "fault: cut, from: n1, to: [n2, n3]"
    assert local(cut) == {"n2": blocked, "n3": blocked}
    reset = blocked | {"how": "nft reject"}
    assert local(f"{cut}, how: reset") == {"n2": reset, "n3": reset}


def test_loss_between_two_hosts_is_drawn_at_both() -> None:
    wires = local("fault: loss, between: [n1, n2], share: 30%")
    assert {host: wire["peers"] for host, wire in wires.items()} == {
        "n1": [{"host": "n2", "address": "192.0.2.2"}],
        "n2": [{"host": "n1", "address": "192.0.2.1"}],
    }
    assert {wire["share_ppm"] for wire in wires.values()} == {300_000}


def test_the_jitter_between_two_hosts_has_a_seed_of_its_own_at_each() -> None:
    wires = local("fault: delay, between: [n1, n2], delay: 80ms, jitter: 10ms")
    assert len({wire["seed"] for wire in wires.values()}) == 2


@pytest.mark.parametrize(
    ("fault", "wire"),
    [
        ("clock_step, by: 500ms, level: host", {"by_ns": S // 2, "level": "host"}),
        ("clock_step, by: -1s", {"by_ns": -S, "level": "process"}),
        ("clock_drift, by: 200ppm, level: host", {"by_ppb": 200_000, "level": "host"}),
        ("clock_drift, by: -0.5ppm", {"by_ppb": -500, "level": "process"}),
        ("ntp_offset, by: 300ms", {"by_ns": 300_000_000, "servers": ["192.0.2.100"]}),
        ("ntp_cut", {"servers": ["192.0.2.100"]}),
        ("pause", {"unit": "slotlab-node.service"}),
    ],
)
def test_a_fault_of_one_host_reaches_that_host_alone(fault: str, wire: fault_wire.Wire) -> None:
    assert local(f"fault: {fault}, on: n3") == {"n3": wire}


@pytest.mark.parametrize("fault", ["power_cut", "freeze_host", "link_down"])
def test_what_a_host_cannot_undo_is_not_asked_of_it_but_of_its_provider(fault: str) -> None:
    assert local(f"fault: {fault}, on: n2") == {}
    trial = planned(f"{{at: 20s, for: 5s, id: it, fault: {fault}, on: n2}}").trials[0]
    wire = {"id": "it", "fault": fault, "at_ns": 20 * S, "for_ns": 5 * S, "host": "n2"}
    assert fault_wire.localise_provider(trial) == [wire]
    assert decode_fault(json.dumps(wire).encode()).id == "it"


def test_a_provider_fault_of_several_hosts_has_an_entry_for_each() -> None:
    trial = planned("{at: 20s, for: 5s, id: it, fault: link_down, on: [n1, n4]}").trials[0]
    entries = [(wire["id"], wire["host"]) for wire in fault_wire.localise_provider(trial)]
    assert entries == [("it.1", "n1"), ("it.2", "n4")]
