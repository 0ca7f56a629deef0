"""The check before a run judges time servers as the node does that will ask them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.inventory.inventory import InventoryError, load
from harness.preflight.check import NTP_CLIENT, SCRIPT, SETTERS, CheckOptions, findings
from harness.preflight.clock import Controller
from node.timing.clock import ClockJudge, NodeClock
from node.timing.ntp import NtpError, ask
from node.timing.ntp_rules import split_server
from tests.unit.harness_inventory.hosts import plain

pytestmark = pytest.mark.slow

MS = 1_000_000
LIMIT_NS = 125 * MS
FOUND = json.loads(
    (Path(__file__).parents[2] / "vectors" / "hosts" / "pi4.json").read_text()
)["found"]  # fmt: skip


def checked(tmp_path: Path, server: str) -> str:
    """Return the verdict of the check on a server, asked by the part that runs on hosts."""
    host = plain(ntp=(server,))
    asked = {
        "address": "127.0.0.1", "interface": "", "ports": [9000], "paths": [str(tmp_path)],
        "programs": [], "modules": [], "ntp": {each: split_server(each) for each in host.ntp},
        "clock_setters": SETTERS.read_text(), "ntp_client": NTP_CLIENT.read_text(),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-", json.dumps(asked)],
        input=SCRIPT.read_text(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = {**FOUND, "ntp": json.loads(done.stdout)["ntp"]}
    wall_ns = found["clock"]["wall_ns"]
    rows = findings(host, found, "hardware", CheckOptions(), Controller(wall_ns, wall_ns))
    return next(row.verdict for row in rows if row.check == f"clock by {server}")


def node_verified(server: str) -> bool:
    """Return whether a node may produce by what the server says."""
    clock, judge = NodeClock(), ClockJudge(LIMIT_NS)
    judge.wake(*clock.pair())
    try:
        judge.sample(ask(clock, server))
    except NtpError:
        return False
    return judge.verdict(clock.mono_ns()).verified


@pytest.mark.parametrize(
    ("says", "good"),
    [
        ({}, True),
        ({"stratum": 15}, True),
        ({"offset_ns": 100 * MS}, True),
        ({"leap": 1, "stratum": 2}, True),
        ({"leap": 3, "stratum": 3}, False),
        ({"stratum": 0}, False),
        ({"stratum": 16}, False),
        ({"root_dispersion_s": 10.7, "stratum": 2}, False),
        ({"offset_ns": 90 * MS, "root_dispersion_s": 0.06}, False),
        ({"offset_ns": -400 * MS}, False),
        ({"forged": True}, False),
    ],
    ids=str,
)
def test_a_server_is_good_for_the_check_when_it_is_for_the_node(
    sntp: Any, tmp_path: Path, says: dict[str, Any], *, good: bool
) -> None:
    for name, value in says.items():
        setattr(sntp, name, value)
    assert node_verified(sntp.name) is good
    assert checked(tmp_path, sntp.name) == ("ok" if good else "fail")


def test_a_port_that_is_none_is_refused_by_the_inventory(tmp_path: Path) -> None:
    path = tmp_path / "lab.yml"
    path.write_text("all: {hosts: {a: {ansible_host: 192.0.2.1, slotlab_ntp: ['clock.lab:x']}}}")
    with pytest.raises(InventoryError, match=r"slotlab_ntp: 'clock\.lab:x': the port must be a"):
        load(path)
