"""Each finding of `slotlab check` becomes a row with a verdict, a detail and a remedy."""

from __future__ import annotations

import copy
import json
import socket
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from harness.preflight.check import NTP_CLIENT, SCRIPT, SETTERS, CheckOptions, findings
from harness.preflight.clock import Controller, chrony_bound_ns
from harness.preflight.host_report import Found
from harness.preflight.in_common import rows as lab_rows
from harness.preflight.network import loss_rows
from harness.preflight.pair_traffic import PairCount
from harness.preflight.rows import Row, findings_of, shown
from tests.unit.harness_inventory.hosts import plain

HOSTS = Path(__file__).parents[2] / "vectors" / "hosts"
NOW_NS = 1_795_244_883_000_000_000
GOOD: dict[str, Any] = json.loads((HOSTS / "pi4.json").read_text())["found"]
NO_SUDO = {"sudo": False, "sudo_says": "sudo: a password is required"}


TWO = ["ntp.service", "chrony.service"]
ITSELF = "7F7F0101,,10,1795244880.1,0.0,0.0,0.0,-2.0,0.0,0.01,0.0,0.00001,64.0,Normal"
"""`chronyc -c tracking` of a chrony with `local` and no source: in sync with itself."""


FOLDER = GOOD["folders"]["/opt/slotlab"]


def folder(**changes: Any) -> dict[str, Any]:
    """Return what a host found of /opt/slotlab: a good disk, but for the changes."""
    return {"folders": {"/opt/slotlab": {**FOLDER, **changes}}}


def answer(**changes: int) -> dict[str, Any]:
    """Return what a host found of a perfect server, but for the changes."""
    perfect = {"offset_ns": 0, "delay_ns": 0, "root_ns": 0, "leap": 0, "stratum": 1}
    return {"ntp": {"192.0.2.9": {**perfect, **changes}}}


def judged(found: dict[str, Any], **changes: Any) -> list[Row]:
    controller = Controller(NOW_NS - 1_000_000_000, NOW_NS + 1_000_000_000)
    return findings(plain(**changes), found, "hardware", CheckOptions(), controller)


def rows(*, time: str = "observe", **changes: Any) -> list[Row]:
    found = copy.deepcopy(GOOD)
    for key, value in changes.items():
        found[key] = {**found[key], **value} if isinstance(value, dict) and value else value
    msgspec.convert(found, type=Found)
    return judged(found, time=time)


