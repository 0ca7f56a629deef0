"""Clock faults on a machine with its own clock: what an independent watcher sees, and the way back.

One VM and the lab's time server. The watcher is a script of its own in the VM: it samples wall time
against CLOCK_MONOTONIC_RAW every few milliseconds, so nothing here is the agent's own word.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.labs.lifecycle import running, vm_lab
from harness.testbed import lab_teardown
from tests.vm.needs import missing

pytestmark = [pytest.mark.vm, pytest.mark.root, pytest.mark.slow]
NAME, HOST = "vmclock", "n1"
S, MS = 1_000_000_000, 1_000_000
PYTHON = "PYTHONPATH=/opt/slotlab/current:/opt/slotlab/current/site-packages /usr/bin/python3 -u"
SLACK_NS = 400 * MS
"""How late an emulated machine may be on a busy controller; a wall clock's step would show."""
WATCH = Path(__file__).with_name("watch_clock.py")
NODE = Path(__file__).with_name("watch_node_clock.py")


if reason := missing():
    pytestmark.append(pytest.mark.skip(reason=reason))


class Machine:
    """The VM under test, reached as an operator would."""

    @property
    def server(self) -> str:
        """Return the address of the lab's time server."""
        return str(json.loads(self.run("cat /etc/slotlab/host.json"))["ntp"][0])

    def run(self, command: str, text: str = "", timeout_s: float = 300) -> str:
        words = [*running.ssh_command(NAME, HOST), command]
        done = subprocess.run(
            words, input=text, capture_output=True, text=True, timeout=timeout_s, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def begin(self, command: str, script: Path) -> subprocess.Popen[str]:
        words = [*running.ssh_command(NAME, HOST), command]
        with script.open() as text:
            return subprocess.Popen(words, stdin=text, stdout=subprocess.PIPE, text=True)

    def ask(self, op: str, **arguments: object) -> dict[str, Any]:
        request = {"v": 1, "id": 1, "op": op, "owner": "test", **arguments}
        out = self.run(f"{PYTHON} -m faults ctl", json.dumps(request) + "\n")
        reply = json.loads(out.splitlines()[-1])
        assert "ok" in reply, reply
        return dict(reply["ok"])

    def arm(self, *faults: dict[str, object], lead_s: int = 20) -> dict[str, Any]:
        self.ask("prepare", trial="t", files={})
        t0_ns = self.ask("hello")["wall_ns"] + lead_s * S
        return self.ask("arm", trial="t", t0_wall_ns=t0_ns, lease_ns=300 * S, faults=list(faults))

    def finished(self, timeout_s: float = 240) -> dict[str, dict[str, dict[str, Any]]]:
        """Return the records by fault and state, once every fault has ended."""
        deadline = time.monotonic() + timeout_s
        ended = ("healed", "failed", "skipped")
        while not all(each["state"] in ended for each in self.ask("status")["faults"]):
            assert time.monotonic() < deadline, self.ask("status")
            time.sleep(1)
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for line in self.ask("journal")["lines"]:
            record = json.loads(line)
            found.setdefault(record["fault"], {})[record["state"]] = record
        return found

    def reachable(self) -> bool:
        """Return whether the agent answers."""
        words = [*running.ssh_command(NAME, HOST), "test -S /run/slotlab/agent.sock"]
        return subprocess.run(words, check=False, timeout=60).returncode == 0

    def in_sync(self) -> None:
        self.run("chronyc waitsync 90 0.005 0 1 > /dev/null", timeout_s=200)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Yield a VM with the agent deployed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("labs")))
        made = vm_lab.up(vm_lab.VmSpec(name=NAME, hosts=1), print)
        try:
            words = (sys.executable, "-m", "harness", "deploy", "-i", str(made.inventory))
            subprocess.run(words, check=True, timeout=600)
            yield Machine()
        finally:
            lab_teardown.take_down(NAME, print)


def host(kind: str, at_s: int, for_s: int, **asked: object) -> dict[str, object]:
    return {"id": kind, "fault": kind, "at_ns": at_s * S, "for_ns": for_s * S, **asked}


