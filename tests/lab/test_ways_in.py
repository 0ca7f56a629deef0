"""The ways to a host on a rack: through a jump host, with pinned keys, with a sudo password.

1. Before `check` an unknown host key is refused; `check` pins it in the lab's file.
2. The way then leads through the jump host, and the user's own known_hosts is not written.
3. A host whose sudo asks for a password is deployed to, healed by hand and wiped with it.
"""

from __future__ import annotations

import pwd
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml

from harness.controller.netns_exec import call_inside
from harness.deploy import rollout
from harness.deploy.playbook import PlayOptions
from harness.inventory import inventory
from harness.inventory.inventory import Inventory
from harness.preflight import check
from harness.remote.connection import connect
from harness.remote.fan_out import Remote, refuse_failed
from harness.remote.ssh_failure import RemoteFailure
from harness.testbed import healing

from .bench import MARKS, Bench, bench

pytestmark = MARKS
PASSWORD = "open, Sesame: {{ 1 }}"


@pytest.fixture(scope="module")
def lab() -> Iterator[Bench]:
    """Yield a lab of two hosts; sudo asks for a password on n2."""
    ask = "chpasswd; echo 'lab ALL=(ALL) ALL' > /etc/sudoers.d/lab"
    set_up = ("sudo", "sh", "-c", f"\"printf '%s\\n' 'lab:{PASSWORD}' | ({ask})\"")
    with bench("ways", hosts=2) as made:
        done = made.on("n2", *set_up)
        assert done.returncode == 0, done.stderr
        yield made


@pytest.fixture
def rack(lab: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inventory:
    """Return the lab as a rack would be written down: n2 behind n1, no host key known."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    document = yaml.safe_load(lab.inventory.read_text())
    hosts = document["all"]["children"]["nodes"]["hosts"]
    for values in hosts.values():
        values["ansible_ssh_common_args"] = "-o IdentitiesOnly=yes -o IdentityAgent=none"
    hosts["n2"]["ansible_ssh_common_args"] += f" -J lab@{hosts['n1']['ansible_host']}"
    document["all"]["vars"]["slotlab_lab"] = "hardware"
    path = tmp_path / "rack.yml"
    path.write_text(yaml.safe_dump(document))
    return inventory.load(path)


def test_check_pins_host_keys_and_both_ways_lead_through_the_jump_host(rack: Inventory) -> None:
    known = Path(pwd.getpwuid(0).pw_dir) / ".ssh" / "known_hosts"
    before = known.read_bytes() if known.exists() else b""
    for host in rack.hosts:
        with pytest.raises(RemoteFailure) as caught:
            call_inside(rack.netns, partial(connect, host.ssh))
        assert caught.value.reason in ("host_key", "unreachable")
    rows = [row for row in check.check(rack) if row.check.startswith("ssh")]
    assert {(row.host, row.verdict) for row in rows} == {("n1", "ok"), ("n2", "ok")}
    pinned = Path(rack.hosts[0].ssh.pin_file).read_text()
    assert all(host.ssh.address in pinned for host in rack.hosts) or pinned.count("|1|") >= 2
    with Remote(rack) as remote:
        came = remote.run(None, "echo $SSH_CONNECTION")
        refuse_failed("look", came)
    assert came["n2"].stdout.split()[0] == rack.host("n1").ssh.address
    assert (known.read_bytes() if known.exists() else b"") == before


def test_a_sudo_password_serves_deploy_healing_by_hand_and_wipe(rack: Inventory) -> None:
    check.check(rack)
    refused = rollout.deploy(rack, print)
    assert list(refused.failed) == ["n2"]
    assert "--ask-become-pass" in refused.failed["n2"]
    knowing = rack.with_become_password(PASSWORD)
    done = rollout.deploy(rack, print, options=PlayOptions(become_password=PASSWORD))
    assert done.ok, done.failed
    kill = "sudo -S -p '' systemctl stop slotlab-agent"
    with Remote(knowing) as remote:
        refuse_failed("stop", remote.run(["n2"], kill, stdin=PASSWORD + "\n"))
        assert healing.heal(remote)["n2"][0]
    with Remote(rack) as remote:
        clean, why = healing.heal(remote)["n2"]
        assert not clean
        assert "ansible_become_password" in why
    wiped = rollout.wipe(rack, print, options=PlayOptions(become_password=PASSWORD))
    assert wiped.ok, wiped.failed
