"""The rack-shaped lab from a list of hosts to a report in five commands, as a stranger would go.

A jump host, a management network of its own, IPv6 data, a sudo password, a wrong time zone, a slow
small disk, foreign rules and a foreign qdisc: see inventory/topologies/rack.yml. Emulated, this
takes ten minutes and more; its figures say nothing of performance, so that expectations of the
campaign may fail here, but no fault may be doubtful and no host may end otherwise than it began.
The demo ends later here than it does elsewhere: a killed node of such a machine comes back slowly.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.labs import topology
from harness.labs.lifecycle import running, vm_lab
from harness.testbed import lab_teardown
from tests.vm.needs import missing

pytestmark = [pytest.mark.vm, pytest.mark.root, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
NAME = f"rack{os.getpid()}"
HOURS_S = 5400


if reason := missing():
    pytestmark.append(pytest.mark.skip(reason=reason))


@dataclass(frozen=True)
class Office:
    """The controller's place: commands run there see the office network only."""

    lab: running.Lab
    folder: Path

    @property
    def inventory(self) -> Path:
        """Return the inventory that lab init writes."""
        return self.folder / "rack.yml"

    def slotlab(self, *words: str, status: tuple[int, ...] = (0,)) -> str:
        """Return what `slotlab words…` printed, run from the office."""
        done = subprocess.run(
            ["nsenter", f"--net={self.lab.netns}", sys.executable, "-m", "harness", *words],
            env=os.environ | {"XDG_STATE_HOME": str(self.folder / "state")},
            cwd=ROOT, capture_output=True, text=True, timeout=HOURS_S, check=False,
        )  # fmt: skip
        print(done.stdout, done.stderr)
        assert done.returncode in status, f"slotlab {' '.join(words)}: {done.returncode}"
        return done.stdout

    def foreign(self) -> tuple[str, str]:
        """Return the rules and the qdisc that the site has for itself."""
        return (
            self.on("n3", "sudo", "nft", "list", "ruleset"),
            self.on("n4", "sudo", "tc", "qdisc", "show", "dev", "eth1"),
        )

    def on(self, host: str, *words: str) -> str:
        """Return what a command printed on a host."""
        command = [*running.ssh_command(NAME, host), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        return done.stdout


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    spec = topology.load(ROOT / "inventory" / "topologies" / "rack.yml")
    made = vm_lab.up(NAME, 4, print, spec)
    try:
        yield Office(made, tmp_path_factory.mktemp("office"))
    finally:
        lab_teardown.take_down(NAME, print)


def _ending_later(path: Path) -> Path:
    """Return the shipped demo with more time behind its last fault."""
    shipped = (ROOT / "harness" / "campaigns" / "demo.yml").read_text()
    later = shipped.replace("cooldown: 20s", "cooldown: 90s")
    assert later != shipped
    path.write_text(later)
    return path


def test_five_commands_lead_from_a_list_of_hosts_to_a_report(office: Office) -> None:
    before = office.foreign()
    assert "redirect" in before[0]
    assert "fq_codel 8001:" in before[1]
    listed = office.folder / "hosts.txt"
    listed.write_text(
        "".join(f"10.77.2.{10 + n},fd77:77::{10 + n:x}  # n{n}\n" for n in range(1, 5))
    )
    key = office.lab.inventory.parent / "ssh" / "id_ed25519"
    jump = "-J lab@10.77.1.5 -o IdentitiesOnly=yes -o IdentityAgent=none -o ConnectTimeout=240"
    office.slotlab(
        "lab", "init", "-f", str(listed), "--out", str(office.inventory), "--user", "lab",
        "--key", str(key), "--ssh-args", jump, "--ntp", "10.77.2.5",
    )  # fmt: skip
    text = office.inventory.read_text()
    assert text.count("slotlab_interface: eth1") == 4
    address = "          slotlab_address: fd77:77::c\n"
    assert address in text
    filled = text.replace(address, f"          ansible_become_password: open sesame\n{address}")
    office.inventory.write_text(filled)

    office.slotlab("check", "-i", str(office.inventory))
    office.slotlab("deploy", "-i", str(office.inventory))
    runs = office.folder / "runs"
    campaign = str(_ending_later(office.folder / "demo.yml"))
    office.slotlab("run", campaign, "-i", str(office.inventory), "--runs", str(runs), status=(0, 1))
    latest = runs / "demo" / "latest"
    office.slotlab("report", str(latest), status=(0, 1))

    summary = json.loads((latest / "summary.json").read_text())
    assert summary["verdict"] in ("pass", "fail")
    assert [fault["state"] for fault in summary["faults"]] == ["installed"] * 4
    delay = next(f for f in json.loads((latest / "plan.json").read_text())["trials"][0]["faults"])
    assert (delay["fault"], delay["how"]) == ("delay", "queue")
    assert office.foreign() == before
