"""Campaigns that stop whole hosts, end to end: run through, broken off, killed.

Claims: a campaign of the three provider faults passes and brings everything home, the files of the
host whose power was cut too; Ctrl-C twice in mid power cut ends with every host on; after SIGKILL
of the controller the power is back at its deadline, and a second controller is told who has the
lab until then.
"""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from harness.labs.lifecycle import power
from harness.testbed import lock
from tests.lab.bench import LAB_DEADLINE_S, MARKS, Bench, deployed, has_ended, wait_for

pytestmark = [*MARKS, pytest.mark.long]

HEAD = """\
schema: slotlab.campaign/v1
title: hosts that stop
seed: 3
chain: {profile: eosio, producers: 4, slot: 500ms, blocks_per_turn: 2}
warmup: 4s
cooldown: 12s
safety: {lease: trial, max_unreachable: 1}
expect:
  always: [no_conflicting_finality, lib_never_decreases, same_state_digest, no_double_sign]
timeline:
"""
ALL = """\
  - {id: cable, at: 5s, for: 4s, fault: link_down, on: n1}
  - {id: frozen, at: 12s, for: 4s, fault: freeze_host, on: n3}
  - {id: power, at: 19s, for: 4s, fault: power_cut, on: n2}
"""
POWER = """\
  - {id: power, at: 5s, for: 8s, fault: power_cut, on: n2}
"""


lab = deployed("stops", hosts=4)


def words(lab: Bench, folder: Path, timeline: str) -> list[str]:
    """Return the arguments that run a campaign of this timeline below folder."""
    campaign = folder / "stops.yml"
    campaign.write_text(HEAD + timeline)
    return ["run", str(campaign), "-i", str(lab.inventory), "--runs", str(folder / "runs")]


def without_power(lab: Bench, folder: Path) -> subprocess.Popen[str]:
    """Return the running harness, n2's power being cut."""
    harness = lab.start(*words(lab, folder, POWER))
    wait_for("n2 is off", lambda: has_ended(harness) or power.run(lab.name, "n2", "state") == "off")
    return harness


def assert_healed(lab: Bench) -> None:
    """Every host is on and answers, and healing finds nothing left."""
    assert {power.run(lab.name, name, "state") for name in lab.names} == {"on"}
    assert lab.healed() == dict.fromkeys(lab.names, "ok nothing left")


def test_a_campaign_of_stopped_hosts_runs_through_and_brings_everything_home(
    lab: Bench, tmp_path: Path
) -> None:
    done = lab.slotlab(*words(lab, tmp_path, ALL))
    assert done.returncode == 0, done.stdout + done.stderr
    run = (tmp_path / "runs" / "stops" / "latest").resolve()
    summary = json.loads((run / "summary.json").read_text())
    assert summary["verdict"] == "pass"
    states = {fault["id"]: (fault["state"], fault["how"]) for fault in summary["faults"]}
    assert states == dict.fromkeys(("cable", "frozen", "power"), ("installed", "provider"))
    trial = run / "trials" / "1"
    lines = [json.loads(s) for s in (trial / "provider" / "agent.jsonl").read_text().splitlines()]
    healed = [line["fault"] for line in lines if line["state"] == "healed"]
    assert healed == ["cable", "frozen", "power"]
    assert json.loads((trial / "trial.json").read_text())["problems"] == []
    assert_healed(lab)


def test_ctrl_c_twice_in_a_power_cut_leaves_every_host_on(lab: Bench, tmp_path: Path) -> None:
    harness = without_power(lab, tmp_path)
    harness.send_signal(signal.SIGINT)
    assert harness.stdout is not None
    next(line for line in harness.stdout if "heal only" in line)
    harness.send_signal(signal.SIGINT)
    said = harness.communicate(timeout=LAB_DEADLINE_S)[0]
    assert harness.returncode == 130, said
    assert "Traceback" not in said
    assert_healed(lab)
    lab.end_trial()  # the host that was off restarted its units at boot


def test_the_power_is_back_at_its_deadline_when_the_controller_was_killed(
    lab: Bench, tmp_path: Path
) -> None:
    harness = without_power(lab, tmp_path)
    command = words(lab, tmp_path, POWER)
    second = lab.slotlab(*command, home=tmp_path / "elsewhere")
    said = second.stdout + second.stderr
    assert second.returncode == 3, said
    assert f"{lock.BUSY}: n1: {lock.owner(harness.pid)} runs campaign" in said
    harness.send_signal(signal.SIGKILL)
    harness.communicate()
    wait_for("n2 is on", lambda: power.run(lab.name, "n2", "state") == "on")
    wait_for("n2 answers", lambda: lab.on("n2", "true").returncode == 0)
    lab.slotlab("heal", "-i", str(lab.inventory))
    assert_healed(lab)
    lab.end_trial()
