"""What needs hosts with a kernel and a clock of their own: a disk takes as few writes as asked, and
blocks wait for theirs. In the same run netem delays a pair, and time servers are cut.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from harness.labs.lifecycle import vm_lab
from harness.testbed import lab_teardown
from tests.lab.bench import Bench
from tests.vm.needs import missing

pytestmark = [pytest.mark.vm, pytest.mark.root, pytest.mark.slow]
if reason := missing():
    pytestmark.append(pytest.mark.skip(reason=reason))

WRITES = 2
DELAY_MS = 50
CAMPAIGN = f"""\
schema: slotlab.campaign/v1
title: a slow disk, packets that come later, silent time servers
seed: 42
chain: {{profile: eosio, producers: 2, slot: 1s, blocks_per_turn: 2}}
load: {{rate: 4/s, size: 256B}}
trials: {{repeat: 1}}
warmup: 20s
cooldown: 40s
timeline:
  - {{id: slow, at: 40s, for: 40s, fault: slow_disk, on: n2, writes: {WRITES}}}
  - {{id: late, at: 100s, for: 20s, fault: delay, between: all, delay: {DELAY_MS}ms}}
  - {{id: deaf, at: 130s, for: 30s, fault: ntp_cut, on: n1}}
"""


def test_a_disk_takes_as_few_writes_as_asked_and_blocks_wait_for_theirs(tmp_path: Path) -> None:
    found = faults_of(tmp_path)
    assert {id_: (fault["state"], fault["how"]) for id_, fault in found.items()} == {
        "slow": ("installed", "cgroup"),
        "late": ("installed", "netem"),
        "deaf": ("installed", "nft"),
    }
    slow, late, deaf = (found[id_]["measured"] for id_ in ("slow", "late", "deaf"))
    assert (slow["judged"], late["judged"], deaf["judged"]) == ("as asked",) * 3
    assert slow["writes_a_s"]["n2"] > 0, "it is slow, not full"
    before_ms, during_ms = slow["fsync_ms"]["n2"]
    assert during_ms > max(before_ms, 1000 / WRITES), "a write waits for the next to be allowed"
    assert (deaf["checks_answered"], deaf["checks"] > 0, deaf["answered_before"] > 0) == (
        0, True, True,
    )  # fmt: skip


def faults_of(folder: Path) -> dict[str, dict[str, Any]]:
    """Return by id the faults of a run of the campaign on two machines, as its summary has them."""
    campaign, runs = folder / "disks.yml", folder / "runs"
    campaign.write_text(CAMPAIGN)
    name = f"disks{os.getpid()}"
    made = vm_lab.up(name, 2, print)
    try:
        lab = Bench(name, made.inventory, made.hosts, made.netns)
        lab.deploy()
        done = lab.slotlab("run", str(campaign), "-i", str(lab.inventory), "--runs", str(runs))
    finally:
        lab_teardown.take_down(name, print)
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads((runs / "disks" / "latest" / "summary.json").read_text())
    return {fault["id"]: fault for fault in summary["faults"]}
