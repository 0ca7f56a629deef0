"""Each finding of `slotlab check` becomes a row with a verdict, a detail and a remedy."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.inventory import Host, load
from harness.preflight import SCRIPT, Row, findings

GOOD: dict[str, Any] = {
    "python": [3, 11],
    "arch": "aarch64",
    "bits": 64,
    "systemd": True,
    "features": {"sudo": True, "sudo_says": "", "nft": True, "netem": True, "nfqueue": False},
    "programs": {"nft": True, "tc": True, "ip": True},
    "free_bytes": {"/var/lib/slotlab": 10**10, "/opt/slotlab": 10**10},
    "taken": {},
    "owners": {},
    "ours": ["inactive", "inactive"],
    "ntp": {"192.0.2.9": {"offset_ns": -2_000_000, "delay_ns": 1_000_000}},
    "kernel_synchronised": True,
}
NO_SUDO = {"sudo": False, "sudo_says": "sudo: a password is required"}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    path = tmp_path / "inventory.yml"
    path.write_text("all: {hosts: {a: {ansible_host: 192.0.2.1}}}")
    return load(path).hosts[0]


def rows(host: Host, **changes: Any) -> list[Row]:
    found = copy.deepcopy(GOOD)
    for key, value in changes.items():
        found[key] = {**found[key], **value} if isinstance(value, dict) and value else value
    return findings(host, found, "hardware", 125_000_000)


def test_a_fit_host_has_no_finding_but_ok(host: Host) -> None:
    assert {row.verdict for row in rows(host)} == {"ok"}


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ({"python": [3, 10]}, "fail", "Python 3.10 is not 3.11 to 3.13"),
        ({"bits": 32}, "fail", "32-bit; install a 64-bit system"),
        ({"systemd": False}, "fail", "systemd: not running; boot with systemd"),
        ({"features": NO_SUDO}, "warn", "no sudo: a password is required; deploy with --ask"),
        ({"features": {**NO_SUDO, "sudo_says": "a is not in sudoers"}}, "fail", "not in sudoers"),
        ({"features": {"nft": False}}, "fail", "missing kernel feature: nf_tables"),
        ({"features": {"nft": False}, "programs": {"nft": False}}, "fail", "apt install nftables"),
        ({"features": {"netem": False}}, "fail", "missing kernel feature: netem or nfqueue"),
        ({"free_bytes": {"/opt/slotlab": 200 * 2**20 - 1}}, "fail", "disk full: 209 MB free"),
        ({"taken": {"9000": "tcp"}, "owners": {"9000": "x"}}, "fail", "port taken: tcp by x"),
        ({"taken": {"9001": "udp"}}, "fail", "stop it, or set slotlab_probe_port"),
        ({"ntp": {"192.0.2.9": {"problem": "timed out"}}}, "fail", "NTP server unreachable"),
        (
            {"ntp": {"192.0.2.9": {"offset_ns": -125_000_000, "delay_ns": 2}}},
            "fail",
            "unsynchronised clock: -125.00 ms",
        ),
        ({"ntp": {}}, "warn", "no slotlab_ntp"),
        ({"kernel_synchronised": False}, "warn", "unsynchronised clock: no daemon"),
        ({"kernel_synchronised": False, "ntp": {}}, "fail", "unsynchronised clock: no daemon"),
    ],
)
def test_what_is_wrong_is_named_with_its_remedy(
    host: Host, changes: dict[str, Any], verdict: str, words: str
) -> None:
    bad = [row for row in rows(host, **changes) if words in str(row)]
    assert [row.verdict for row in bad] == [verdict]


@pytest.mark.parametrize(
    "changes",
    [
        {"features": {"netem": False, "nfqueue": True}},
        {"free_bytes": {"/opt/slotlab": 200 * 2**20}},
        {"taken": {"9000": "tcp"}, "ours": ["active", "active"]},
        {"ntp": {"192.0.2.9": {"offset_ns": 125_000_000, "delay_ns": 0}}},
    ],
)
def test_what_is_just_good_enough_is_ok(host: Host, changes: dict[str, Any]) -> None:
    assert {row.verdict for row in rows(host, **changes)} == {"ok"}


def test_the_host_part_runs_alone_and_prints_all_it_was_asked(tmp_path: Path) -> None:
    asked = json.dumps({"ports": [9000], "paths": [f"{tmp_path}/not/there"], "ntp": []})
    # -S -E: no site-packages, as on a host; sudo and unshare are kept out by an empty PATH.
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-", asked],
        input=SCRIPT.read_text(),
        capture_output=True,
        text=True,
        env={"PATH": str(tmp_path)},
        check=True,
    )
    found = json.loads(done.stdout)
    assert set(found) == set(GOOD)
    assert found["free_bytes"][f"{tmp_path}/not/there"] > 0
    assert found["python"] == list(sys.version_info[:2])