@pytest.mark.parametrize("name", sorted(path.stem for path in HOSTS.glob("*.json")))
def test_a_host_of_each_kind_gets_its_verdicts_and_a_remedy_with_each_bad_one(name: str) -> None:
    vector = json.loads((HOSTS / f"{name}.json").read_text())
    bad = [row for row in judged(vector["found"]) if row.verdict != "ok"]
    assert {row.check: row.verdict for row in bad} == vector["not_ok"]
    assert [row for row in bad if not row.remedy and "unknown without sudo" not in row.detail] == []


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ({"python": [3, 10]}, "fail", "Python 3.10 is not 3.11 to 3.13; name one"),
        ({"bits": 32}, "fail", "32-bit on a 64-bit kernel; install the 64-bit system"),
        ({"arch": "armv7l"}, "fail", "no wheels for armv7l; install a 64-bit system"),
        ({"fsync_ns": []}, "warn", "fsync: unknown: it could not be measured; can root write fi"),
        ({"systemd": ""}, "fail", "systemd: not running; boot with systemd"),
        ({"systemd": "starting"}, "warn", "systemd: starting; wait, or see: systemctl list-jobs"),
        ({"systemd": "maintenance"}, "fail", "systemd: maintenance"),
        ({"machine": {"memory_bytes": 100_000_000}}, "warn", "memory: 100 MB available; end what"),
        ({"machine": {"memory_bytes": None}}, "warn", "memory: unknown"),
        ({"features": NO_SUDO}, "warn", "no sudo: a password is required; use --ask-become-pass"),
        ({"features": {**NO_SUDO, "sudo_says": "a is not in sudoers"}}, "fail", "not in sudoers"),
        ({"features": {"nft": False}}, "fail", "missing kernel feature: nf_tables"),
        ({"programs": {"nft": False}}, "fail", "sudo apt install nftables"),
        ({"programs": {"libstdc++.so.6": False}}, "fail", "sudo apt install libstdc++6"),
        ({"features": {"netem": False, "nfqueue": False}}, "fail", "netem or nfqueue (sch_net"),
        (folder(free_bytes=200 * 2**20 - 1), "fail", "disk full: 209 MB free"),
        (folder(free_files=9_999), "fail", "disk full: room for 9999 more files"),
        (folder(read_only=True, mounted="/"), "fail", "/ is read-only; mount -o remount,rw /"),
        (
            folder(no_exec=True, mounted="/opt"),
            "fail",
            "/opt is noexec: Python cannot load its lib",
        ),
        (folder(kind="tmpfs"), "warn", "may be gone after a reboot; put it on a disk (Pi: overlay"),
        (folder(kind="overlay"), "warn", "overlay on /: what is there may be gone after a reboot"),
        (folder(kind="exfat"), "fail", "exfat keeps no owners and links; use a Linux file system"),
        (folder(kind="nfs4"), "warn", "nfs4 on /: the disk of another machine, with its pauses"),
        (
            folder(problem="Stale file handle"),
            "fail",
            "disk /opt/slotlab: cannot be looked at: Stale file handle",
        ),
        ({"folders": {}}, "fail", "disk /opt/slotlab: cannot be looked at: it was not told of"),
        ({"ntp": {"192.0.2.9": {"stratum": 1}}}, "fail", "its answer was not told whole"),
        ({"fsync_ns": [100_000_001] * 32}, "warn", "slow disk: p99 100.0 ms"),
        (
            {"taken": {"9000": ["tcp"]}, "owners": {"9000": {"program": "x", "unit": "y.service"}}},
            "fail",
            "port taken: tcp by x (y.service); stop it, or set slotlab_node_port",
        ),
        (
            {"taken": {"9000": ["udp"]}, "owners": {"9000": {"program": "x"}}, "ours": ["active"]},
            "fail",
            "port taken: udp by x; stop it, or set slotlab_node_port",
        ),
        ({"taken": {"9001": ["udp"]}}, "fail", "stop it, or set slotlab_probe_port"),
        (
            {"any_port": ["9001", "60999"]},
            "warn",
            "9001: free, but the kernel gives it to any conn",
        ),
        ({"machine": {"throttled": 0x1}}, "fail", "power: now: under-voltage"),
        ({"machine": {"throttled": 0x40000}}, "warn", "since boot: throttled"),
        ({"machine": {"celsius": 80}}, "fail", "80 °C; cool it"),
        ({"cards": 'Object "-j" is unknown'}, "fail", "`ip -j addr` lists no interface; apt"),
        ({"nic": {"name": "", "kind": "missing"}}, "fail", "/sys/class/net has no"),
        ({"nic": {"carrier": False}}, "fail", "eth0 has no link"),
        ({"nic": {"duplex": "half"}}, "fail", "half duplex"),
        ({"nic": {"speed_mbit": 100}}, "warn", "100 Mb/s full duplex (bcmgenet), both ends can 1"),
        ({"clock": {"wall_ns": NOW_NS - 62 * 10**9}}, "fail", "wrong date: 61 s behind the contro"),
        ({"clock": {"chrony": "", "daemons": TWO}}, "fail", "ntp and chrony are act"),
        ({"ntp": {"192.0.2.9": {"problem": "timed out"}}}, "fail", "NTP server unreachable"),
        (answer(offset_ns=-125_000_000, delay_ns=2), "fail", "unsynchronised clock: -125.00 ms"),
        (answer(leap=3, stratum=3), "fail", "that it has no good time: stratum 3, leap 3"),
        (answer(stratum=16), "fail", "that it has no good time: stratum 16, leap 0"),
        (answer(root_ns=10_700_000_000), "fail", "vouches only for ± 10700 ms"),
        (answer(offset_ns=70_000_000, root_ns=60_000_000), "fail", "+70.00 ms ± 60.00 ms"),
        ({"clock": {"chrony": ITSELF}}, "fail", "chrony follows no source but its own clock"),
        ({"ntp": {}}, "warn", "no slotlab_ntp"),
        ({"clock": {"others": ["phc2sys of x.service (y)"]}}, "warn", "also sets this clock: phc2"),
        ({"clock": {"others": None}}, "warn", "unknown: who sets the clock was not found"),
        ({"clock": {"chrony": "", "kernel": None}}, "warn", "unknown: the kernel does not tell"),
        (
            {"clock": {"chrony": "", "daemons": [], "others": []}},
            "warn",
            "synchronised by nobody that is seen, within 1 ms; find out who does",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_remedy(
    changes: dict[str, Any], verdict: str, words: str
) -> None:
    bad = [row for row in rows(**changes) if words in str(row)]
    assert [row.verdict for row in bad] == [verdict]


@pytest.mark.parametrize(
    "changes",
    [
        {"features": {"netem": False, "nfqueue": True}},
        folder(free_bytes=200 * 2**20),
        folder(free_files=10_000),
        folder(free_files=None),
        folder(kind=""),
        {"folders": {"/var/lib/slotlab": {**FOLDER, "no_exec": True}}},
        {"systemd": "degraded"},
        {"taken": {"9001": ["tcp"]}},
        {"any_port": ["9002", "60999"]},
        {"any_port": ["", "x"]},
        {"fsync_ns": [100_000_000] * 32},
        {"taken": {"9000": ["tcp"]}, "ours": ["active", "active"]},
        {"taken": {"9000": ["tcp"]}, "owners": {"9000": {"unit": "slotlab-node.service"}}},
        {"clock": {"wall_ns": NOW_NS - 61 * 10**9}},
        {"clock": {"chrony": "", "daemons": ["ptp4l@eth0.service", "phc2sys@eth0.service"]}},
        answer(offset_ns=125_000_000),
        answer(offset_ns=-25_000_000, delay_ns=40_000_000, root_ns=80_000_000),
    ],
)
def test_what_is_just_good_enough_is_ok(changes: dict[str, Any]) -> None:
    assert {row.verdict for row in rows(**changes)} == {"ok"}


def test_chrony_is_needed_only_where_the_inventory_says_manage() -> None:
    assert {"ok"} == {row.verdict for row in rows(programs={"chronyd": False})}
    found = rows(time="manage", programs={"chronyd": False})
    assert [row.remedy for row in found if row.check == "packages"] == ["sudo apt install chrony"]


def test_chronys_bound_is_dispersion_and_half_the_delay() -> None:
    line = GOOD["clock"]["chrony"]
    assert chrony_bound_ns(line) == (21_500, 350_000 + 412_000 // 2)
    assert chrony_bound_ns(line.replace("Normal", "Not synchronised")) is None
    assert chrony_bound_ns(ITSELF) is None
    assert chrony_bound_ns("506 Cannot talk to daemon") is None


def count(source: str, target: str, received: int, sent: int = 1000) -> PairCount:
    return PairCount(source=source, target=target, port=9000, sent=sent, received=received)


@pytest.mark.parametrize(
    ("received", "verdict", "words"),
    [
        (1000, "ok", "0 of 1000 packets"),
        (999, "ok", "1 of 1000 packets"),
        (998, "fail", "lost 2 of 1000 packets from a (0.2%)"),
        (0, "fail", "nothing from a arrives on UDP port 9000"),
    ],
)
def test_loss_above_one_in_a_thousand_fails(received: int, verdict: str, words: str) -> None:
    (row,) = loss_rows([count("a", "b", received)], seconds=10, eee=frozenset())
    assert (row.verdict, words in row.detail) == (verdict, True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"tcp": "Connection refused"},
            "b: TCP: no connection from a to TCP port 9000: Connection",
        ),
        (
            {"large_bytes": 8972},
            "b: MTU: datagrams of 8972 bytes from a do not arrive, small ones do; make the MTU",
        ),
    ],
)
def test_a_way_that_lets_only_small_datagrams_pass_is_named(
    changes: dict[str, Any], words: str
) -> None:
    (row,) = loss_rows([replace(count("a", "b", 1000), **changes)], seconds=1, eee=frozenset())
    assert (row.verdict, str(row).startswith(words)) == ("fail", True)


