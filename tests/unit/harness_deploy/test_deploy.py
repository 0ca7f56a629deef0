"""What deploy says of hosts: who changed, who failed and why; and what a host is told."""

from __future__ import annotations

import importlib.util
import json
import stat
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from harness.deploy.host_facts import HostFacts
from harness.deploy.keys import curve_keys, folder, forget, z85
from harness.deploy.packages import HOST_PACKAGES, missing
from harness.deploy.playbook import PlayedHost, explain
from harness.deploy.rollout import DeployResult, host_json, time_servers, unfit
from harness.errors import RunError
from harness.inventory.inventory import Inventory
from harness.remote.fan_out import HostResult, refuse_failed
from tests.unit.harness_inventory.hosts import plain

ROOT = Path(__file__).parents[3]


@pytest.fixture
def lab(tmp_path: Path) -> Inventory:
    hosts = (plain("a"), plain("b", "192.0.2.2", ntp=("192.0.2.9",)))
    return Inventory(path=tmp_path / "inventory.yml", lab="container", netns=None, hosts=hosts)


def test_z85_gives_the_text_of_the_rfc() -> None:
    data = bytes.fromhex("bb88471d65e2659b30c55a5321cebb5aab2b70a398645c26dca2b2fcb43fc518")
    assert z85(data) == "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
    with pytest.raises(ValueError, match="four"):
        z85(b"123")


def test_keys_are_made_once_differ_and_only_their_owner_may_read_them(lab: Inventory) -> None:
    pairs = curve_keys(lab)
    assert curve_keys(lab) == pairs
    assert len({key for pair in pairs.values() for key in (pair.public, pair.secret)}) == 4
    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder(lab).iterdir()}
    assert modes == {0o600}
    assert (forget(lab), forget(lab)) == (True, False)


def test_a_host_learns_its_peers_public_keys_and_no_secret(lab: Inventory) -> None:
    pairs = curve_keys(lab)
    text = host_json(lab.host("b"), "eth0", lab, pairs)
    assert json.loads(text) == {
        "host": "b",
        "address": "192.0.2.2",
        "interface": "eth0",
        "node_port": 9000,
        "probe_port": 9001,
        "ntp": ["192.0.2.9"],
        "state_dir": "/var/lib/slotlab",
        "peers": [
            {
                "host": "a",
                "address": "192.0.2.1",
                "node_port": 9000,
                "probe_port": 9001,
                "curve_public": pairs["a"].public,
            }
        ],
    }
    assert not any(pair.secret in text for pair in pairs.values())


WARNING = "sudo: unable to resolve host n2: Name or service not known\n"


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({"msg": "Missing sudo password"}, "no sudo: the login may not become root"),
        ({"module_stderr": "sudo: a password is required\n"}, "or give --ask-become-pass"),
        ({"msg": "[Errno 28] No space left on device"}, "disk full: while it should unpack"),
        ({"msg": "Timeout (12s) waiting for privilege escalation prompt: "}, "no sudo: the login"),
        ({"module_stderr": "pi is not in the sudoers file.\n"}, "no sudo: the login may not"),
        (
            {"msg": "No space left on device", "module_stderr": WARNING},
            "disk full: while it should",
        ),
        (
            {"msg": "Read-only file system", "module_stderr": WARNING},
            "read-only file system: while",
        ),
        ({"msg": "cannot find tar", "module_stderr": WARNING}, "unpack: cannot find tar"),
        (
            {
                "msg": "Module result deserialization failed",
                "module_stdout": "hi\nonly backups\n",
                "module_stderr": WARNING,
            },
            "unpack: the host printed no result but: only backups",
        ),
        ({"stderr": "a\nlast words\n", "msg": "non-zero return code"}, "unpack: last words"),
        ({"msg": "plain"}, "unpack: plain"),
        ({}, "unpack: no reason"),
    ],
)
def test_a_failed_task_is_one_line_with_a_remedy(result: dict[str, str], words: str) -> None:
    line = explain("unpack", result)
    assert words in line
    assert "\n" not in line


