"""Hosts stand in zones as somebody says, or in order; delays hold them apart, armed like faults."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from harness.campaign import campaign_file
from harness.errors import PlanError
from harness.plan import fault_wire, planner
from harness.plan.planner import LabView
from metrics.model.plan import Plan
from metrics.model.plan_checks import problem
from metrics.model.standing import standing
from tests.unit.harness_plan.builders import ALL_ABLE, HEAD, lab

MATRIX = "# From nowhere.\nrtt_ms,east,west,south\neast,4,80,10\nwest,,,120\nsouth,,,\n"
MS, S = 1_000_000, 1_000_000_000


def planned(
    zones: str,
    folder: Path,
    view: LabView | None = None,
    *,
    matrix: str = MATRIX,
    timeline: str = "",
) -> Plan:
    (folder / "m.csv").write_text(matrix)
    text = f"{HEAD % 4}safety: {{max_unreachable: 4}}\nzones: {zones}\ntimeline: [{timeline}]\n"
    file = campaign_file.parse(text, folder / "c.yml")
    return planner.build(file, lab() if view is None else view)


def refusal(
    zones: str,
    folder: Path,
    view: LabView | None = None,
    *,
    matrix: str = MATRIX,
    timeline: str = "",
) -> str:
    with pytest.raises(PlanError) as caught:
        planned(zones, folder, view, matrix=matrix, timeline=timeline)
    return str(caught.value)


def in_zones(**zones: str) -> LabView:
    """Return the lab with a slotlab_zone of each host named."""
    made = lab()
    hosts = [msgspec.structs.replace(h, zone=zones.get(h.host, "")) for h in made.hosts]
    groups = {zone: [h.host for h in hosts if h.zone == zone] for zone in zones.values()}
    return replace(made, hosts=tuple(hosts), groups={**made.groups, **groups})


def test_hosts_are_dealt_in_order_where_nobody_says_where_they_stand(tmp_path: Path) -> None:
    zones = planned("{matrix: m.csv}", tmp_path).cells[0].zones
    assert zones is not None
    assert msgspec.to_builtins(zones) == {
        "matrix": "m.csv",
        "source": "From nowhere.",
        "dealt": "in order",
        "hosts": {"n1": "east", "n2": "west", "n3": "south", "n4": "east"},
        "rtt_ns": {
            "east": {"east": 4 * MS, "west": 80 * MS, "south": 10 * MS},
            "west": {"east": 80 * MS, "south": 120 * MS},
            "south": {"east": 10 * MS, "west": 120 * MS},
        },
        "losses": "",
        "loss_ppm": {},
        "how": "queue",
    }


def test_what_zones_lose_is_part_of_what_holds_them_apart(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("loss_percent,east,west\neast,0.5,2\nwest,,\n")
    plan = planned("{matrix: m.csv, losses: l.csv}", tmp_path)
    zones = plan.cells[0].zones
    assert zones is not None
    assert (zones.losses, zones.loss_ppm) == (
        "l.csv", {"east": {"east": 5_000, "west": 20_000}, "west": {"east": 20_000}},
    )  # fmt: skip
    (wire,) = fault_wire.localise(plan, plan.trials[0])["n1"]
    rows = {row["host"]: (row["delay_ns"], row["loss_ppm"]) for row in wire["peers"]}
    assert rows == {"n2": (40 * MS, 20_000), "n3": (5 * MS, 0), "n4": (2 * MS, 5_000)}
    (tmp_path / "l.csv").write_text("loss_percent,east,westt\neast,,2\nwestt,,\n")
    found = refusal("{matrix: m.csv, losses: l.csv}", tmp_path)
    assert found == "c.yml: zones.losses: m.csv has no zone westt; did you mean west?"


def test_the_inventory_says_where_they_stand_and_the_campaign_before_it(tmp_path: Path) -> None:
    view = in_zones(n1="west", n2="west", n3="east", n4="east")
    zones = planned("{matrix: m.csv}", tmp_path, view).cells[0].zones
    assert zones is not None
    assert zones.dealt == "by the inventory"
    assert zones.hosts == {"n1": "west", "n2": "west", "n3": "east", "n4": "east"}
    said = "{n1: south, n2: south, n3: south, n4: west}"
    zones = planned(f"{{matrix: m.csv, hosts: {said}}}", tmp_path).cells[0].zones
    assert zones is not None
    assert zones.dealt == "by the campaign"
    assert zones.hosts == {"n1": "south", "n2": "south", "n3": "south", "n4": "west"}


@pytest.mark.parametrize(
    ("hosts", "says"),
    [
        ("{n1: east, n2: east, n3: east}", "n4 stands in no zone by the campaign; add it"),
        ("{n1: east, n2: east, n3: east, n4: easy}",
         "n4 stands in easy by the campaign, which m.csv does not have; did you mean east?"),
        ("{n1: east, n2: east, n3: east, n4: east, n5: west}",
         "no host n5 in the lab; did you mean"),
    ],
)  # fmt: skip
def test_a_host_that_stands_nowhere_is_refused_with_its_name(
    hosts: str, says: str, tmp_path: Path
) -> None:
    found = refusal(f"{{matrix: m.csv, hosts: {hosts}}}", tmp_path)
    assert found.startswith(f"c.yml: zones.hosts: {says}")


def test_an_inventory_that_does_not_place_all_hosts_is_refused(tmp_path: Path) -> None:
    assert refusal("{matrix: m.csv}", tmp_path, in_zones(n1="east")) == (
        "c.yml: zones.hosts: n2 stands in no zone by the inventory; write all in zones.hosts"
    )


def test_a_matrix_that_asks_nothing_of_any_two_hosts_is_refused(tmp_path: Path) -> None:
    hosts = "{n1: west, n2: west, n3: west, n4: west}"
    found = refusal(f"{{matrix: m.csv, hosts: {hosts}}}", tmp_path)
    assert found == "c.yml: zones: m.csv says of no two hosts how far apart they are"


def test_a_lab_that_can_hold_no_packets_is_refused(tmp_path: Path) -> None:
    view = lab(capabilities={**ALL_ABLE, "nfqueue": False})
    found = refusal("{matrix: m.csv}", tmp_path, view)
    assert found.startswith("c.yml: zones: unsupported here: delay needs sch_netem or NFQUEUE")


def test_what_holds_zones_apart_is_armed_first_and_lasts_from_t0_to_the_end(tmp_path: Path) -> None:
    cut = "{at: 20s, for: 5s, fault: cut, from: n1, to: n2}"
    plan = planned("{matrix: m.csv}", tmp_path, timeline=cut)
    wires = fault_wire.localise(plan, plan.trials[0])
    assert [[wire["id"] for wire in wires[host]] for host in ("n1", "n2")] == [
        ["zones"],
        ["zones", "cut-1"],
    ]
    assert wires["n3"][0] == {
        "fault": "delay",
        "id": "zones",
        "at_ns": 0,
        "for_ns": plan.end_ns,
        "how": "queue",
        "interface": "eth0",
        "node_port": 9000,
        "peers": [
            {"host": "n1", "address": "192.0.2.1", "delay_ns": 5 * MS, "loss_ppm": 0},
            {"host": "n2", "address": "192.0.2.2", "delay_ns": 60 * MS, "loss_ppm": 0},
            {"host": "n4", "address": "192.0.2.4", "delay_ns": 5 * MS, "loss_ppm": 0},
        ],
        "seed": wires["n3"][0]["seed"],
    }
    inside = [row for row in wires["n1"][0]["peers"] if row["host"] == "n4"]
    assert inside == [{"host": "n4", "address": "192.0.2.4", "delay_ns": 2 * MS, "loss_ppm": 0}]


def test_zones_make_no_phase_and_change_no_draw(tmp_path: Path) -> None:
    kill = "{at: 20s, fault: kill, on: one, restart_after: 5s}"
    with_zones = planned("{matrix: m.csv}", tmp_path, timeline=kill)
    without = planned("null", tmp_path, timeline=kill)
    assert with_zones.trials == without.trials
    assert problem(with_zones) == ""


def test_a_zone_may_be_named_where_hosts_are(tmp_path: Path) -> None:
    kill = "{at: 20s, fault: kill, on: east, restart_after: 5s}"
    plan = planned("{matrix: m.csv}", tmp_path, timeline=kill)
    assert plan.trials[0].faults[0].targets == ["n1", "n4"]


@pytest.mark.parametrize("name", ["n2", "left", "all"])
def test_a_zone_called_like_something_else_is_refused(name: str, tmp_path: Path) -> None:
    found = refusal("{matrix: m.csv}", tmp_path, matrix=MATRIX.replace("east", name))
    assert found.startswith(f"c.yml: zones.matrix: {name} is a zone, and a host, a group of others")


def test_they_are_one_of_the_layers_that_packets_of_a_host_can_be_led_through(
    tmp_path: Path,
) -> None:
    delay = "{{id: d{n}, at: {at}s, for: 5s, fault: delay, between: [n1, n2], delay: 50ms}}"
    three = [delay.format(n=n, at=20 + n) for n in range(3)]
    plan = planned("{matrix: m.csv}", tmp_path, timeline=", ".join(three))
    assert len(fault_wire.localise(plan, plan.trials[0])["n1"]) == 4
    four = ", ".join([*three, delay.format(n=3, at=23)])
    found = refusal("{matrix: m.csv}", tmp_path, timeline=four)
    assert found.startswith("c.yml: timeline[3].at: d3 is one more than the 4 that packets of")
    assert planned("{matrix: m.csv}", tmp_path, replace(lab(), lab="sim"), timeline=four)


def test_hosts_whose_node_shares_the_port_of_ssh_are_refused(tmp_path: Path) -> None:
    made = lab()
    hosts = tuple(msgspec.structs.replace(host, ssh_port=9000) for host in made.hosts)
    found = refusal("{matrix: m.csv}", tmp_path, replace(made, hosts=hosts))
    assert found.startswith("c.yml: zones: delay would touch the management of n1")


def test_a_plan_whose_zones_do_not_fit_is_refused(tmp_path: Path) -> None:
    plan = planned("{matrix: m.csv}", tmp_path)
    zones = plan.cells[0].zones
    assert zones is not None

    def damaged(**change: object) -> str:
        bad = msgspec.structs.replace(zones, **change)
        cells = [msgspec.structs.replace(plan.cells[0], zones=bad)]
        return problem(msgspec.structs.replace(plan, cells=cells))

    assert damaged(hosts={"n1": "east"}) == "cell 1: zones: its hosts are not those of the plan"
    lost = {**zones.hosts, "n1": "north"}
    assert damaged(hosts=lost) == "cell 1: zones: north has no round trips"
    odd = {**zones.rtt_ns, "east": {"west": 1}}
    assert damaged(rtt_ns=odd) == "cell 1: zones: east and west have two round trips"


def test_it_counts_as_a_delay_of_all_that_have_a_peer_to_be_apart_from(tmp_path: Path) -> None:
    hosts = "{n1: west, n2: west, n3: east, n4: west}"
    plan = planned(f"{{matrix: m.csv, hosts: {hosts}}}", tmp_path)
    zones = plan.cells[0].zones
    assert zones is not None
    held = standing(zones, end_ns=plan.end_ns)
    assert held.pairs == [("n1", "n3"), ("n2", "n3"), ("n3", "n4")]
    assert (held.targets, held.at_ns, held.end_ns) == (["n1", "n2", "n3", "n4"], 0, plan.end_ns)
    assert not held.open
