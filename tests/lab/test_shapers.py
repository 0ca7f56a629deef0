"""Each kind of fault of the network, on containers: what is measured of it is what was asked, also
where several act on one pair at a time, and what is said of clocks is true all the while.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from metrics.fault_checks.links.delay import DELAY_ERROR_NS
from tests.lab import shared_clock
from tests.lab.bench import MARKS, Bench, deployed

pytestmark = [*MARKS, pytest.mark.long]

CAMPAIGN = """\
schema: slotlab.campaign/v1
title: one of each kind of fault of the network, some on top of others
seed: 7
chain: {profile: eosio, producers: 3, slot: 500ms, blocks_per_turn: 2}
trials: {repeat: 1}
warmup: 2s
cooldown: 6s
timeline:
  - {id: base, at: 10s, for: 24s, fault: delay, between: all, delay: 30ms}
  - {id: lost, at: 16s, for: 17s, fault: loss, between: all, share: 20%}
  - {id: more, at: 18s, for: 12s, fault: delay, between: all, delay: 25ms, jitter: 4ms,
     distribution: normal}
  - {id: burst, at: 38s, for: 14s, fault: loss, between: all, share: 20%, burst: 4}
  - {id: late, at: 38s, for: 14s, fault: reorder, between: all, share: 25%, by: 60ms}
  - {id: wrong, at: 56s, for: 14s, fault: corrupt, between: all, share: 15%}
  - {id: slow, at: 56s, for: 14s, fault: rate, between: all, rate: 100kbit}
  - {id: twice, at: 10s, for: 5s, fault: duplicate, between: all, share: 20%}
  - {id: ahead, at: 16s, for: 24s, fault: clock_step, on: n1, by: 60ms}
  - {id: fast, at: 16s, for: 36s, fault: clock_drift, on: n2, by: 1500ppm}
  - {id: unsteady, at: 16s, for: 36s, fault: clock_wander, on: n3, by: 2000ppm}
  - {id: uneven, at: 74s, for: 12s, fault: delay, between: [n3, [n1, n2]], delay: 40ms, back: 10ms}
"""

lab = deployed("shape", hosts=3)


def test_what_is_measured_of_each_kind_is_what_was_asked(lab: Bench, tmp_path: Path) -> None:
    campaign, runs = tmp_path / "shape.yml", tmp_path / "runs"
    campaign.write_text(CAMPAIGN)
    done = lab.slotlab("run", str(campaign), "-i", str(lab.inventory), "--runs", str(runs))
    assert done.returncode in (0, 1), done.stdout + done.stderr
    run = next(runs.glob("*/2*"))
    summary = json.loads((run / "summary.json").read_text())
    faults = {fault["id"]: fault for fault in summary["faults"]}
    why = {name: (fault["reason"], fault["measured"]) for name, fault in faults.items()}
    assert {name: fault["state"] for name, fault in faults.items()} == dict.fromkeys(
        ("base", "lost", "more", "burst", "late", "wrong", "slow", "twice",
         "ahead", "fast", "unsteady", "uneven"), "installed",
    ), why  # fmt: skip
    assert summary["invalid"] == []
    measured: dict[str, dict[str, Any]] = {n: fault["measured"] for n, fault in faults.items()}
    assert measured["more"]["under"] == ["base"], "a layer is measured against what it lies on"
    assert abs(measured["base"]["delay_ms"] - 30) < 2 + 0.02 * 30
    assert abs(measured["more"]["delay_ms"] - 25) < 6, "waiting for a busy processor only adds"
    for name, share in (("lost", 0.2), ("burst", 0.2), ("late", 0.25), ("wrong", 0.15),
                        ("twice", 0.2)):  # fmt: skip
        low, high = measured[name]["share_ci"]
        assert low - 0.03 < share < high + 0.03, (name, measured[name])
    assert 3 < measured["burst"]["burst"] < 5
    assert measured["slow"]["passed_bps"] <= 100_000
    assert measured["slow"]["longer_ms"] > 0.9 * measured["slow"]["own_ms"] - 1
    for name, asked_ms in (("forth", 40), ("back", 10)):
        least_ms, most_ms = measured["uneven"][name]["interval_ms"]
        assert least_ms - 2 - 0.02 * asked_ms < asked_ms < most_ms, measured["uneven"]
    found = shared_clock.held(run)
    assert {kind: own.untrue for kind, own in found.items()} == dict.fromkeys(found, 0), found
    assert all(own.intervals for own in found.values()), found
    for host in lab.names:
        assert lab.rules(host) == ""


STANDING = """\
schema: slotlab.campaign/v1
title: zones that lose packets, and a delay as it was recorded
seed: 7
chain: {profile: eosio, producers: 3, slot: 500ms, blocks_per_turn: 2}
trials: {repeat: 1}
zones: {matrix: near.csv, losses: lost.csv}
warmup: 2s
cooldown: 4s
timeline:
  - {id: recorded, at: 14s, for: 20s, fault: delay, between: all, trace: rtts.csv}
