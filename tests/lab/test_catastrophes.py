"""What may go wrong around a fault, on real hosts: each ends with every host healed and reachable.

Each test starts a campaign with one fault of eight seconds, breaks something in the middle, and
then holds the agents' journals against the deadline and looks at the hosts themselves. SSH of every
host is watched from the controller's place all the while.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import plugs
from tests.lab.bench import LAB_DEADLINE_S, MARKS, Bench, bench, wait_for
from tests.lab.ssh_watch import ssh_watch

pytestmark = [*MARKS, pytest.mark.long]

AT_S, FOR_S = 4.0, 8.0
DEADLINE_S = AT_S + FOR_S
CAMPAIGN = """\
schema: slotlab.campaign/v1
title: one fault, and something that breaks in it
seed: 3
chain: {{profile: eosio, producers: 4, slot: 500ms, blocks_per_turn: 2}}
trials: {{repeat: 1}}
warmup: 2s
cooldown: 4s
safety: {{lease: trial, max_unreachable: 4}}
timeline:
  - {{id: hurt, at: 4s, for: 8s, {fault}}}
"""
PARTITION = "fault: partition, shape: minority"
TOTAL_LOSS = "fault: loss, between: all, share: 100%"
DELAY = "fault: delay, between: all, delay: 40ms"
RUNNING: list[subprocess.Popen[str]] = []


@pytest.fixture(scope="module")
def hosts() -> Iterator[Bench]:
    with bench("ruin", hosts=4) as made:
        made.deploy()
        yield made


@pytest.fixture
def lab(hosts: Bench) -> Iterator[Bench]:
    """Yield the lab; a campaign that a failed test leaves running ends with the test."""
    RUNNING.clear()
    yield hosts
    for harness in RUNNING:
        if harness.poll() is None:
            harness.kill()
            harness.communicate()
            hosts.slotlab("heal", "-i", str(hosts.inventory))


def write_campaign(folder: Path, fault: str) -> Path:
    """Return a campaign file of one fault."""
    campaign = folder / "hurt.yml"
    campaign.write_text(CAMPAIGN.format(fault=fault))
    return campaign


def hurt(lab: Bench, folder: Path, fault: str) -> subprocess.Popen[str]:
    """Return the running harness, with the fault in force on every host."""
    runs = folder / "runs"
    harness = lab.start_installed(write_campaign(folder, fault), runs, "hurt")
    RUNNING.append(harness)
    return harness


def healed_at_s(lab: Bench, host: str, runs: Path) -> float:
    """Return from when on, in seconds since T0, the host's fault may have ended by itself."""
    ended = ("healed", "failed", "skipped")
    wait_for(f"end on {host}", lambda: lab.states(host, "hurt", runs)[-1] in ended)
    (line,) = [line for line in lab.records(host, "hurt", runs) if line["state"] in ended]
    assert line["state"] == "healed", line
    between = line["between_ns"]
    assert isinstance(between, list), line
    return float(between[0]) / 1e9


def assert_not_early(lab: Bench, runs: Path, *, hosts: list[str] | None = None) -> None:
    """Every host's fault ended by itself, and not before its own deadline."""
    for host in hosts or lab.names:
        begin_s = healed_at_s(lab, host, runs)
        assert begin_s >= DEADLINE_S - 0.05, f"{host}: ended early, at {begin_s} s"


def assert_clean(lab: Bench) -> None:
    """No host has a rule, a holder or an open record left, and heal finds nothing to do."""
    for host in lab.names:
        assert lab.rules(host) == "", host
        assert "packet_queue" not in lab.on(host, "ps", "-eo", "args").stdout
    assert lab.healed() == dict.fromkeys(lab.names, "ok nothing left")


def finish(harness: subprocess.Popen[str]) -> str:
    """Return what the harness said once it has ended."""
    said = harness.communicate(timeout=LAB_DEADLINE_S)[0]
    assert "Traceback" not in said, said
    return said


def test_all_loss_on_the_only_nic_leaves_every_host_reachable(lab: Bench, tmp_path: Path) -> None:
    with ssh_watch(lab) as seen:
        harness = hurt(lab, tmp_path, TOTAL_LOSS)
        said = finish(harness)
    assert harness.returncode in (0, 1), said
    assert seen.silent == {name: [] for name in lab.names}
    assert min(seen.asked.values()) > 5
    assert_not_early(lab, tmp_path / "runs")
    assert_clean(lab)


def test_hosts_heal_when_the_controllers_link_is_cut(lab: Bench, tmp_path: Path) -> None:
    harness = hurt(lab, tmp_path, PARTITION)
    link = ["nsenter", f"--net={lab.netns}", "ip", "link", "set", "eth0"]
    subprocess.run([*link, "down"], check=True)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            harness.communicate(timeout=FOR_S + 3)
    finally:
        subprocess.run([*link, "up"], check=True)
    said = finish(harness)
    assert harness.returncode in (0, 1, 3), said
    assert_not_early(lab, tmp_path / "runs")
    assert_clean(lab)


