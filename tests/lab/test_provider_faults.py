"""Hosts come back by their provider's agent although the controller that cut them off is dead."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.host.layout import layout
from harness.inventory import inventory
from harness.labs.lifecycle import power as plugs
from harness.labs.lifecycle import running
from harness.testbed import power
from tests.lab.bench import MARKS, ROOT, Bench, bench, wait_for

pytestmark = [*MARKS, pytest.mark.long]

S = 1_000_000_000
FOR_S = 15
STARTER = """
import json, sys, time
from harness.testbed import power
from harness.inventory import inventory
provider = power.start(inventory.load(sys.argv[1]))
provider.prepare("t")
wires = [dict(each, at_ns=1_000_000_000) for each in json.loads(sys.argv[2])]
armed = provider.arm("t", wires, t0_wall_ns=time.time_ns(), lease_ns=900_000_000_000)
print(armed.t0_boottime_ns, flush=True)
time.sleep(3600)
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Bench]:
    with bench("plug", hosts=2) as made:
        yield made


def start(lab: Bench, *wires: dict[str, object]) -> tuple[subprocess.Popen[str], float]:
    """Return a controller that has armed the faults, and their deadline on CLOCK_BOOTTIME."""
    words = (sys.executable, "-c", STARTER, str(lab.inventory), json.dumps(wires))
    starter = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    line = starter.stdout.readline()
    return starter, int(line) / S + 1 + FOR_S


def end(starter: subprocess.Popen[str]) -> None:
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    assert starter.stdout is not None
    starter.stdout.close()


def wire(fault: str, host: str) -> dict[str, object]:
    return {"id": f"{fault}.{host}", "fault": fault, "for_ns": FOR_S * S, "host": host}


def boottime_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def answers(lab: Bench, host: str) -> bool:
    words = [*running.ssh_command(lab.name, host), "true"]
    index = words.index("ssh") + 1
    words[index:index] = ["-o", "ConnectTimeout=1"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def records(lab: Bench) -> list[dict[str, object]]:
    folder = power.folder_of(inventory.load(lab.inventory))
    return [json.loads(line) for line in layout(folder).journal_file.read_text().splitlines()]


def test_a_host_whose_power_was_cut_is_back_though_the_controller_was_killed(lab: Bench) -> None:
    boot = lab.on("n1", "cat", "/proc/1/stat").stdout
    starter, deadline_s = start(lab, wire("power_cut", "n1"))
    wait_for("n1 is off", lambda: plugs.run(lab.name, "n1", "state") == "off")
    end(starter)
    assert answers(lab, "n2")
    wait_for("n1 is on", lambda: plugs.run(lab.name, "n1", "state") == "on")
    assert boottime_s() > deadline_s - 0.1
    wait_for("n1 answers", lambda: answers(lab, "n1"))
    assert lab.on("n1", "cat", "/proc/1/stat").stdout != boot
    wait_for("healed", lambda: records(lab)[-1]["state"] == "healed")
    states = [each["state"] for each in records(lab) if each["fault"] == "power_cut.n1"]
    assert states == ["armed", "applied", "installed", "healed"]


def test_a_frozen_host_and_a_pulled_cable_are_given_back_too(lab: Bench) -> None:
    starter, deadline_s = start(lab, wire("freeze_host", "n1"), wire("link_down", "n2"))
    for host, state in (("n1", "frozen"), ("n2", "link_down")):
        wait_for(state, lambda h=host, s=state: plugs.run(lab.name, h, "state") == s)
        assert not answers(lab, host)
    end(starter)
    for host in ("n1", "n2"):
        wait_for("given back", lambda h=host: plugs.run(lab.name, h, "state") == "on")
        assert boottime_s() > deadline_s - 0.1
        wait_for("answers", lambda h=host: answers(lab, h))


def test_slotlab_heal_switches_a_host_on_from_the_providers_ledger(
    lab: Bench, tmp_path: Path
) -> None:
    starter, _ = start(lab, {**wire("power_cut", "n1"), "for_ns": 800 * S})
    wait_for("n1 is off", lambda: plugs.run(lab.name, "n1", "state") == "off")
    end(starter)
    clean, healed = power.heal(inventory.load(lab.inventory))
    assert (clean, healed) == (True, ["power_cut.n1"])
    wait_for("n1 answers", lambda: answers(lab, "n1"))
    assert power.heal(inventory.load(lab.inventory)) == (True, [])
