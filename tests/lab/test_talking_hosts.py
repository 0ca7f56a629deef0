"""Hosts that say more than they are asked: everything works on them, or costs one line a host.

On n2 sudo asks for a password, lectures and warns of its own configuration; on n3 every shell that
starts prints on both streams, and so does sshd. At the end n3's login shell runs no command.
"""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from harness.labs.lifecycle import running
from tests.lab.bench import MARKS, Bench, bench

pytestmark = [*MARKS, pytest.mark.long]
PASSWORD = "open, Sesame: 1"
SUDO = "Defaults no_such_setting\nDefaults lecture=always\nlab ALL=(ALL) ALL\n"
GREETING = "echo Welcome; echo 'disk is nearly full' >&2; printf 'no end'\n"
STARTED = ("/home/lab/.bashrc", "/etc/bash.bashrc", "/etc/profile.d/greet.sh", "/etc/ssh/sshrc")
"""What shells and sshd run when somebody logs in; the first two before they see who asks."""
CAMPAIGN = """\
schema: slotlab.campaign/v1
title: a split of hosts that talk much
seed: 4
chain: {profile: eosio, producers: 3, slot: 500ms, blocks_per_turn: 2}
trials: {repeat: 1}
safety: {max_unreachable: 3}
warmup: 2s
cooldown: 4s
timeline:
  - {id: split, at: 4s, for: 3s, fault: partition, shape: [[n1], [n2, n3]]}
"""


def as_root(lab: Bench, host: str, script: str) -> None:
    """Run a script as root on a host that still lets us."""
    words = [*running.ssh_command(lab.name, host), "sudo", "sh", "-s"]
    done = subprocess.run(words, input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def lab() -> Iterator[Bench]:
    """Yield a lab whose hosts n2 and n3 talk."""
    with bench("talking", hosts=3) as made:
        greet = "".join(
            f"{{ printf %s {shlex.quote(GREETING)}; cat {file} 2>/dev/null || :; }} > /tmp/new;"
            f" cat /tmp/new > {file}\n"
            for file in STARTED
        )
        as_root(made, "n3", greet)
        said = made.on("n3", "true")
        assert said.stdout.count("Welcome") >= 2
        assert said.stderr.count("nearly full") >= 2
        sudo = f"echo lab:{shlex.quote(PASSWORD)} | chpasswd; printf %s {shlex.quote(SUDO)}"
        as_root(made, "n2", f"{sudo} > /etc/sudoers.d/lab")
        yield made


@pytest.fixture(scope="module")
def rack(lab: Bench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the inventory that has n2's sudo password."""
    document = yaml.safe_load(lab.inventory.read_text())
    document["all"]["children"]["nodes"]["hosts"]["n2"]["ansible_become_password"] = PASSWORD
    path = tmp_path_factory.mktemp("rack") / "rack.yml"
    path.write_text(yaml.safe_dump(document))
    return path


def findings(lab: Bench, rack: Path) -> dict[str, dict[str, str]]:
    """Return by host the verdicts of `slotlab check`."""
    done = lab.slotlab("check", "--quick", "--json", "-i", str(rack))
    found: dict[str, dict[str, str]] = {name: {} for name in lab.names}
    for row in json.loads(done.stdout):
        found.setdefault(row["host"], {})[row["check"]] = row["verdict"]
    return found


def test_check_looks_at_hosts_that_talk_as_at_a_quiet_one(lab: Bench, rack: Path) -> None:
    found = findings(lab, rack)
    assert set(found["n2"]) == set(found["n1"])
    assert set(found["n3"]) == set(found["n1"])
    assert "fail" not in [each for name in lab.names for each in found[name].values()]


def test_they_are_deployed_to_run_healed_and_healed_by_hand(
    lab: Bench, rack: Path, tmp_path: Path
) -> None:
    done = lab.slotlab("deploy", "-i", str(rack))
    assert done.returncode == 0, done.stdout + done.stderr
    campaign, runs = tmp_path / "split.yml", tmp_path / "runs"
    campaign.write_text(CAMPAIGN)
    done = lab.slotlab("run", str(campaign), "-i", str(rack), "--runs", str(runs))
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = runs.glob("*/2*")
    (fault,) = json.loads((folder / "summary.json").read_text())["faults"]
    assert fault["state"] == "installed"
    hosts = folder / "trials" / "1" / "hosts"
    for name in lab.names:
        assert json.loads((hosts / name / "before.json").read_text())
    assert lab.healed(rack) == dict.fromkeys(lab.names, "ok nothing left")
    as_root(lab, "n3", "systemctl stop slotlab-agent")
    by_hand = lab.healed(rack)
    assert by_hand["n3"].startswith("ok without the agent:")
    as_root(lab, "n3", "systemctl start slotlab-agent")


def test_a_shell_that_runs_no_command_costs_one_line_a_command(
    lab: Bench, rack: Path, tmp_path: Path
) -> None:
    as_root(lab, "n3", "usermod --shell /usr/sbin/nologin lab")
    found = findings(lab, rack)
    assert "fail" not in [each for name in ("n1", "n2") for each in found[name].values()]
    assert [each for each in found["n3"].values() if each != "ok"] == ["fail"]
    said = lab.healed(rack)
    assert {name: said[name] for name in ("n1", "n2")} == dict.fromkeys(
        ("n1", "n2"), "ok nothing left"
    )
    assert said["n3"].startswith("fail ")
    assert "not available" in said["n3"]
    for words in (("deploy",), ("wipe",)):
        done = lab.slotlab(*words, "-i", str(rack))
        assert done.returncode == 3, done.stdout + done.stderr
        of_n3 = [line for line in done.stdout.splitlines() if line.startswith("n3: fail")]
        assert len(of_n3) == 1, done.stdout
        assert "not available" in of_n3[0]
        assert not [
            line for line in done.stdout.splitlines() if line.startswith(("n1: f", "n2: f"))
        ]