class Watched:
    """What the watcher saw, with times since T0."""

    def __init__(self, watcher: subprocess.Popen[str], t0_boottime_ns: int) -> None:
        out, _ = watcher.communicate(timeout=300)
        assert watcher.returncode == 0
        self.points = [(boot - t0_boottime_ns, raw, apart) for boot, raw, apart in json.loads(out)]

    def jumps(self, more_than_ns: int) -> list[tuple[int, int]]:
        """Return when (T0) wall time moved against the raw clock by that much, and by how much."""
        return [
            (second[0], second[2] - first[2])
            for first, second in itertools.pairwise(self.points)
            if abs(second[2] - first[2]) > more_than_ns
        ]

    def ppm(self, from_ns: int, to_ns: int) -> float:
        """Return the mean rate of wall time against the raw clock between two moments."""
        within = [point for point in self.points if from_ns <= point[0] <= to_ns]
        return (within[-1][2] - within[0][2]) / (within[-1][1] - within[0][1]) * 1e6

    def apart_ns(self, at_ns: int) -> int:
        """Return wall minus raw at a moment."""
        return [point[2] for point in self.points if point[0] <= at_ns][-1]


def test_a_step_and_a_drift_are_what_was_asked_start_on_time_and_leave_nothing(
    machine: Machine,
) -> None:
    machine.in_sync()
    before = machine.ask("snapshot")
    cut = host("partition", 9, 3, blocked_in=[machine.server], blocked_out=[], node_port=9000)
    watcher = machine.begin("sudo python3 - 95", WATCH)
    armed = machine.arm(
        host("clock_step", 5, 10, by_ns=500 * MS, level="host"),
        cut,
        host("clock_drift", 30, 20, by_ppb=200_000, level="host"),
    )
    found = machine.finished()
    seen = Watched(watcher, armed["t0_boottime_ns"])
    (begun_ns, by_ns), (ended_ns, back_ns) = seen.jumps(100 * MS)
    assert 5 * S <= begun_ns < 5 * S + SLACK_NS
    assert 15 * S - 50 * MS <= ended_ns < 16 * S
    assert abs(by_ns - 500 * MS) < MS
    assert abs(back_ns + 500 * MS) < MS
    started_ns = found["partition"]["applied"]["between_ns"][0]
    assert 9 * S <= started_ns < 9 * S + SLACK_NS
    slope_ppm = seen.ppm(33 * S, 49 * S) - seen.ppm(28 * S, 30 * S)
    assert abs(slope_ppm - 200) < 5
    measured = found["clock_drift"]["healed"]["read_back"]
    assert abs(measured["drift_ppb"] - 200_000) < 5_000
    assert abs(seen.apart_ns(51 * S) - seen.apart_ns(29 * S)) < 2 * MS
    step = found["clock_step"]
    assert abs(step["installed"]["read_back"]["step_ns"] - 500 * MS) < MS
    assert step["healed"]["read_back"]["ntp_after"]["verified"]
    machine.in_sync()
    assert machine.ask("snapshot") == before


def test_when_the_agent_hangs_the_shell_alone_restores_clock_and_daemon(machine: Machine) -> None:
    machine.in_sync()
    watcher = machine.begin("sudo python3 - 60 stop-agent", WATCH)
    armed = machine.arm(host("clock_step", 5, 10, by_ns=-700 * MS, level="host"))
    try:
        seen = Watched(watcher, armed["t0_boottime_ns"])
        (_, by_ns), (ended_ns, back_ns) = seen.jumps(100 * MS)
        assert abs(by_ns + 700 * MS) < MS
        assert 15 * S <= ended_ns < 16 * S + SLACK_NS
        assert abs(back_ns - 700 * MS) < 30 * MS
        assert machine.run("systemctl is-active chrony").strip() == "active"
    finally:
        machine.run("sudo systemctl kill --signal=SIGCONT slotlab-agent")
    machine.finished()
    machine.in_sync()


