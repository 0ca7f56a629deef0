"""What a plan refuses as unsafe, each in one line with file, key and remedy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.campaign import campaign_file
from harness.errors import PlanError
from harness.plan import planner
from harness.plan.planner import LabView
from harness.plan.refusals import Room
from tests.unit.harness_plan.builders import HEAD, file
from tests.unit.harness_plan.test_plan_rules import ABLE, rack

SPLIT = "{id: split, at: 20s, for: 10s, fault: partition, shape: [[n1, n2], [n3, n4]]}"
CUT = "{id: deaf, at: 20s, for: 10s, fault: cut, from: n1, to: n2}"
SLOW = "fault: delay, between: all, delay: 20ms"
LAYERS = ", ".join(f"{{id: d{n}, at: {20 + n}s, for: 10s, {SLOW}}}" for n in range(4))
AWAY = "safety: {max_unreachable: 4}"
SHARED = {"n2": {"ssh_port": 9000}}
SERVED = {"n2": {"ntp": ["192.0.2.1"]}}
LATENCY = "finality_latency_s: {p50: {min: 1s}, p95: {max: 6s}}"


def refusal(view: LabView, timeline: str, more: str) -> str:
    with pytest.raises(PlanError) as caught:
        planner.build(file(f"[{timeline}]", more=more), view)
    return str(caught.value)


MANAGEMENT = {
    "a fault on the port of SSH": (
        SPLIT, AWAY, SHARED,
        "timeline[0]: partition would touch the management of n2: SSH uses port 9000, the node's"
        " own; set slotlab_node_port to another",
    ),
    "zones on the port of SSH": (
        "", "zones: {matrix: azure5.csv}", SHARED,
        "zones: delay would touch the management of n2: SSH uses port 9000, the node's own; set"
        " slotlab_node_port to another",
    ),
    "the clock that others set theirs by": (
        "{at: 20s, for: 5s, fault: clock_step, on: n1, by: 1s, level: host}", AWAY, SERVED,
        "timeline[0].on: n1 is the NTP server of n2; name another host, or use level: process",
    ),
    "a host whose schedule has ended": (
        "{id: off, at: 20s, for: 9s, fault: power_cut, on: n1},"
        " {id: slow, at: 40s, for: 5s, fault: cut, from: n2, to: n1}", AWAY, {},
        "timeline[1]: slow acts on n1 after off stops that host, whose schedule ends there; put off"
        " last, or name other hosts",
    ),
}  # fmt: skip
QUORUM = {
    "more away than may be": (
        SPLIT, "safety: {max_unreachable: 1}", {},
        "safety.max_unreachable: split leaves 2 hosts cut off or down, the limit is 1; lower the"
        " fault, or write max_unreachable: 2",
    ),
    "no quorum in a phase that expects finality": (
        SPLIT, f"{AWAY}\nexpect: {{split: {{{LATENCY}}}}}", {},
        "expect.split.finality_latency_s.p95.max: split leaves 2 producers together, finality takes"
        " 3; lower the fault, or remove the limit",
    ),
    "no quorum in any fault's phase": (
        "{id: off, at: 20s, for: 5s, fault: pause, on: n1},"
        " {id: both, at: 30s, for: 5s, fault: pause, on: [n1, n2]}",
        f"{AWAY}\nexpect: {{each_fault: {{finality_lag_blocks: {{max: {{max: 9}}}}}}}}", {},
        "expect.each_fault.finality_lag_blocks.max.max: both leaves 2 producers together, finality"
        " takes 3; lower the fault, or remove the limit",
    ),
}  # fmt: skip
OVERLAPS = {
    "two partitions": (
        f"{SPLIT}, {{id: more, at: 25s, for: 10s, fault: partition, shape: ring}}", AWAY, {},
        "timeline[1].at: more overlaps split on the same hosts; start it at 30s or later",
    ),
    "two cuts of one host": (
        f"{CUT}, {{id: more, at: 25s, for: 10s, fault: cut, from: n1, to: n3}}", AWAY, {},
        "timeline[1].at: more overlaps deaf on the same hosts; start it at 30s or later",
    ),
    "a cut in a partition": (
        f"{SPLIT}, {{id: more, at: 25s, for: 10s, fault: cut, from: n4, to: n2}}", AWAY, {},
        "timeline[1].at: more overlaps split, which severs n2 and n4, too; start it at 30s or"
        " later",
    ),
    "all lost over a cut": (
        f"{CUT}, {{id: more, at: 29s, for: 10s, fault: loss, between: [n1, all], share: 100%}}",
        AWAY, {},
        "timeline[1].at: more overlaps deaf, which severs n1 and n2, too; start it at 30s or later",
    ),
    "one shaper more than there are layers": (
        f"{LAYERS}, {{id: more, at: 25s, for: 10s, {SLOW}}}", AWAY, {},
        "timeline[4].at: more is one more than the 4 that packets of n2 can be led through at one"
        " time; start it at 40s or later",
    ),
    "two clocks of one host": (
        "{id: off, at: 20s, for: 10s, fault: clock_step, on: n1, by: 1s},"
        " {id: more, at: 25s, for: 10s, fault: clock_drift, on: n1, by: 50ppm}", AWAY, {},
        "timeline[1].at: more overlaps off on the same hosts, which need time between them; start"
        " it at 31s or later",
    ),
}  # fmt: skip
UNKNOWN = {
    word: (f"{{at: 20s, for: 5s, {fault}}}", AWAY, {}, f"timeline[0].{key}: {why}")
    for word, fault, key, why in (
        ("a host", "fault: pause, on: n9", "on",
         "no host, group or selector n9; did you mean n4?"),
        ("one of several", "fault: pause, on: [n1, lef]", "on",
         "no host, group or selector lef; did you mean left?"),
        ("a pair", "fault: loss, between: [n1, n9], share: 5%", "between",
         "no host, group or selector n9; did you mean n4?"),
        ("which way is back", "fault: delay, delay: 9ms, back: 3ms", "between",
         "with back it takes two sides, [from, to], that share no host"),
        ("which side is whose", "fault: delay, between: [n1, all], delay: 9ms, back: 3ms",
         "between", "with back it takes two sides, [from, to], that share no host"),
        ("a source", "fault: cut, from: n9", "from",
         "no host, group or selector n9; did you mean n4?"),
        ("a sink", "fault: cut, from: n1, to: n9", "to",
         "no host, group or selector n9; did you mean n4?"),
        ("a cut of oneself", "fault: cut, from: n1, to: n1", "to",
         "leaves nobody to cut off; name another host"),
        ("a side", "fault: partition, shape: [[n1], [n2, n9]]", "shape",
         "no host, group or selector n9; did you mean n4?"),
        ("all hosts on one side", "fault: partition, shape: [[n1, n2, n3, n4]]", "shape",
         "this cuts nothing; name hosts on both sides"),
        ("an earlier fault", "fault: pause, on: same(first)", "on",
         "same(first): no earlier fault has the id first; name hosts"),
    )
}  # fmt: skip
UNKNOWN |= {
    "a host of zones": (
        "", "zones: {matrix: azure5.csv, hosts: {n9: eastus}}", {},
        "zones.hosts: no host n9 in the lab; did you mean n4?"),
    "a phase": (
        SPLIT, f"{AWAY}\nexpect: {{splat: {{{LATENCY}}}}}", {},
        "expect.splat: no such phase; did you mean split?"),
}  # fmt: skip
RESERVE = {
    "so much memory": (
        "{at: 20s, for: 5s, fault: memory, on: [n1, n2], amount: 400MB}", AWAY, {},
        "timeline[0].amount: 381 MiB would leave n2 less than 64 MiB; ask for 317 MiB at most, or"
        " name another host",
    ),
    "such a share of memory": (
        "{at: 20s, for: 5s, fault: memory, on: n2, share: 50%}", AWAY, {},
        "timeline[0].share: 476 MiB would leave n2 less than 64 MiB; ask for 317 MiB at most, or"
        " name another host",
    ),
    "more load than a disk has room for": (
        SPLIT, f"{AWAY}\nload: {{rate: 1000/s, size: 256B}}", {},
        "load.rate: a trial needs 71 MB on n3, which has 60 MB free; make room there, or ask for"
        " less",
    ),
    "a trial longer than a disk has room for": (
        SPLIT.replace("20s", "3600s"), AWAY, {},
        "timeline: a trial needs 107 MB on n3, which has 60 MB free; make room there, or ask for"
        " less",
    ),
}  # fmt: skip
ROOM = {
    f"n{n}": Room(memory_bytes=10**9, memory_free_bytes=free, disk_free_bytes=disk)
    for n, free, disk in ((1, 9 * 10**8, 10**10), (2, 4 * 10**8, 10**10), (3, 10**9, 6 * 10**7))
}
"""Of n4 nothing is known."""
EVERY = {**MANAGEMENT, **RESERVE, **QUORUM, **OVERLAPS, **UNKNOWN}


@pytest.mark.parametrize("name", EVERY)
def test_what_is_unsafe_or_unknown_is_refused_with_file_key_and_remedy(name: str) -> None:
    timeline, more, changes, said = EVERY[name]
    view = replace(rack(able={**ABLE, "netem": True}, changes=changes), room=ROOM)
    assert refusal(view, timeline, more) == f"test.yml: {said}"


def test_producers_of_an_unknown_host_are_refused() -> None:
    chain = HEAD % 4
    assign = chain.replace("per_turn: 2", "per_turn: 2, assign: {n9: [producera]}")
    with pytest.raises(PlanError) as caught:
        planner.build(campaign_file.parse(assign, Path("test.yml")), rack())
    said = "test.yml: chain.assign: no host n9 in the inventory; did you mean n4?"
    assert str(caught.value) == said


def test_a_limit_on_finality_is_kept_where_a_quorum_is_left() -> None:
    alone = SPLIT.replace("[[n1, n2], [n3, n4]]", "[[n1]]")
    more = f"{AWAY}\nexpect: {{split: {{{LATENCY}}}, each_fault: {{recovers_within: 20s}}}}"
    assert planner.build(file(f"[{alone}]", more=more), rack()).expect["split"]


def test_a_delay_may_lie_below_a_partition_and_a_cut_beside_one() -> None:
    beside = "{at: 20s, for: 10s, fault: cut, from: n3, to: n4}"
    below = f"{{at: 20s, for: 20s, {SLOW}}}"
    planner.build(file(f"[{SPLIT}, {beside}, {below}]", more=AWAY), rack())
