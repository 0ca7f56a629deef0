"""Looking at nodes starts no process on their hosts, while a campaign runs on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.inventory import inventory
from harness.orchestrator.fleet import Fleet
from harness.remote.fan_out import Remote
from tests.lab.bench import MARKS, Bench, deployed, has_ended, wait_for
from tests.lab.forks import LOOKS, head, started_by_looking

pytestmark = [*MARKS, pytest.mark.long]

CAMPAIGN = """\
schema: slotlab.campaign/v1
title: nothing happens
seed: 3
chain: {profile: eosio, producers: 3, slot: 500ms, blocks_per_turn: 2}
warmup: 4s
cooldown: 40s
safety: {lease: trial, max_unreachable: 1}
expect:
  always: [no_conflicting_finality, lib_never_decreases]
timeline:
  - {id: early, at: 5s, for: 1s, fault: pause, on: n3}
"""


lab = deployed("looks", hosts=3)


def test_no_process_is_started_on_a_host_to_look_at_its_node(lab: Bench, tmp_path: Path) -> None:
    campaign = tmp_path / "nothing.yml"
    campaign.write_text(CAMPAIGN)
    words = ["run", str(campaign), "-i", str(lab.inventory), "--runs", str(tmp_path / "runs")]
    harness = lab.start(*words)
    with Remote(inventory.load(lab.inventory)) as remote:
        fleet = Fleet(remote)
        wait_for(
            "every node has a chain and the fault is over",
            lambda: has_ended(harness) or min(map(head, fleet.nodes().values())) > 20,
        )
        started = started_by_looking(lab.name, lab.names, fleet)
        assert harness.poll() is None, "the campaign is over: its own looks were not counted"
    said, _ = harness.communicate(timeout=120)
    assert harness.returncode == 0, said
    print(f"{LOOKS} looks at each node started {started}")
    assert started == dict.fromkeys(lab.names, 0)
