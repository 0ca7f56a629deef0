"""When the controller dies in a trial, hosts heal and what the trial runs ends with its lease.

Claims, in order of the file:
1. nodes, probes and clients of a dead controller end with the lease: by the agent, and by a timer
   where the agent is dead as well; the agents' journals say so, and `slotlab collect` makes an
   invalid report of what is there;
2. meanwhile a new run is refused in one line and touches nothing; `slotlab stop` ends all of it,
   and the next run has the lab.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from harness.orchestrator.left_behind import REASON
from tests.lab.bench import MARKS, Bench, deployed, wait_for

pytestmark = [*MARKS, pytest.mark.long]

CAMPAIGN = """\
schema: slotlab.campaign/v1
title: a controller that dies in a trial with a short lease
seed: 5
chain: {profile: eosio, producers: 4, slot: 500ms, blocks_per_turn: 2}
load: {rate: 5/s, size: 64B}
trials: {repeat: 1}
warmup: 2s
cooldown: 240s
safety: {lease: 20s, max_unreachable: 1}
timeline:
  - {id: cut, at: 4s, for: 200s, fault: partition, shape: minority}
"""
NEXT = """\
schema: slotlab.campaign/v1
title: the run after
seed: 6
chain: {profile: eosio, producers: 4, slot: 500ms, blocks_per_turn: 2}
warmup: 1s
cooldown: 4s
timeline: []
"""
HOSTS = ("n1", "n2", "n3", "n4")
UNITS = ("slotlab-node", "slotlab-probe", "slotlab-client")
DEADLINE_S = 120


bench = deployed("ends", hosts=len(HOSTS))


def running(bench: Bench, host: str) -> list[str]:
    said = bench.on(host, "systemctl", "is-active", *UNITS).stdout.split()
    return [unit for unit, word in zip(UNITS, said, strict=True) if word == "active"]


def started(bench: Bench, tmp_path: Path, lease: str = "20s") -> Path:
    """Return where the runs are, once the campaign was in force and its controller was killed."""
    campaign, runs = tmp_path / "cut.yml", tmp_path / "runs"
    campaign.write_text(CAMPAIGN.replace("lease: 20s", f"lease: {lease}"))
    harness = bench.start_installed(campaign, runs, "cut")
    for host in HOSTS:
        assert running(bench, host) == list(UNITS)
    harness.send_signal(signal.SIGKILL)
    harness.communicate()
    return runs


DEAD = "/run/systemd/system/slotlab-agent.service.d/dead.conf"


def without_agent(bench: Bench, host: str) -> None:
    """Kill a host's agent, and have nobody start it again."""
    text = "'[Service]\\nRestart=no\\n'"
    bench.on(host, f"sudo mkdir -p {DEAD.rpartition('/')[0]}; printf {text} | sudo tee {DEAD}")
    bench.on(host, "sudo systemctl daemon-reload; sudo systemctl kill -s KILL slotlab-agent")
    dead = "systemctl is-active slotlab-agent"
    wait_for(f"no agent on {host}", lambda: bench.on(host, dead).returncode != 0, within_s=60)


def with_agent(bench: Bench, host: str) -> None:
    back = f"sudo rm {DEAD}; sudo systemctl daemon-reload; sudo systemctl start slotlab-agent"
    assert bench.on(host, back).returncode == 0


def test_what_a_dead_controller_started_ends_with_the_lease_with_an_agent_or_without(
    bench: Bench, tmp_path: Path
) -> None:
    runs = started(bench, tmp_path)
    without_agent(bench, "n2")
    for host in HOSTS:
        wait_for(f"units end on {host}", lambda h=host: not running(bench, h), within_s=DEADLINE_S)
        assert bench.rules(host) == "", "faults end first"
    with_agent(bench, "n2")
    for host, how in (("n1", "agent"), ("n2", "timer"), ("n3", "agent")):
        wait_for(
            f"{host} tells of it",
            lambda h=host: any(line["state"] == "stopped" for line in bench.journal(h)),
            within_s=DEADLINE_S,
        )
        (stopped,) = [line for line in bench.journal(host) if line["state"] == "stopped"]
        assert (stopped["how"], stopped["reason"]) == (how, "lease_expired")
        assert stopped["read_back"] == {"units": ["node", "probe", "client"]}
        timers = bench.on(host, "systemctl", "list-units", "--all", "--plain", "slotlab-undo-*")
        assert "slotlab-undo-" not in timers.stdout
    collected = bench.slotlab("collect", "-i", str(bench.inventory), "--runs", str(runs))
    assert "Traceback" not in collected.stderr
    assert collected.returncode == 3, collected.stdout + collected.stderr
    (folder,) = runs.glob("*/2*")
    trial = json.loads((folder / "trials" / "1" / "trial.json").read_text())
    assert (trial["state"], trial["reason"]) == ("failed", REASON)
    ended = [f"{host}: node, probe, client stopped as the lease had ended" for host in HOSTS]
    assert [line for line in trial["problems"] if "stopped as" in line] == ended
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["verdict"] == "invalid"
    assert summary["metrics"]["slots"]["produced"] > 0
    assert f"trial 1: the trial is failed: {REASON}" in summary["invalid"]
    again = bench.slotlab("report", str(folder))
    assert again.returncode == 3, again.stdout + again.stderr


def test_a_new_run_meets_an_armed_lab_with_one_line_until_stop_has_ended_it(
    bench: Bench, tmp_path: Path
) -> None:
    runs = started(bench, tmp_path, lease="trial")
    after = tmp_path / "after.yml"
    after.write_text(NEXT)
    words = ("run", str(after), "-i", str(bench.inventory), "--runs", str(tmp_path / "others"))
    refused = bench.slotlab(*words)
    (line,) = refused.stderr.strip().splitlines()
    (folder,) = runs.glob("*/2*")
    assert refused.returncode == 3
    assert line.startswith(f"slotlab: this lab is armed: trial {folder.name}.1 of ")
    assert "node, probe, client running and cut armed on n1, n2, n3 and 1 more until" in line
    assert "slotlab stop -i" in line
    for host in HOSTS:
        assert running(bench, host) == list(UNITS)
        assert "slotlab" in bench.rules(host)
    early = bench.slotlab("collect", "-i", str(bench.inventory), "--runs", str(runs))
    assert early.returncode == 3
    assert "is not over: n1 has" in early.stderr
    without_agent(bench, "n3")
    stopped = bench.slotlab("stop", "-i", str(bench.inventory))
    assert stopped.returncode == 0, stopped.stdout + stopped.stderr
    said = dict(line.split(": ", 1) for line in stopped.stdout.splitlines())
    assert said["n3"].startswith("ok healed without the agent: ")
    trial = f"ok stopped node, probe, client of trial {folder.name}.1; disarmed cut; "
    assert [host for host in said if said[host].startswith(trial)] == ["n1", "n2", "n4"]
    for host in HOSTS:
        assert running(bench, host) == []
        assert bench.rules(host) == ""
    with_agent(bench, "n3")
    assert bench.slotlab("stop", "-i", str(bench.inventory)).stdout.splitlines() == [
        f"{host}: ok nothing left" for host in HOSTS
    ]
    collected = bench.slotlab("collect", "-i", str(bench.inventory), "--runs", str(runs))
    assert collected.returncode == 3, collected.stdout + collected.stderr
    assert json.loads((folder / "summary.json").read_text())["verdict"] == "invalid"
    done = bench.slotlab(*words)
    assert list((tmp_path / "others").glob("*/2*/summary.json")), done.stdout + done.stderr
