"""On real hosts, in this order: check, deploy, calibrate, a campaign, three ways to heal, wipe.

Not one of these has been run by us on a Raspberry Pi; on lab hosts of one machine they pass. What
a host needs beyond `slotlab check`: its sudo works without a password, or the inventory has
ansible_become_password (one host is rebooted).
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.inventory.inventory import Inventory, load
from harness.remote.fan_out import Remote
from harness.testbed.collect import COMPARED
from tests.waiting import wait_until

pytestmark = [pytest.mark.hardware, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
REBOOT_S = 240
CAMPAIGN = """\
schema: slotlab.campaign/v1
title: delay, a split and a crash on real hosts
seed: 7
chain: {{profile: eosio, producers: {producers}, slot: 500ms, blocks_per_turn: 2}}
load: {{rate: 10/s, size: 256B}}
trials: {{repeat: 1}}
warmup: 10s
cooldown: {cooldown}
safety: {{lease: trial, max_unreachable: 1}}
expect:
  always: [no_conflicting_finality, lib_never_decreases, same_state_digest, no_double_sign]
timeline:
{timeline}
"""
SHORT = """\
  - {at: 20s, for: 15s, fault: delay, between: all, delay: 20ms}
  - {at: 45s, for: 10s, fault: clock_step, on: one, by: 300ms}
  - {at: 65s, fault: kill, on: one, restart_after: 5s}
"""
SPLIT = "  - {id: split, at: 20s, for: 30s, fault: partition, shape: minority}\n"

Snapshots = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def lab(inventory_file: Path) -> Inventory:
    return load(inventory_file)


@pytest.fixture(scope="module")
def clean(lab: Inventory) -> Snapshots:
    """Return the state of the deployed hosts before any fault."""
    slotlab(lab, "deploy")
    return snapshots(lab)


def slotlab(lab: Inventory, *words: str, status: int = 0, timeout_s: float = 900) -> str:
    """Return what `slotlab WORDS -i INVENTORY` printed.

    Raises:
        AssertionError: it ended with another status.
    """
    command = [sys.executable, "-m", "harness", *words, "-i", str(lab.path)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def snapshots(lab: Inventory) -> Snapshots:
    """Return what each agent says of its host's rules, qdiscs and skew."""
    with Remote(lab) as remote:
        return asked(remote)


def asked(remote: Remote) -> Snapshots:
    """Return the same over connections that are already there."""
    replies = remote.ctl_all("snapshot", timeout_s=30)
    return {
        host: {key: reply.ok[key] for key in COMPARED}
        for host, reply in replies.items()
        if reply.ok
    }


def start_split(lab: Inventory, clean: Snapshots, folder: Path) -> subprocess.Popen[bytes]:
    """Return a running campaign whose partition is in force on every host."""
    text = CAMPAIGN.format(producers=max(4, len(lab.hosts)), cooldown="20s", timeline=SPLIT)
    (folder / "split.yml").write_text(text)
    words = ["run", str(folder / "split.yml"), "-i", str(lab.path), "--runs", str(folder / "runs")]
    harness = subprocess.Popen(
        [sys.executable, "-m", "harness", *words],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    try:
        with Remote(lab) as remote:

            def split() -> bool:
                assert harness.poll() is None, "the campaign ended before its partition"
                now = asked(remote)
                return all(now.get(host, {}).get("nft") != clean[host]["nft"] for host in clean)

            wait_until(split, "the partition", within_s=180, every_s=0.5)
    except BaseException:
        harness.send_signal(signal.SIGINT)
        harness.wait(timeout=180)
        raise
    return harness


def test_check_is_green(lab: Inventory) -> None:
    rows = json.loads(slotlab(lab, "check", "--json"))
    assert [row for row in rows if row["verdict"] == "fail"] == []


def test_a_second_deploy_changes_nothing(lab: Inventory, clean: Snapshots) -> None:
    lines = slotlab(lab, "deploy").splitlines()
    assert {f"{host.name}: unchanged" for host in lab.hosts} <= set(lines)


def test_a_delay_is_what_was_asked_within_two_ms_and_two_percent(
    lab: Inventory, clean: Snapshots
) -> None:
    rows = json.loads(slotlab(lab, "check", "--quick", "--calibrate", "--json"))
    pairs = [row for row in rows if row["check"].startswith("delay to ")]
    assert len(pairs) == len(lab.hosts) * (len(lab.hosts) - 1) // 2
    assert [row for row in pairs if row["verdict"] != "ok"] == []


def test_a_short_campaign_passes_and_leaves_the_hosts_as_they_were(
    lab: Inventory, clean: Snapshots, tmp_path: Path
) -> None:
    text = CAMPAIGN.format(producers=max(4, len(lab.hosts)), cooldown="15s", timeline=SHORT)
    (tmp_path / "short.yml").write_text(text)
    slotlab(lab, "run", str(tmp_path / "short.yml"), "--runs", str(tmp_path / "runs"))
    assert snapshots(lab) == clean


def test_heal_removes_what_a_killed_controller_left(
    lab: Inventory, clean: Snapshots, tmp_path: Path
) -> None:
    harness = start_split(lab, clean, tmp_path)
    harness.send_signal(signal.SIGKILL)
    harness.wait()
    slotlab(lab, "heal")
    assert snapshots(lab) == clean


def test_hosts_heal_alone_when_the_controller_is_killed(
    lab: Inventory, clean: Snapshots, tmp_path: Path
) -> None:
    harness = start_split(lab, clean, tmp_path)
    harness.send_signal(signal.SIGKILL)
    harness.wait()
    wait_until(lambda: snapshots(lab) == clean, "healed by itself", within_s=40, every_s=0.5)
    slotlab(lab, "heal")


def test_a_host_rebooted_in_a_fault_comes_back_healed(
    lab: Inventory, clean: Snapshots, tmp_path: Path
) -> None:
    host = lab.hosts[-1]
    with Remote(lab) as remote:
        before = remote.ctl({host.name: {"op": "hello"}})[host.name].ok
        assert before is not None
        harness = start_split(lab, clean, tmp_path)
        words = ["sudo", "-S", "-p", "", "systemctl", "reboot"]
        remote.run_each({host.name: words}, stdin=host.become_password + "\n", timeout_s=20)

    def back() -> bool:
        with Remote(lab) as fresh:
            now = fresh.ctl({host.name: {"op": "hello"}})[host.name].ok
        return now is not None and now["boot"] != before["boot"]

    try:
        wait_until(back, f"{host.name} back", within_s=REBOOT_S, every_s=0.5)
        wait_until(lambda: snapshots(lab) == clean, "healed", within_s=60, every_s=0.5)
    finally:
        harness.send_signal(signal.SIGINT)
        harness.wait(timeout=180)
    slotlab(lab, "heal")


def test_wipe_leaves_nothing_and_a_second_one_finds_nothing(
    lab: Inventory, clean: Snapshots
) -> None:
    slotlab(lab, "wipe")
    lines = slotlab(lab, "wipe").splitlines()
    assert {f"{host.name}: unchanged" for host in lab.hosts} <= set(lines)
    look = (
        "{ ls -d /opt/slotlab /etc/slotlab /run/slotlab /etc/*.d/slotlab.conf;"
        " for unit in agent heal node probe client tune; do"
        " ls /etc/systemd/system/slotlab-$unit.service; done;"
        " getent passwd slotlab; getent group slotlab; } 2>/dev/null; true"
    )
    with Remote(lab) as remote:
        assert {result.stdout for result in remote.run(None, look).values()} == {""}