def test_a_killed_agent_does_not_end_a_fault_early(lab: Bench, tmp_path: Path) -> None:
    with ssh_watch(lab) as seen:
        harness = hurt(lab, tmp_path, PARTITION)
        lab.on("n1", "sudo", "systemctl", "kill", "-s", "KILL", "slotlab-agent")
        finish(harness)
    assert seen.silent == {name: [] for name in lab.names}
    assert_not_early(lab, tmp_path / "runs")
    assert_clean(lab)


def test_a_hung_agent_is_healed_by_its_timer(lab: Bench, tmp_path: Path) -> None:
    harness = hurt(lab, tmp_path, DELAY)
    lab.on("n2", "sudo", "systemctl", "kill", "-s", "STOP", "slotlab-agent")
    wait_for("the timer of n2", lambda: lab.rules("n2") == "")
    wait_for(
        "the end of the holder of n2",
        lambda: "packet_queue" not in lab.on("n2", "ps", "-eo", "args").stdout,
    )
    lab.on("n2", "sudo", "systemctl", "kill", "-s", "CONT", "slotlab-agent")
    finish(harness)
    assert_not_early(lab, tmp_path / "runs")
    assert_clean(lab)


def test_a_host_rebooted_in_mid_fault_comes_back_healed(lab: Bench, tmp_path: Path) -> None:
    harness = hurt(lab, tmp_path, DELAY)
    plugs.reboot(lab.name, "n3")
    said = finish(harness)
    assert harness.returncode == 3, said
    assert "n3" in said, said
    assert "reboot" in said, said
    assert_not_early(lab, tmp_path / "runs", hosts=["n1", "n2", "n4"])
    assert_clean(lab)


def test_a_full_disk_does_not_keep_a_fault_from_ending(lab: Bench, tmp_path: Path) -> None:
    size = "mount -t tmpfs -o size=260m,mode=2750 slotlab-full /var/lib/slotlab"
    keep = "cp -a /var/lib/slotlab /root/kept && " + size
    back = "cp -a /root/kept/. /var/lib/slotlab/ && systemctl restart slotlab-agent"
    assert lab.on("n1", "sudo", "sh", "-c", f"'{keep} && {back}'").returncode == 0
    try:
        with ssh_watch(lab) as seen:
            harness = hurt(lab, tmp_path, DELAY)
            fill = "dd if=/dev/zero of=/var/lib/slotlab/filler bs=1M; df /var/lib/slotlab"
            assert "100%" in lab.on("n1", "sudo", "sh", "-c", f"'{fill}'").stdout
            finish(harness)
        assert seen.silent == {name: [] for name in lab.names}
        assert_clean(lab)
        assert_not_early(lab, tmp_path / "runs", hosts=["n2", "n3", "n4"])
    finally:
        undo = "systemctl stop slotlab-node slotlab-probe slotlab-client slotlab-agent;"
        undo += "umount /var/lib/slotlab; rm -rf /root/kept; systemctl start slotlab-agent"
        lab.on("n1", "sudo", "sh", "-c", f"'{undo}'")


def test_a_second_controller_is_refused_and_told_by_whom(lab: Bench, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    harness = hurt(lab, first, PARTITION)
    # As from another machine: nothing of the first controller's own state is seen.
    campaign = write_campaign(second, PARTITION)
    words = ["run", str(campaign), "-i", str(lab.inventory), "--runs", str(second / "runs")]
    refused = lab.slotlab(*words, home=tmp_path / "elsewhere")
    said = (refused.stdout + refused.stderr).strip().splitlines()
    assert refused.returncode == 3, said
    assert any("campaign hurt" in line and "until" in line for line in said), said
    assert not any("Traceback" in line for line in said)
    finish(harness)
    assert harness.returncode in (0, 1), "the first one was not disturbed"
    assert_not_early(lab, first / "runs")
    assert_clean(lab)


def test_ctrl_c_twice_heals_and_only_heals(lab: Bench, tmp_path: Path) -> None:
    harness = hurt(lab, tmp_path, TOTAL_LOSS)
    harness.send_signal(signal.SIGINT)
    assert harness.stdout is not None
    heard = next(line for line in harness.stdout if "stopping" in line)
    assert "heal only" in heard
    harness.send_signal(signal.SIGINT)
    said = finish(harness)
    assert harness.returncode == 130, said
    assert not list((tmp_path / "runs").glob("*/2*/report.html"))
    for host in lab.names:
        assert lab.rules(host) == "", host
    assert_clean(lab)
