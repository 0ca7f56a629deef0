"""What it takes to look at nodes.

Claims, in order of the file:
1. no process is started on their hosts, while a campaign runs on them;
2. `slotlab bench` measures a trial that is looked at and one that is not, with an agent or without.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.bench import probe_effect
from harness.controller.console import Show, console_of
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


def test_a_trial_is_measured_with_and_without_being_looked_at(
    lab: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = {"BEFORE_S": 4, "LASTS_S": 4, "AFTER_S": 6, "LEAD_NS": 12_000_000_000}
    for name, value in {"TRIALS": 1, "HOSTS": 3, **times}.items():
        monkeypatch.setattr(probe_effect, name, value)
    rows = probe_effect.rows_of(lab.name, inventory.load(lab.inventory), Show(console_of()))
    finality, more, missed, _, processor, _ = rows
    assert (finality.n, more.what) == (1, "finality, p99, more by being looked at")
    assert min(finality.value or 0, finality.floor or 0) > 0
    assert missed.value in range(8)
    assert missed.floor in range(8)
    assert min(processor.value or 0, processor.floor or 0) > 0
    for host in lab.names:
        said = lab.on(host, "systemctl", "is-active", "slotlab-agent", "slotlab-node").stdout
        assert said.split() == ["active", "inactive"]
