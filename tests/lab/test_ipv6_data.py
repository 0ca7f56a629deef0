"""A campaign whose chain speaks IPv6 on a network of its own, run through a jump host.

Every kind of flow fault acts on IPv6 addresses here: delay by the queue, loss, a one-way cut,
partitions of several shapes, some of which reset connections. Each must be read back as installed,
and the probes of the pairs must show it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from node.network.links import UNACKNOWLEDGED_MS
from tests.lab.bench import MARKS, Bench, bench

pytestmark = [*MARKS, pytest.mark.long]

CAMPAIGN = """\
schema: slotlab.campaign/v1
title: faults of flows over IPv6
seed: 6
chain: {profile: eosio, producers: 4, slot: 500ms, blocks_per_turn: 1}
trials: {repeat: 1}
warmup: 8s
cooldown: 4s
safety: {max_unreachable: 3}
timeline:
  - {id: slow, at: 12s, for: 10s, fault: delay, between: all, delay: 60ms}
  - {id: lossy, at: 26s, for: 4s, fault: loss, between: all, share: 50%}
  - {id: deaf, at: 34s, for: 3s, fault: cut, from: n3, to: n1}
  - {id: split, at: 41s, for: 4s, fault: partition, shape: [[n2]]}
  - {id: ringed, at: 50s, for: 4s, fault: partition, shape: ring, how: reset}
  - {id: bridged, at: 59s, for: 4s, fault: partition, shape: bridge, how: reset}
"""


def rack_of(lab: Bench, folder: Path) -> Path:
    """Return an inventory with IPv6 data addresses, the hosts after the first behind it."""
    document = yaml.safe_load(lab.inventory.read_text())
    hosts = document["all"]["children"]["nodes"]["hosts"]
    jump = f"-J lab@{hosts['n1']['ansible_host']} -o IdentitiesOnly=yes -o IdentityAgent=none"
    for number, (name, values) in enumerate(hosts.items(), 1):
        address = f"fd77:5107::{number}"
        added = lab.on(name, *f"sudo ip addr add {address}/64 dev eth0 nodad".split())
        assert added.returncode == 0, added.stderr
        values["slotlab_address"] = address
        values["slotlab_zone"] = "six"
        if name != "n1":
            values["ansible_ssh_common_args"] = jump
    path = folder / "six.yml"
    path.write_text(yaml.safe_dump(document))
    return path


def test_flow_faults_act_on_ipv6_and_are_measured(tmp_path: Path) -> None:
    campaign = tmp_path / "six-faults.yml"
    campaign.write_text(CAMPAIGN)
    runs, home = tmp_path / "runs", tmp_path / "home"
    with bench("six", hosts=4) as lab:
        rack = rack_of(lab, tmp_path)
        for words in (("check", "--quick"), ("deploy",)):
            done = lab.slotlab(*words, "-i", str(rack), home=home)
            assert done.returncode == 0, done.stdout + done.stderr
        done = lab.slotlab(
            "run", str(campaign), "-i", str(rack), "--runs", str(runs), home=home
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = runs.glob("*/2*")
    summary = json.loads((folder / "summary.json").read_text())
    faults = {fault["id"]: fault for fault in summary["faults"]}
    print(json.dumps(faults, indent=1))
    assert {name: fault["state"] for name, fault in faults.items()} == dict.fromkeys(
        ("slow", "lossy", "deaf", "split", "ringed", "bridged"), "installed"
    )
    for name, hosts in (("ringed", 4), ("bridged", 3)):
        measured = faults[name]["measured"]
        assert measured["across_sent"] > 0 == measured["across_received"]
        assert measured["within_received"] > 0
        assert len(measured["reset"]) == hosts, "the bridge itself resets nothing"
        assert all(count > 0 for count in measured["reset"].values())
        assert measured["lost_after_s"][0] < UNACKNOWLEDGED_MS / 1000, "before TCP gives up"
    assert "reset" not in faults["split"]["measured"]
    plan = json.loads((folder / "plan.json").read_text())
    assert {host["address"] for host in plan["hosts"]} == {f"fd77:5107::{n}" for n in (1, 2, 3, 4)}
