"""Kinds of faults of nodes' and hosts' lives, in the simulator: what they do there, and how it is
judged.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.errors import PlanError
from harness.sim.campaign import simulate
from tests.sim.runs import meets, simulated
from tests.sim.test_sim_faults import in_sim


def lines(timeline: str, host: str) -> list[dict[str, Any]]:
    """Return a host's events in a simulated trial of the timeline."""
    made = in_sim(f"[{timeline}]")
    text = simulate(made, made.trials[0]).events[host].splitlines()
    return [event for event in map(msgspec.json.decode, text) if event["node"] == host]


def heads(timeline: str) -> tuple[int, int]:
    """Return the last block that n1 had before it went down, and the one it resumed at."""
    told = lines(timeline, "n1")
    (again,) = (i for i, event in enumerate(told) if i and event["kind"] == "started")
    last = max(event["num"] for event in told[:again] if event["kind"] == "applied")
    return last, told[again]["resumed_num"]


def test_a_node_that_is_restarted_loses_nothing_and_one_that_crashes_may() -> None:
    last, resumed = heads("{at: 20200ms, fault: restart, on: n1, restart_after: 3s}")
    assert resumed == last
    last, resumed = heads("{at: 20200ms, fault: crash, on: n1, restart_after: 3s}")
    assert resumed <= last


def test_a_restarted_node_says_that_it_stops_and_a_rebooted_ones_too() -> None:
    for fault in ("fault: restart, restart_after: 3s", "fault: reboot, for: 3s"):
        told = [event["kind"] for event in lines(f"{{at: 20s, on: n1, {fault}}}", "n1")]
        assert told[told.index("stopped") + 1] == "started", fault


def test_a_crash_loop_kills_at_its_begin_and_every_so_often_before_its_end() -> None:
    told = lines("{at: 20s, for: 10s, fault: crash_loop, on: n1, every: 4s, down: 1s}", "n1")
    starts = [event["mono_ns"] for event in told if event["kind"] == "started"]
    since_s = [round((at - starts[0]) / 1e9 - 23) for at in starts[1:]]
    assert since_s == [1, 5, 9], "down for a second after each kill at 0, 4 and 8 s"
    assert "stopped" not in [event["kind"] for event in told[:-1]]


@pytest.mark.parametrize("word", ["disk_full", "read_only"])
def test_a_node_whose_disk_takes_no_more_says_so_signs_nothing_and_comes_back(word: str) -> None:
    told = lines(f"{{at: 20200ms, for: 6s, fault: {word}, on: n1}}", "n1")
    (end,) = (i for i, event in enumerate(told) if event.get("reason") == "disk_failed")
    after = [event["kind"] for event in told[end:]]
    assert after[:2] == ["stopped", "started"]
    assert "produced" in after


@pytest.mark.parametrize(
    "fault",
    ["fault: cpu, share: 50%", "fault: memory, amount: 1MB", "fault: memory, share: 5%",
     "fault: io", "fault: slow_disk, writes: 10"],
)  # fmt: skip
def test_what_uses_a_host_up_is_refused_by_name_where_there_are_none(fault: str) -> None:
    word = fault.split()[1].rstrip(",")
    reason = rf"{word}: the simulator's hosts have no processors, memory or disks to use up"
    with pytest.raises(PlanError, match=rf"timeline\[0\]: unsupported here: {reason}"):
        in_sim(f"[{{at: 20s, for: 5s, on: n1, {fault}}}]")


LIES = """\
schema: slotlab.campaign/v1
title: a node that signs twice, and one that signs what is wrong
seed: 3
chain: {profile: eosio, producers: 4, slot: 500ms, blocks_per_turn: 2}
warmup: 6s
cooldown: 4s
timeline:
  - {id: twice, at: 10s, for: 10s, fault: byzantine, on: n2, strategy: double_production}
  - {id: wrong, at: 22s, for: 10s, fault: byzantine, on: n3, strategy: invalid_block}
"""


def test_what_a_node_said_of_its_lies_is_beside_what_others_had_of_them(tmp_path: Path) -> None:
    campaign = tmp_path / "lies.yml"
    campaign.write_text(LIES)
    _, summary, _ = simulated(campaign, tmp_path / "runs")
    found = {fault["id"]: fault["measured"] for fault in summary["faults"]}
    assert {each["judged"] for each in found.values()} == {"as asked"}
    assert [each["lied_s"] for each in found.values()] == [{"n2": [10, 20]}, {"n3": [22, 32]}]
    assert found["twice"]["signed_twice"]["n2"] >= 4
    assert found["twice"]["refused"] == {"n2": 0}
    assert found["wrong"]["refused"]["n3"] >= 4


@pytest.mark.slow
def test_the_campaign_of_processes_meets_what_it_expects_and_measures_each(tmp_path: Path) -> None:
    done, summary, _ = simulated("processes", tmp_path)
    meets(done, summary)
    found = {fault["id"]: fault["measured"] for fault in summary["faults"]}
    assert {name: each["judged"] for name, each in found.items()} == {
        "restarted": "as asked", "looping": "as asked", "booted": "as asked",
    }  # fmt: skip
    assert list(found["restarted"]["lost_blocks"].values()) == [0]
    assert list(found["looping"]["started_times"].values()) == [5]
