"""What a plan refuses on hosts, each by name and with its remedy; and how it does what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from faults.kinds.registry import decode_fault
from harness.errors import CampaignError, PlanError
from harness.plan import planner
from harness.plan.fault_wire import localise
from harness.plan.planner import LabView
from metrics.model.plan import Plan
from tests.unit.harness_plan.builders import ALL_ABLE, file, lab
from tests.unit.harness_plan.shipping import shipped

ABLE = {
    **ALL_ABLE,
    "loss": True,
    "clock_host": True,
    "clock_daemon": True,
    "ntp_relay": True,
    "reject": True,
}
POWER = ["off", "on", "state", "freeze", "thaw", "link_down", "link_up"]
S = 1_000_000_000


def rack(
    *, able: Mapping[str, bool] = ABLE, changes: Mapping[str, Mapping[str, Any]] | None = None
) -> LabView:
    """Return a lab n1..n4 whose hosts can do everything; changes by host name."""
    made = lab(capabilities=dict(able))
    common = {"ntp": ["192.0.2.100"], "management": "198.51.100.1", "power": POWER}
    hosts = tuple(
        msgspec.structs.replace(host, **{**common, **(changes or {}).get(host.host, {})})
        for host in made.hosts
    )
    return replace(made, lab="vm", hosts=hosts)


def planned(timeline: str, view: LabView | None = None, *, away: int = 4) -> Plan:
    """Return the plan of a timeline on such a lab, any number of hosts away."""
    more = f"safety: {{max_unreachable: {away}}}"
    return planner.build(file(f"[{timeline}]", more=more), rack() if view is None else view)


def refusal(timeline: str, view: LabView | None = None, *, away: int = 4) -> str:
    with pytest.raises(PlanError) as caught:
        planned(timeline, view, away=away)
    return str(caught.value)


@pytest.mark.parametrize(
    ("fault", "how"),
    [
        ("fault: clock_step, on: n1, by: 500ms", "process clock"),
        ("fault: clock_step, on: n1, by: 500ms, level: daemon", "daemon clock"),
        ("fault: clock_step, on: n1, by: 500ms, level: host", "host clock"),
        ("fault: clock_drift, on: n1, by: 200ppm, level: host", "host clock"),
        ("fault: ntp_offset, on: n1, by: 300ms", "ntp relay"),
        ("fault: ntp_cut, on: n1", "nft"),
        ("fault: cut, from: n1, to: n2", "nft"),
        ("fault: cut, from: n1, to: n2, how: hang", "nft"),
        ("fault: cut, from: n1, to: n2, how: reset", "nft reject"),
        ("fault: partition, shape: ring, how: reset", "nft reject"),
        ("fault: loss, between: all, share: 30%", "nft"),
        ("fault: pause, on: n1", "signal"),
        ("fault: power_cut, on: n1", "provider"),
        ("fault: freeze_host, on: n1", "provider"),
        ("fault: link_down, on: n1", "provider"),
    ],
)
def test_each_fault_is_done_by_a_mechanism_that_the_plan_names(fault: str, how: str) -> None:
    assert planned(f"{{at: 20s, for: 5s, {fault}}}").trials[0].faults[0].how == how


@pytest.mark.parametrize(
    ("fault", "lacking"),
    [
        ("fault: clock_step, on: n1, by: 500ms, level: daemon", "clock_daemon"),
        ("fault: clock_drift, on: n1, by: 200ppm, level: host", "clock_host"),
        ("fault: ntp_offset, on: n1, by: 300ms", "ntp_relay"),
        ("fault: loss, between: all, share: 30%", "loss"),
        ("fault: partition, shape: one, how: reset", "reject"),
        ("fault: pause, on: n1", "systemd"),
    ],
)
def test_what_a_host_cannot_do_is_refused_with_its_name(fault: str, lacking: str) -> None:
    said = refusal(f"{{at: 20s, for: 5s, {fault}}}", rack(able={**ABLE, lacking: False}))
    assert said.startswith("test.yml: timeline[0]: unsupported here: ")
    assert f"needs {lacking}, which n1 lacks; " in said


def test_a_provider_fault_names_the_missing_command() -> None:
    bare = rack(changes={"n1": {"power": ["off", "state"]}})
    said = refusal("{at: 20s, for: 5s, fault: power_cut, on: n1}", bare)
    assert "power_cut on n1 needs the key on in its slotlab_power" in said


def test_a_lying_time_server_must_be_known_by_address() -> None:
    fault = "{at: 20s, for: 5s, fault: ntp_offset, on: n1, by: 300ms}"
    assert "n1 has no time server" in refusal(fault, rack(changes={"n1": {"ntp": []}}))
    named = rack(changes={"n1": {"ntp": ["time.example"]}})
    assert "write its IP address" in refusal(fault, named)


def test_the_clock_that_others_follow_is_not_bent() -> None:
    served = rack(changes={"n2": {"ntp": ["192.0.2.1"]}})
    host = "{at: 20s, for: 5s, fault: clock_step, on: n1, by: 1s, level: host}"
    assert "n1 is the NTP server of n2" in refusal(host, served)
    planned(host.replace("level: host", "level: process"), served)


LIE = "{at: 20s, for: 5s, fault: byzantine, on: n2, strategy: late}"


def test_a_node_lies_on_hosts_only_where_the_campaign_allows_it() -> None:
    said = refusal(LIE)
    assert said == (
        "test.yml: timeline[0].fault: byzantine is done on hosts only where the campaign allows it;"
        " write safety: {allow: [byzantine]}, or run with --lab sim"
    )
    named = "safety: {allow: [byzantine]}"
    with pytest.raises(CampaignError, match=r"safety.allow\[0\]: .*byzantine"):
        file("[]", more="safety: {allow: [pause]}")
    watched = rack(changes={"n2": {"observer": True}})
    with pytest.raises(PlanError) as caught:
        planner.build(file(f"[{LIE}]", more=named), watched)
    assert str(caught.value) == (
        "test.yml: timeline[0].on: n2 is an observer, whose byzantine node could sign nothing;"
        " name a host with a producer"
    )
    (fault,) = planner.build(file(f"[{LIE}]", more=named), rack()).trials[0].faults
    assert (fault.how, fault.targets) == ("behaviour file", ["n2"])
    simulated = planner.build(file(f"[{LIE}]"), replace(rack(), lab="sim"))
    assert simulated.trials[0].faults[0].how == "sim"


def test_only_the_node_that_a_trial_makes_lie_may(tmp_path: Path) -> None:
    for timeline, may in (("", []), (LIE, ["n2"])):
        allowed = file(f"[{timeline}]", more="safety: {allow: [byzantine]}")
        made = planner.build(allowed, rack())
        _, configs = shipped(made, tmp_path)
        files = {host: each.byzantine_file for host, each in configs.items()}
        assert files == dict.fromkeys(files) | dict.fromkeys(may, "/var/lib/slotlab/byzantine.json")
        wires = {host: own for host, own in localise(made, made.trials[0]).items() if own}
        assert [*wires] == may
    (wire,) = wires["n2"]
    decode_fault(msgspec.json.encode(wire))
    assert {key: wire[key] for key in ("fault", "strategy", "by_ns")} == {
        "fault": "byzantine", "strategy": "late", "by_ns": S,
    }  # fmt: skip


def test_an_observer_gets_no_producers() -> None:
    watched = rack(changes={"n1": {"observer": True}})
    dealt = {host.host: host.producers for host in planned("", watched).hosts}
    assert dealt == {
        "n1": [], "n2": ["producera", "producerd"], "n3": ["producerb"], "n4": ["producerc"],
    }  # fmt: skip


CUT = "{at: 30s, for: 10s, fault: power_cut, on: n1}"


@pytest.mark.parametrize(
    "fault",
    [
        "{at: 50s, for: 5s, fault: partition, shape: [[n1], [n2, n3, n4]]}",
        "{at: 28s, for: 5s, fault: delay, between: all, delay: 20ms}",
        "{at: 45s, for: 5s, fault: cut, from: n2, to: n1}",
    ],
)
def test_nothing_is_asked_of_a_host_after_its_power_was_cut(fault: str) -> None:
    said = refusal(f"{CUT}, {fault}")
    assert "acts on n1 after power_cut-1 stops that host" in said
    assert "put power_cut-1 last" in said


def test_hosts_that_keep_their_power_go_on_with_their_schedule() -> None:
    planned(f"{CUT}, {{at: 50s, for: 5s, fault: cut, from: n1, to: n2}}")


def test_a_fault_on_the_port_of_ssh_is_refused() -> None:
    shared = rack(changes={"n2": {"ssh_port": 9000}})
    said = refusal("{at: 20s, for: 5s, fault: loss, between: all, share: 100%}", shared)
    assert "would touch the management of n2" in said


@pytest.mark.parametrize("fault", ["power_cut", "freeze_host", "link_down"])
def test_hosts_without_power_or_link_count_as_unreachable(fault: str) -> None:
    two = f"{{at: 20s, for: 5s, fault: {fault}, on: [n1, n2]}}"
    assert "leaves 2 hosts cut off or down, the limit is 1" in refusal(two, away=1)
    quorum = planned(two).trials[0].quorum
    assert [(q.from_ns // S, q.live) for q in quorum] == [(0, 4), (20, 2), (25, 4)]


@pytest.mark.parametrize(
    ("fault", "live"),
    [
        ("fault: cut, from: n1, to: n2", 4),
        ("fault: cut, from: n1, to: all", 3),
        ("fault: loss, between: [n1, all], share: 100%", 3),
        ("fault: loss, between: [n1, all], share: 99%", 4),
        ("fault: clock_drift, on: n1, by: 200ppm, level: host", 4),
        ("fault: clock_drift, on: n1, by: 50000ppm", 3),
        ("fault: ntp_offset, on: n1, by: 300ms", 3),
        ("fault: ntp_cut, on: n1", 4),
    ],
)
def test_who_cannot_be_heard_or_doubts_its_clock_is_not_counted(fault: str, live: int) -> None:
    quorum = planned(f"{{at: 20s, for: 5s, {fault}}}").trials[0].quorum
    assert min(q.live for q in quorum) == live


@pytest.mark.parametrize(
    ("second", "soonest_s"),
    [
        ("fault: clock_step, on: n1, by: 50ms", 30),
        ("fault: clock_drift, on: n1, by: 50ppm", 31),
        ("fault: clock_step, on: n1, by: 50ms, level: host", 40),
    ],
)
def test_a_clock_is_left_alone_between_two_faults_of_it(second: str, soonest_s: int) -> None:
    first = "{at: 20s, for: 10s, fault: clock_step, on: n1, by: 500ms}"
    said = refusal(f"{first}, {{at: {soonest_s - 1}s, for: 10s, {second}}}")
    assert "overlaps clock_step-1 on the same hosts" in said
    assert f"start it at {soonest_s}s or later" in said
    planned(f"{first}, {{at: {soonest_s}s, for: 10s, {second}}}")


def test_a_qdisc_of_somebody_else_leaves_the_delay_to_the_queue() -> None:
    delay = "{at: 20s, for: 10s, fault: delay, between: all, delay: 20ms}"
    able = {**ABLE, "netem": True}
    assert planned(delay, rack(able=able)).trials[0].faults[0].how == "netem"
    foreign = rack(able={**able, "foreign_qdisc": True})
    assert planned(delay, foreign).trials[0].faults[0].how == "queue"


def test_a_hosts_clock_drifts_by_500_ppm_at_most() -> None:
    with pytest.raises(Exception, match="500ppm at most"):
        file("[{at: 20s, for: 5s, fault: clock_drift, on: n1, by: 501ppm, level: host}]")
