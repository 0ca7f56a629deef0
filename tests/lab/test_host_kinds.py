"""Kinds of faults of nodes, resources and whole hosts: what was asked is what is measured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.bench import MARKS, Bench, bench

pytestmark = MARKS

CAMPAIGN = """\
schema: slotlab.campaign/v1
title: each kind once
seed: 6
chain: {profile: eosio, producers: 4, slot: 500ms, blocks_per_turn: 2}
trials: {repeat: 1}
warmup: 6s
cooldown: 6s
safety: {max_unreachable: 3, allow: [byzantine]}
timeline:
  - {id: burned, at: 10s, for: 8s, fault: cpu, on: n1, share: 25%}
  - {id: held, at: 10s, for: 8s, fault: memory, on: n2, amount: 50MB}
  - {id: written, at: 10s, for: 8s, fault: io, on: n3, size: 64KiB}
  - {id: lied, at: 10s, for: 8s, fault: byzantine, on: n2, strategy: double_production}
  - {id: filled, at: 10s, for: 10s, fault: disk_full, on: n4}
  - {id: protected, at: 22s, for: 8s, fault: read_only, on: n4}
  - {id: strobed, at: 11s, for: 8s, fault: clock_strobe, on: n1, by: 40ms, every: 2s}
  - {id: wandered, at: 11s, for: 8s, fault: clock_wander, on: n2, by: 5000ppm}
  - {id: restarted, at: 21s, fault: restart, on: n1, restart_after: 2s}
  - {id: looping, at: 20s, for: 10s, fault: crash_loop, on: n2, every: 5s, down: 500ms}
  - {id: booted, at: 24s, for: 11s, fault: reboot, on: n3}
"""
CHAIN = "/var/lib/slotlab/chain"
OWN_DISK = f"mount -t tmpfs -o size=48m,mode=2750,uid=slotlab,gid=slotlab slotlab-chain {CHAIN}"


@pytest.fixture(scope="module")
def lab() -> Iterator[Bench]:
    """Yield a lab, n4 of which has a file system of its own for its blocks."""
    with bench("kinds", hosts=4) as made:
        made.deploy()
        setup = f"{OWN_DISK} && systemctl restart slotlab-agent"
        done = made.on("n4", "sudo", "sh", "-c", f"'{setup}'")
        assert done.returncode == 0, done.stderr
        yield made


def test_a_disk_is_filled_only_where_it_is_the_nodes_own(lab: Bench) -> None:
    done = lab.slotlab("faults", "-i", str(lab.inventory), "--json")
    assert done.returncode == 0, done.stderr
    rows = {(row["fault"], row["level"]): row["hosts"] for row in json.loads(done.stdout)}
    filled = rows["disk_full", ""]
    assert {host for host, found in filled.items() if found["how"]} == {"n4"}
    assert "needs own_disk; mount a file system of its own" in filled["n1"]["why"]
    assert "needs io_max; use a kernel with cgroups v2" in rows["slow_disk", ""]["n1"]["why"]
    assert {found["how"] for found in rows["read_only", ""].values()} == {"bind mount"}
    for kind in ("restart", "crash_loop", "reboot", "cpu", "memory", "io"):
        assert {found["how"] for found in rows[kind, ""].values()} == {"systemd unit"}, kind


def test_each_kind_is_measured_as_asked_on_real_hosts(lab: Bench, tmp_path: Path) -> None:
    campaign, runs = tmp_path / "kinds.yml", tmp_path / "runs"
    campaign.write_text(CAMPAIGN)
    done = lab.slotlab("run", str(campaign), "-i", str(lab.inventory), "--runs", str(runs))
    assert done.returncode in (0, 3), done.stdout + done.stderr
    summary = json.loads((runs / "kinds" / "latest" / "summary.json").read_text())
    found: dict[str, Any] = {fault["id"]: fault["measured"] for fault in summary["faults"]}
    states = {fault["id"]: (fault["state"], fault["reason"]) for fault in summary["faults"]}
    # A machine that is short of processors itself has none to burn, and says how many it did.
    if states["burned"][1].endswith("% of the processors were burned"):
        states["burned"] = ("installed", "")
    assert states == dict.fromkeys(found, ("installed", "")), done.stdout
    assert found["burned"]["burned_share"]["n1"] > 0
    assert found["held"]["held_bytes"]["n2"] >= 50_000_000 * 0.95
    assert found["written"]["writes_a_s"]["n3"] > 0
    assert found["filled"]["free_bytes"]["n4"] <= 1 << 20
    assert "n4" in found["filled"]["failed_after_s"], "its node says that its disk failed"
    assert "n4" in found["filled"]["resumed"], "and is back when there is room"
    assert "n4" in found["protected"]["failed_after_s"], "it looks whether its disk takes writes"
    assert "n4" in found["protected"]["resumed"]
    assert found["restarted"]["lost_blocks"] == {"n1": 0}
    assert found["looping"]["killed_times"]["n2"] in (1, 2)
    assert found["booted"]["resumed"]["n3"]["head"] > 0
    assert [*found["lied"]["lied_s"]] == ["n2"], "it says so, and"
    assert found["lied"]["signed_twice"]["n2"] > 0, "others have two blocks of its slots"
    assert lab.on("n2", "sudo", "ls", f"{CHAIN}/../byzantine.json").returncode != 0
    left = lab.on("n4", "sudo", "ls", "-A", CHAIN).stdout
    assert "ballast" not in left
    assert lab.on("n4", "findmnt", "-rno", "OPTIONS", CHAIN).stdout.count("rw") == 1
    assert lab.on("n2", "systemctl", "list-units", "--all", "slotlab-*").stdout.count("loop") == 0