def test_a_result_names_the_failed() -> None:
    outcomes = (PlayedHost("a"), PlayedHost("b", failure="no sudo"))
    result = DeployResult(outcomes=outcomes, elapsed_ns=1_540_000_000)
    assert (result.ok, result.failed) == (False, {"b": "no sudo"})
    assert [outcome.state for outcome in outcomes] == ["unchanged", "failed"]


def test_failed_hosts_are_data_until_somebody_asks_for_an_error() -> None:
    results = {
        "a": HostResult(host="a", exit_code=0),
        "b": HostResult(host="b", exit_code=3, stderr="x\nno such unit\n"),
        "c": HostResult(host="c", reason="unreachable", detail="c port 22: no route"),
    }
    assert [host for host, result in results.items() if not result.ok] == ["b", "c"]
    with pytest.raises(RunError) as caught:
        refuse_failed("start nodes", results)
    wanted = "start nodes: b: exit 3: no such unit; c: unreachable: c port 22: no route"
    assert str(caught.value) == wanted


def facts(host: str, **changes: Any) -> HostFacts:
    made = HostFacts(
        arch="aarch64",
        bits=64,
        python=(3, 11),
        listed_cards=listed("192.0.2.1" if host == "a" else "192.0.2.2"),
        free_bytes={"/opt/slotlab": 10**10},
        programs={package.program: True for package in HOST_PACKAGES},
        stamps=[],
    )
    return msgspec.structs.replace(made, **changes)


def listed(address: str) -> str:
    """Return what `ip -j addr` prints of a card with the address."""
    card = {"ifname": "eth0", "flags": ["UP"], "addr_info": [{"local": address}]}
    return json.dumps([card])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, None),
        ({"programs": {"nft": False, "tc": True}}, "not installed: nftables; sudo apt install nf"),
        ({"programs": {"chronyd": False, "iw": False}}, None),
        ({"bits": 32}, "Python is 32-bit; install a 64-bit system"),
        ({"arch": "armv7l"}, "no wheels for armv7l; install a 64-bit system"),
        ({"listed_cards": listed("192.0.2.7")}, "no interface holds 192.0.2.1; set slotlab_add"),
        ({"free_bytes": {"/opt/slotlab": 1}}, "disk full: 0 MB free in /opt/slotlab"),
    ],
)
def test_a_host_that_cannot_run_a_node_is_told_why_before_anything_is_sent(
    lab: Inventory, changes: dict[str, Any], words: str | None
) -> None:
    reason = unfit(lab, {"a": facts("a", **changes)}).get("a")
    assert reason is None if words is None else words in str(reason)


def test_managed_time_needs_chrony_and_a_server_that_is_not_the_host_itself(lab: Inventory) -> None:
    hosts = tuple(replace(host, time="manage", ntp=("192.0.2.1:1123",)) for host in lab.hosts)
    managed = replace(lab, hosts=hosts)
    named = replace(hosts[0], ntp=("[fd00::1]:5", "clock.lab", "fd00::2"))
    assert time_servers(named) == [
        {"host": "fd00::1", "port": 5},
        {"host": "clock.lab", "port": 123},
        {"host": "fd00::2", "port": 123},
    ]
    assert [time_servers(host) for host in hosts] == [[], [{"host": "192.0.2.1", "port": 1123}]]
    found = unfit(managed, {name: facts(name) for name in ("a", "b")})
    assert found == {"a": "slotlab_time: manage needs slotlab_ntp that is not the host itself"}
    assert missing({"chronyd": False}, login="pi", manage=True) == ["chrony"]


def test_sudo_is_no_need_of_a_host_that_root_logs_in_to() -> None:
    assert missing({"sudo": False}, login="root", manage=False) == []
    assert missing({"sudo": False}, login="pi", manage=False) == ["sudo"]


def host_module() -> ModuleType:
    path = ROOT / "playbooks" / "library" / "slotlab_host.py"
    spec = importlib.util.spec_from_file_location("slotlab_host", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_file_is_replaced_in_one_step_with_its_mode_and_nothing_beside_it(tmp_path: Path) -> None:
    module = host_module()
    path = tmp_path / "etc" / "secret"
    assert module.read(str(path)) is None
    for text in ("one\n", "two\n"):
        module.write(str(path), text, 0o600)
        assert module.read(str(path)) == text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["secret"]
