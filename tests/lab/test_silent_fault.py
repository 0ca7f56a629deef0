"""A fault that a host's kernel silently did not install makes the trial invalid, whatever it shows.

One host's nft says yes and does nothing with the elements it is to add; a pause and a one-way cut
in the same trial, on hosts that do as they are told, are installed.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from tests.lab.bench import MARKS, Bench, deployed

pytestmark = [*MARKS, pytest.mark.long]

LIAR = """#!/bin/sh
[ "$1" = -f ] || exec /usr/sbin/nft.real "$@"
text=$(cat)
case "$text" in "add element"*) exit 0;; esac
printf '%s\\n' "$text" | /usr/sbin/nft.real -f -
"""
CAMPAIGN = """\
schema: slotlab.campaign/v1
title: a partition that one host does not carry out, beside faults that all do
seed: 3
chain: {profile: eosio, producers: 3, slot: 500ms, blocks_per_turn: 2}
trials: {repeat: 1}
safety: {max_unreachable: 3}
warmup: 2s
cooldown: 4s
timeline:
  - {id: split, at: 4s, for: 4s, fault: partition, shape: [[n1], [n2, n3]]}
  - {id: still, at: 10s, for: 3s, fault: pause, on: n1}
  - {id: deaf, at: 15s, for: 3s, fault: cut, from: n1, to: n3, how: reset}
"""


lab = deployed("mute", hosts=3)


def test_a_partition_that_a_kernel_did_not_install_makes_the_trial_invalid(
    lab: Bench, tmp_path: Path
) -> None:
    lab.on("n2", "sudo", "mv", "/usr/sbin/nft", "/usr/sbin/nft.real")
    text = base64.b64encode(LIAR.encode()).decode()
    lab.on("n2", f"echo {text} | base64 -d | sudo tee /usr/sbin/nft > /dev/null")
    assert lab.on("n2", "sudo", "chmod", "755", "/usr/sbin/nft").returncode == 0
    campaign = tmp_path / "split.yml"
    campaign.write_text(CAMPAIGN)
    runs = tmp_path / "runs"
    done = lab.slotlab("run", str(campaign), "-i", str(lab.inventory), "--runs", str(runs))
    assert done.returncode == 3, done.stdout + done.stderr
    assert "indeterminate" in lab.states("n2", "split", runs), done.stdout + done.stderr
    assert "installed" not in lab.states("n2", "split", runs)
    assert "installed" in lab.states("n1", "split", runs)
    run = next(runs.glob("*/2*"))
    summary = json.loads((run / "summary.json").read_text())
    assert summary["verdict"] == "invalid"
    states = {fault["id"]: fault["state"] for fault in summary["faults"]}
    assert summary["faults"][2]["measured"]["reset"]["n3"] > 0, "n1 was told"
    assert states == {"split": "indeterminate", "still": "installed", "deaf": "installed"}
    for host, fault in (("n1", "still"), ("n3", "deaf")):
        assert lab.states(host, fault, runs) == ["armed", "applied", "installed", "healed"]
    assert lab.states("n1", "deaf", runs) == []
    report = (run / "report.html").read_text()
    assert "indeterminate" in report
    assert "0 of 1 elements in force" in report or "0 of 2 elements in force" in report
