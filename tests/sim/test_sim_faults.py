"""Faults that only the simulator does: refused by name on real hosts, counted in the quorum."""

from __future__ import annotations

import itertools
from dataclasses import replace

import msgspec
import pytest

from harness.errors import PlanError
from harness.plan import planner
from harness.sim.campaign import simulate
from metrics.model.plan import Plan
from tests.unit.harness_plan.builders import file, lab

ONLY_HERE = (
    "{at: 20s, for: 5s, fault: silent, on: n1, keep: 1}",
    "{at: 20s, fault: crash, on: n1, restart_after: 5s, loses: uncommitted}",
)
ALSO_HERE = (
    "{at: 20s, fault: byzantine, on: n1, strategy: withhold, by: 3s}",
    "{at: 20s, for: 5s, fault: pause, on: n1}",
    "{at: 20s, for: 5s, fault: loss, between: all, share: 5%}",
    "{at: 20s, for: 5s, fault: loss, between: all, share: 5%, burst: 4}",
    "{at: 20s, for: 5s, fault: duplicate, between: all, share: 5%}",
    "{at: 20s, for: 5s, fault: corrupt, between: all, share: 5%}",
    "{at: 20s, for: 5s, fault: reorder, between: all, share: 5%, by: 200ms}",
    "{at: 20s, for: 5s, fault: rate, between: all, rate: 64kbit}",
    "{at: 20s, for: 5s, fault: delay, between: all, delay: 50ms, jitter: 5ms,"
    " distribution: pareto}",
    "{at: 20s, for: 5s, fault: cut, from: n1, to: all}",
    "{at: 20s, for: 5s, fault: clock_step, on: n1, by: 500ms, level: host}",
    "{at: 20s, for: 5s, fault: clock_drift, on: n1, by: 50ppm, level: host}",
    "{at: 20s, for: 5s, fault: ntp_offset, on: n1, by: 300ms}",
    "{at: 20s, for: 5s, fault: ntp_cut, on: n1}",
    "{at: 20s, fault: restart, on: n1, restart_after: 5s}",
    "{at: 20s, for: 5s, fault: crash_loop, on: n1, every: 2s, down: 500ms}",
    "{at: 20s, for: 5s, fault: reboot, on: n1}",
    "{at: 20s, for: 5s, fault: disk_full, on: n1, leave: 1MB}",
    "{at: 20s, for: 5s, fault: read_only, on: n1}",
    "{at: 20s, for: 5s, fault: clock_strobe, on: n1, by: 50ms, every: 1s}",
    "{at: 20s, for: 5s, fault: clock_wander, on: n1, by: 500ppm}",
    "{at: 20s, for: 5s, fault: power_cut, on: n1}",
    "{at: 20s, for: 5s, fault: freeze_host, on: n1}",
    "{at: 20s, for: 5s, fault: link_down, on: n1}",
)
ONE_OF_EACH = (*ONLY_HERE, *ALSO_HERE)


def in_sim(timeline: str) -> Plan:
    """Return the plan of a timeline on the simulator's four hosts."""
    return planner.build(file(timeline), replace(lab(), lab="sim", capabilities=None))


@pytest.mark.parametrize("fault", ONLY_HERE)
def test_a_fault_of_the_simulator_is_refused_by_name_where_there_are_hosts(fault: str) -> None:
    with pytest.raises(PlanError, match=r"timeline\[0\]: unsupported here: .* --lab sim"):
        planner.build(file(f"[{fault}]"), lab())


@pytest.mark.parametrize("fault", ONE_OF_EACH)
def test_a_fault_of_the_simulator_is_planned_there(fault: str) -> None:
    planned = in_sim(f"[{fault}]").trials[0].faults[0]
    assert planned.how == "sim"
    assert planned.targets


def test_a_cut_has_a_direction() -> None:
    fault = in_sim("[{at: 20s, for: 5s, fault: cut, from: n1, to: [n1, n2]}]").trials[0].faults[0]
    assert fault.pairs == [("n1", "n2")]


@pytest.mark.parametrize(
    "fault",
    [
        "{at: 20s, for: 5s, fault: silent, on: [n1, n2]}",
        "{at: 20s, for: 5s, fault: pause, on: [n1, n2]}",
        "{at: 20s, fault: crash, on: [n1, n2], restart_after: 5s}",
        "{at: 20s, for: 5s, fault: byzantine, on: [n1, n2], strategy: late}",
    ],
)
def test_who_is_away_or_lies_does_not_count_for_the_quorum(fault: str) -> None:
    quorum = in_sim(f"[{fault}]").trials[0].quorum
    assert [(q.live, q.finality_expected) for q in quorum] == [(4, True), (2, False), (4, True)]


def test_in_the_simulator_any_number_of_hosts_may_be_away() -> None:
    in_sim("[{at: 20s, fault: kill, on: all, restart_after: 5s}]")


def reasons(timeline: str, host: str) -> set[str]:
    """Return why a host did not sign slots of its own, in a simulated trial of the timeline."""
    made = in_sim(f"[{timeline}]")
    lines = simulate(made, made.trials[0]).events[host].splitlines()
    events = [msgspec.json.decode(line) for line in lines]
    return {event["reason"] for event in events if event["kind"] == "abstained"}


def test_a_node_believes_its_time_servers_also_when_they_lie() -> None:
    lie = "{at: 20s, for: 10s, fault: ntp_offset, on: n1, by: 300ms}"
    assert reasons(lie, "n1") == {"clock_offset"}
    assert reasons(lie, "n2") == set()


def test_silent_time_servers_widen_the_bound_and_stop_nobody_soon() -> None:
    assert reasons("{at: 20s, for: 60s, fault: ntp_cut, on: n1}", "n1") == set()


def test_a_check_that_nobody_answered_took_no_time() -> None:
    made = in_sim("[{at: 20s, for: 10s, fault: ntp_cut, on: n1}]")
    lines = simulate(made, made.trials[0]).events["n1"].splitlines()
    checks = [line for line in map(msgspec.json.decode, lines) if line["kind"] == "clock"]
    asked, answered = len(checks), sum(check["rtt_ns"] > 0 for check in checks)
    assert asked - answered == 2


@pytest.mark.parametrize("fault", ["power_cut", "freeze_host", "link_down"])
def test_a_stopped_host_is_missed_and_comes_back(fault: str) -> None:
    made = in_sim(f"[{{at: 20s, for: 10s, fault: {fault}, on: n1}}]")
    done = simulate(made, made.trials[0])
    final = {
        host: max(
            event["num"]
            for event in map(msgspec.json.decode, lines.splitlines())
            if event["kind"] == "irreversible"
        )
        for host, lines in done.events.items()
    }
    assert max(final.values()) - min(final.values()) <= 2, "all hosts are up to date at the end"
    signed = [
        event["slot"]
        for event in map(msgspec.json.decode, done.events["n1"].splitlines())
        if event["kind"] == "produced"
    ]
    gaps = [b - a for a, b in itertools.pairwise(signed)]
    assert (max(gaps) > 16) == (fault != "link_down"), "a host without its link signs alone"