"""
FILES = {
    "near.csv": "rtt_ms,a,b,c\na,,20,10\nb,,,30\nc,,,\n",
    "lost.csv": "loss_percent,a,b\na,,8\nb,,\n",
    "rtts.csv": "at_s,delay_ms\n0,20\n5,80\n10,5\n15,40\n",
}


def test_zones_lose_what_is_asked_and_a_recorded_delay_is_replayed_on_top(
    lab: Bench, tmp_path: Path
) -> None:
    campaign, runs = tmp_path / "standing.yml", tmp_path / "runs"
    campaign.write_text(STANDING)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    done = lab.slotlab("run", str(campaign), "-i", str(lab.inventory), "--runs", str(runs))
    assert done.returncode in (0, 1), done.stdout + done.stderr
    summary = json.loads((next(runs.glob("*/2*")) / "summary.json").read_text())
    assert summary["invalid"] == []
    ((held,), (recorded,)) = summary["zones"], summary["faults"]
    for row in held["measured"]["zones"]:
        assert row["judged"] == "as asked"
        low, high = row["lost"]["share_ci"]
        assert low - 0.03 < row["lost"]["asked"] < high + 0.03, row
    assert sum(row["lost"]["asked"] for row in held["measured"]["zones"]) == 0.16
    assert recorded["measured"]["judged"] == "as asked"
    for _, asked_ms, found_ms in recorded["measured"]["over_time"]:
        assert found_ms > asked_ms - 2, "waiting for a busy processor only adds"


LATER = """\
schema: slotlab.campaign/v1
title: packets so late
seed: 7
chain: {{profile: eosio, producers: 3, slot: 500ms, blocks_per_turn: 1}}
trials: {{repeat: 5}}
warmup: 1s
cooldown: 1s
timeline: [{{id: late, at: 4s, for: 7s, fault: delay, between: all, delay: {delay_ms}ms}}]
regression: {{finality_latency_s.p50: {{worse_by: 0.5%}}}}
"""


def test_that_packets_come_30_ms_later_is_found_with_its_interval(
    lab: Bench, tmp_path: Path
) -> None:
    campaign, runs = tmp_path / "later.yml", tmp_path / "runs"
    for delay_ms in (20, 50):
        campaign.write_text(LATER.format(delay_ms=delay_ms))
        done = lab.slotlab("run", str(campaign), "-i", str(lab.inventory), "--runs", str(runs))
        assert done.returncode == 0, done.stdout + done.stderr
    base, later = sorted(runs.glob("*/2*"))
    done = lab.slotlab("compare", str(base), str(later), "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    (found,) = json.loads(done.stdout)
    (row,) = [row for row in found["rows"] if row["verdict"]]
    assert (row["phase"], row["figure"], row["verdict"]) == (
        "late", "finality_latency_s.p50", "worse",
    )  # fmt: skip
    least_s, most_s = row["low"] - DELAY_ERROR_NS / 1e9, row["high"] + DELAY_ERROR_NS / 1e9
    assert least_s < 0.03 < most_s, row