def test_loss_next_to_energy_efficient_ethernet_names_it() -> None:
    (row,) = loss_rows([count("a", "b", 900)], seconds=10, eee=frozenset({"a"}))
    assert row.remedy == "EEE is active on a: switch it off"


def test_hosts_that_differ_are_grouped_and_zones_are_a_word_only() -> None:
    other = copy.deepcopy(GOOD)
    other["machine"]["kernel"] = "6.18.2"
    other["clock"]["zone"] = "CET +0100"
    found = {"a": GOOD, "b": GOOD, "c": other}
    made = {row.check: row for row in lab_rows(found, {"a": "s", "b": "s"})}
    assert made["same kernel"].verdict == "warn"
    assert made["same kernel"].detail == "6.6.51+rpt-rpi-v8 on 2; 6.18.2 on c"
    assert (made["same slotlab"].verdict, made["time zone"].verdict) == ("ok", "ok")


def test_a_terminal_of_80_columns_shows_bad_rows_whole_and_counts_the_rest() -> None:
    found = rows(ntp={}, bits=32)
    console = Console(width=80, no_color=True)
    with console.capture() as captured:
        console.print(findings_of(shown(found, everything=False)))
    text = captured.get()
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "slotlab_ntp to servers of your own" in text
    assert f"the rest: {len(found) - 2} ok" in text


