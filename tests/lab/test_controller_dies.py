"""The promises to a rack, on real hosts: idempotent deploy, faults that end alone, a clean wipe.

Claims, in order of the file:
1. a second deploy changes nothing and says so, also with a key full of template marks;
2. SIGKILL of the harness in mid-partition: the partition ends by its own deadline, no rule of ours
   is left, and `slotlab heal` right after has nothing to do;
3. Ctrl-C once heals, collects and still reports;
4. a taken port, an unreachable host and an account without sudo are one line each, exit 3;
5. wipe removes everything; a second wipe finds nothing.
"""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from nacl.public import PrivateKey

from harness.deploy import keys
from harness.inventory import inventory
from tests.lab.bench import LAB_DEADLINE_S, MARKS, Bench, wait_for
from tests.lab.bench import bench as fresh_bench

pytestmark = MARKS

CAMPAIGN = """\
schema: slotlab.campaign/v1
title: one partition and a controller that dies in it
seed: 3
chain: {profile: eosio, producers: 4, slot: 500ms, blocks_per_turn: 2}
trials: {repeat: 1}
warmup: 2s
cooldown: 40s
safety: {lease: trial, max_unreachable: 1}
timeline:
  - {id: cut, at: 4s, for: 8s, fault: partition, shape: minority}
"""


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with fresh_bench("dies", hosts=4) as made:
        plant_awkward_key(made.inventory, "n1")
        made.deploy()
        yield made


def plant_awkward_key(path: Path, host: str) -> None:
    """Give a host a CURVE key that Ansible would take for a template if it ever saw it bare."""
    place = keys.folder(inventory.load(path))
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    pair = PrivateKey.generate()
    while "{%" not in keys.z85(bytes(pair.public_key)):
        pair = PrivateKey.generate()
    text = {"public": keys.z85(bytes(pair.public_key)), "secret": keys.z85(bytes(pair))}
    (place / f"{host}.curve.json").write_text(json.dumps(text))
    (place / f"{host}.curve.json").chmod(0o600)


def start_campaign(bench: Bench, folder: Path) -> subprocess.Popen[str]:
    """Return the running harness, with the partition in force on every host."""
    campaign = folder / "cut.yml"
    campaign.write_text(CAMPAIGN)
    return bench.start_installed(campaign, folder / "runs", "cut")


def test_a_second_deploy_changes_nothing_and_says_so(bench: Bench) -> None:
    done = bench.slotlab("deploy", "-i", str(bench.inventory))
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("n")]
    assert lines == [f"n{i}: unchanged" for i in (1, 2, 3, 4)]


def test_a_partition_ends_though_the_harness_was_killed(bench: Bench, tmp_path: Path) -> None:
    harness = start_campaign(bench, tmp_path)
    harness.send_signal(signal.SIGKILL)
    harness.communicate()
    for host in ("n1", "n2", "n3", "n4"):
        wait_for(
            f"heal on {host}",
            lambda h=host: bench.states(h, "cut", tmp_path / "runs")[-1] == "healed",
        )
        (healed,) = [line for line in bench.journal(host) if line["state"] == "healed"]
        between = healed["between_ns"]
        assert isinstance(between, list)
        assert between[0] / 1e9 >= 12.0 - 0.05
        assert bench.on(host, "sudo", "nft", "list", "ruleset").stdout == ""
    assert bench.healed() == dict.fromkeys(bench.names, "ok nothing left")
    bench.end_trial()


def test_ctrl_c_once_heals_collects_and_reports(bench: Bench, tmp_path: Path) -> None:
    harness = start_campaign(bench, tmp_path)
    harness.send_signal(signal.SIGINT)
    said, _ = harness.communicate(timeout=LAB_DEADLINE_S)
    (report,) = (tmp_path / "runs").glob("*/2*/report.html")
    assert str(report) in said
    summary = json.loads((report.parent / "summary.json").read_text())
    assert summary["verdict"] == "invalid"
    assert harness.returncode == 3, said
    assert "Traceback" not in said
    for host in ("n1", "n2", "n3", "n4"):
        assert bench.on(host, "sudo", "nft", "list", "ruleset").stdout == ""


def test_a_taken_port_is_one_line_and_exit_3(bench: Bench, tmp_path: Path) -> None:
    bench.on("n2", "sudo", "systemctl", "stop", "slotlab-node", "slotlab-probe")
    listen = 'import socket,time; s=socket.create_server(("0.0.0.0",9000)); time.sleep(90)'
    unit = ["sudo", "systemd-run", "--unit=taker", "/usr/bin/python3", "-c", f"'{listen}'"]
    assert bench.on("n2", *unit).returncode == 0
    wait_for(
        "the port is taken",
        lambda: "python3" in bench.on("n2", "sudo", "ss", "-Hltnp", "sport", "=", "9000").stdout,
    )
    try:
        words = ["run", "smoke", "-i", str(bench.inventory), "--runs", str(tmp_path)]
        done = bench.slotlab(*words)
        said = (done.stdout + done.stderr).strip().splitlines()
        assert done.returncode == 3, said
        assert any("n2" in line and "9000" in line for line in said), said
        assert not any("Traceback" in line for line in said)
    finally:
        bench.on("n2", "sudo", "systemctl", "stop", "taker")


def test_an_unreachable_host_is_one_line_and_exit_3(bench: Bench, tmp_path: Path) -> None:
    text = bench.inventory.read_text()
    address = next(line.split()[-1] for line in text.splitlines() if "slotlab_address" in line)
    wrong = bench.inventory.parent / "unreachable.yml"
    dead = address.rsplit(".", 1)[0] + ".250"
    wrong.write_text(text.replace(f"ansible_host: {address}\n", f"ansible_host: {dead}\n"))
    done = bench.slotlab("run", "smoke", "-i", str(wrong), "--runs", str(tmp_path))
    said = (done.stdout + done.stderr).strip().splitlines()
    assert done.returncode == 3, said
    assert any("n1" in line and dead in line for line in said), said
    assert not any("Traceback" in line for line in said)


def test_an_account_without_sudo_is_one_line_and_exit_3(bench: Bench) -> None:
    # Without sudo nobody can put it back, so the host does that by itself.
    back = ["sudo", "systemd-run", "--on-active=20s", "--timer-property=AccuracySec=100ms"]
    bench.on("n3", *back, "/bin/mv", "/etc/sudoers.away", "/etc/sudoers.d")
    bench.on("n3", "sudo", "mv", "/etc/sudoers.d", "/etc/sudoers.away")
    done = bench.slotlab("deploy", "-i", str(bench.inventory))
    wait_for(
        "sudo is back", lambda: bench.on("n3", "sudo", "-n", "true").returncode == 0, within_s=60
    )
    said = (done.stdout + done.stderr).splitlines()
    assert done.returncode == 3, said
    assert any(line.startswith("n3: ") and "sudo" in line for line in said), said
    assert not any("Traceback" in line for line in said)


def test_wipe_removes_everything_and_a_second_wipe_finds_nothing(bench: Bench) -> None:
    first = bench.slotlab("wipe", "-i", str(bench.inventory))
    assert first.returncode == 0, first.stdout + first.stderr
    look = "ls -d /opt/slotlab /etc/slotlab /var/lib/slotlab /run/slotlab; getent passwd slotlab"
    for host in ("n1", "n2", "n3", "n4"):
        assert bench.on(host, look).stdout == ""
    second = bench.slotlab("wipe", "-i", str(bench.inventory))
    lines = [line for line in second.stdout.splitlines() if line.startswith("n")]
    assert lines == [f"n{i}: unchanged" for i in (1, 2, 3, 4)]