def test_the_node_notices_a_step_at_once_and_abstains_until_its_clock_is_right(
    machine: Machine,
) -> None:
    machine.in_sync()
    node = machine.begin(f"{PYTHON} - 60 {machine.server}", NODE)
    armed = machine.arm(host("clock_step", 5, 10, by_ns=500 * MS, level="host"))
    out, _ = node.communicate(timeout=300)
    found = machine.finished()["clock_step"]
    t0_ns = armed["t0_boottime_ns"]
    told = json.loads(out)
    verdicts = [(boot_ns - t0_ns, reason) for boot_ns, reason in told["verdicts"]]
    around = [reason for t_ns, reason in verdicts if t_ns > 4 * S]
    assert around[:1] == ["clock_stepped"]
    assert "clock_offset" in around
    assert around[-1] == ""
    for state in ("applied", "healed"):
        moved_ns = found[state]["between_ns"][0]
        noticed = [t for t, reason in verdicts if reason == "clock_stepped" and t >= moved_ns]
        assert noticed, (state, verdicts)
        assert noticed[0] < found[state]["between_ns"][1] + SLACK_NS
    due = [due_ns for _, due_ns in told["slots"]]
    assert len(due) == len(set(due)) + sum(b <= a for a, b in itertools.pairwise(due))
    gaps_ns = [b[0] - a[0] for a, b in itertools.pairwise(told["slots"])]
    assert max(gaps_ns) < 1.5 * S


def test_a_lying_server_carries_chrony_along_and_it_comes_back(machine: Machine) -> None:
    machine.in_sync()
    before = machine.ask("snapshot")
    watcher = machine.begin("sudo python3 - 60", WATCH)
    armed = machine.arm(
        host("ntp_offset", 5, 25, by_ns=300 * MS, servers=[machine.server]),
        host("ntp_cut", 45, 8, servers=[machine.server]),
    )
    found = machine.finished()
    seen = Watched(watcher, armed["t0_boottime_ns"])
    lie = found["ntp_offset"]
    assert abs(lie["installed"]["read_back"]["ntp_offset_ns"] - 300 * MS) < 5 * MS
    assert lie["healed"]["read_back"]["relay"][machine.server]["answered"] >= 4
    assert abs(seen.apart_ns(29 * S) - seen.apart_ns(0)) > 50 * MS
    assert found["ntp_cut"]["healed"]["read_back"]["dropped"]["input"] >= 1
    machine.in_sync()
    assert machine.ask("snapshot") == before


def test_chrony_itself_steers_the_host_to_the_wrong_time_and_back(machine: Machine) -> None:
    machine.in_sync()
    watcher = machine.begin("sudo python3 - 80", WATCH)
    armed = machine.arm(host("clock_step", 5, 35, by_ns=80 * MS, level="daemon"))
    found = machine.finished()["clock_step"]
    seen = Watched(watcher, armed["t0_boottime_ns"])
    base_ns = seen.apart_ns(0)
    assert abs(seen.apart_ns(39 * S) - base_ns - 80 * MS) < 20 * MS
    assert found["healed"]["between_ns"][1] < 41 * S
    assert abs(seen.apart_ns(41 * S) - base_ns) < 20 * MS
    machine.in_sync()
    assert machine.run("chronyc -c -n sources").count(machine.server) == 1


def test_a_reboot_in_the_middle_leaves_a_right_clock_and_nothing_to_undo(machine: Machine) -> None:
    machine.in_sync()
    machine.arm(host("clock_step", 1, 200, by_ns=30 * S, level="host"))
    deadline = time.monotonic() + 60
    while machine.ask("status")["faults"][0]["state"] != "applied":
        assert time.monotonic() < deadline
        time.sleep(0.5)
    running.reboot(NAME, HOST)
    deadline = time.monotonic() + 180
    while not machine.reachable():
        assert time.monotonic() < deadline
        time.sleep(1)
    machine.in_sync()
    assert machine.ask("status")["ledger"] == []
    assert machine.run("ls /run/slotlab").split() == ["agent.sock", "skew"]