def host_part(folder: Path, **changes: Any) -> dict[str, Any]:
    """Return what the part of check that runs on hosts finds on this machine."""
    asked = {
        "address": "127.0.0.1",
        "interface": "",
        "ports": [9000],
        "paths": [f"{folder}/not/there"],
        "programs": list(GOOD["programs"]),
        "modules": list(GOOD["modules"]),
        "clock_setters": SETTERS.read_text(),
        "ntp_client": NTP_CLIENT.read_text(),
        "ntp": {},
        **changes,
    }
    # -S -E: no site-packages, as on a host.
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-", json.dumps(asked)],
        input=SCRIPT.read_text(),
        capture_output=True,
        text=True,
        check=True,
    )
    msgspec.json.decode(done.stdout, type=Found)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_program_and_a_library_are_there_or_not(tmp_path: Path) -> None:
    wanted = {"sh": True, "no-such-program": False, "libc.so.6": True, "libno-such.so.1": False}
    assert host_part(tmp_path, programs=list(wanted))["programs"] == wanted


def test_the_host_part_runs_alone_and_prints_all_it_was_asked(tmp_path: Path) -> None:
    found = host_part(tmp_path)
    assert set(found) == set(GOOD)
    for part in ("machine", "features", "modules", "programs", "clock"):
        assert set(found[part]) == set(GOOD[part])
    assert set(found["folders"][f"{tmp_path}/not/there"]) == set(FOLDER)
    assert found["folders"][f"{tmp_path}/not/there"]["free_bytes"] > 0
    assert set(found["identity"]) == set(GOOD["identity"])
    assert len(found["fsync_ns"]) == 32
    assert found["python"] == list(sys.version_info[:2])
    assert list(tmp_path.iterdir()) == []


def test_a_port_is_taken_where_the_node_would_listen_and_by_its_protocol(tmp_path: Path) -> None:
    with ExitStack() as stack:

        def bound(kind: int, address: str) -> int:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            holder = stack.enter_context(socket.socket(family, kind))
            holder.bind((address, 0))
            if kind == socket.SOCK_STREAM:
                holder.listen()
            return int(holder.getsockname()[1])

        tcp, udp = bound(socket.SOCK_STREAM, "127.0.0.1"), bound(socket.SOCK_DGRAM, "127.0.0.1")
        elsewhere, every = bound(socket.SOCK_STREAM, "127.0.0.2"), bound(socket.SOCK_STREAM, "::")
        found = host_part(tmp_path, ports=[tcp, udp, elsewhere, every])
    assert found["taken"] == {str(tcp): ["tcp"], str(udp): ["udp"], str(every): ["tcp"]}
    assert set(found["owners"]) == set(found["taken"])
