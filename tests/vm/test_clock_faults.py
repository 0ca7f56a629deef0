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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.labs.lifecycle import running, vm_lab
from harness.testbed import lab_teardown
from tests import plugs
from tests.vm.needs import missing

pytestmark = [pytest.mark.vm, pytest.mark.root, pytest.mark.slow]
NAME, HOST = "vmclock", "n1"
S, MS = 1_000_000_000, 1_000_000
LEAD_NS = 20 * S
PYTHON = "PYTHONPATH=/opt/slotlab/current:/opt/slotlab/current/site-packages /usr/bin/python3 -u"
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

    def begin(
        self, python: str, script: Path, armed: dict[str, Any], until_s: int, *words: str
    ) -> subprocess.Popen[str]:
        """Start a script that runs until so many seconds after T0."""
        until_ns = armed["t0_boottime_ns"] + until_s * S
        command = " ".join((python, "-", str(until_ns), *words))
        login = running.ssh_command(NAME, HOST)
        with script.open() as text:
            return subprocess.Popen(
                [*login, command], stdin=text, stdout=subprocess.PIPE, text=True
            )

    def ask(self, op: str, **arguments: object) -> dict[str, Any]:
        request = {"v": 1, "id": 1, "op": op, "owner": "test", **arguments}
        out = self.run(f"{PYTHON} -m faults ctl", json.dumps(request) + "\n")
        reply = json.loads(out.splitlines()[-1])
        assert "ok" in reply, reply
        return dict(reply["ok"])

    def arm(self, *faults: dict[str, object]) -> dict[str, Any]:
        """Arm with T0 as far ahead as arming and starting a watcher take on this host."""
        begun_ns = time.monotonic_ns()
        self.ask("prepare", trial="t", files={})
        wall_ns = self.ask("hello")["wall_ns"]
        t0_ns = wall_ns + max(LEAD_NS, 3 * (time.monotonic_ns() - begun_ns))
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
        made = vm_lab.up(NAME, 1, print)
        try:
            words = (sys.executable, "-m", "harness", "deploy", "-i", str(made.inventory))
            subprocess.run(words, check=True, timeout=600)
            yield Machine()
        finally:
            lab_teardown.take_down(NAME, print)


def host(kind: str, at_s: int, for_s: int, **asked: object) -> dict[str, object]:
    return {"id": kind, "fault": kind, "at_ns": at_s * S, "for_ns": for_s * S, **asked}


@dataclass(frozen=True)
class Jump:
    """A move of the wall clock between two samples, in ns since T0."""

    before_ns: int
    after_ns: int
    by_ns: int
    error_ns: int

    def within(self, between_ns: list[int]) -> bool:
        """Return whether it may have happened when the agent says that it acted."""
        return self.before_ns <= between_ns[1] and between_ns[0] <= self.after_ns

    def is_by(self, asked_ns: int) -> bool:
        """Return whether it is as asked, to within a millisecond and the samples' errors."""
        return abs(self.by_ns - asked_ns) < MS + self.error_ns


class Watched:
    """What the watcher saw, with times since T0."""

    def __init__(self, watcher: subprocess.Popen[str], armed: dict[str, Any]) -> None:
        out, _ = watcher.communicate(timeout=300)
        assert watcher.returncode == 0
        self.points = [(boot - armed["t0_boottime_ns"], *rest) for boot, *rest in json.loads(out)]

    def jumps(self, more_than_ns: int) -> list[Jump]:
        """Return each move of wall time against the raw clock by more than that."""
        return [
            Jump(a[0], b[0], b[2] - a[2], a[3] + b[3])
            for a, b in itertools.pairwise(self.points)
            if abs(b[2] - a[2]) > more_than_ns
        ]

    def ppb(self, from_ns: int, to_ns: int) -> tuple[float, float]:
        """Return the mean rate of wall time against the raw clock, and the error of that."""
        first, *_, last = (point for point in self.points if from_ns <= point[0] <= to_ns)
        lasted_s = (last[1] - first[1]) / S
        return (last[2] - first[2]) / lasted_s, (last[3] + first[3]) / lasted_s

    def apart_ns(self, at_ns: int) -> int:
        """Return wall minus raw at a moment."""
        return [point[2] for point in self.points if point[0] <= at_ns][-1]


def test_a_step_and_a_drift_are_what_was_asked_when_it_was_and_leave_nothing(
    machine: Machine,
) -> None:
    machine.in_sync()
    before = machine.ask("snapshot")
    cut = host("partition", 9, 3, blocked_in=[machine.server], blocked_out=[], node_port=9000)
    armed = machine.arm(
        host("clock_step", 5, 10, by_ns=500 * MS, level="host"),
        cut,
        host("clock_drift", 30, 20, by_ppb=200_000, level="host"),
    )
    watcher = machine.begin("sudo python3", WATCH, armed, 60)
    found = machine.finished()
    seen = Watched(watcher, armed)
    begun, ended = seen.jumps(100 * MS)
    step, drift = found["clock_step"], found["clock_drift"]
    assert (begun.is_by(500 * MS), ended.is_by(-500 * MS)) == (True, True), (begun, ended)
    assert begun.within(step["applied"]["between_ns"])
    assert ended.within(step["healed"]["between_ns"])
    assert 5 * S <= begun.after_ns < 15 * S <= ended.after_ns
    started_ns = found["partition"]["applied"]["between_ns"][0]
    assert started_ns >= 9 * S, "by the wall clock it would have begun 500 ms early"
    in_force = drift["applied"]["between_ns"][1], drift["healed"]["between_ns"][0]
    rate, error = seen.ppb(*in_force)
    set_ppb = drift["installed"]["read_back"]["freq_before_ppb"]
    assert abs(rate - set_ppb - 200_000) < 1_000 + error
    measured = drift["healed"]["read_back"]
    assert abs(measured["drift_ppb"] - 200_000) < 1_000 + measured["drift_error_ppb"]
    assert abs(seen.apart_ns(51 * S) - seen.apart_ns(29 * S)) < 2 * MS
    assert abs(step["installed"]["read_back"]["step_ns"] - 500 * MS) < MS
    assert step["healed"]["read_back"]["ntp_after"]["verified"]
    machine.in_sync()
    assert machine.ask("snapshot") == before


def test_when_the_agent_hangs_the_shell_alone_restores_clock_and_daemon(machine: Machine) -> None:
    machine.in_sync()
    armed = machine.arm(host("clock_step", 5, 10, by_ns=-700 * MS, level="host"))
    watcher = machine.begin("sudo python3", WATCH, armed, 40, "stop-agent")
    try:
        seen = Watched(watcher, armed)
        begun, ended = seen.jumps(100 * MS)
        assert (begun.is_by(-700 * MS), ended.is_by(700 * MS)) == (True, True), (begun, ended)
        assert ended.after_ns >= 15 * S
        assert machine.run("systemctl is-active chrony").strip() == "active"
    finally:
        machine.run("sudo systemctl kill --signal=SIGCONT slotlab-agent")
    machine.finished()
    machine.in_sync()


def test_the_node_notices_a_step_at_once_and_abstains_until_its_clock_is_right(
    machine: Machine,
) -> None:
    machine.in_sync()
    server = machine.server
    armed = machine.arm(host("clock_step", 5, 10, by_ns=500 * MS, level="host"))
    node = machine.begin(PYTHON, NODE, armed, 45, server)
    out, _ = node.communicate(timeout=300)
    found = machine.finished()["clock_step"]
    t0_ns = armed["t0_boottime_ns"]
    told = json.loads(out)
    verdicts = [(boot_ns - t0_ns, reason) for boot_ns, reason in told["verdicts"]]
    around = [reason for t_ns, reason in verdicts if t_ns > 4 * S]
    assert around[:1] == ["clock_stepped"]
    assert "clock_offset" in around
    assert around[-1] == ""
    slots = [(boot_ns - t0_ns, due_ns) for boot_ns, due_ns in told["slots"]]
    for state in ("applied", "healed"):
        first_ns, last_ns = found[state]["between_ns"]
        noticed = [t for t, reason in verdicts if reason == "clock_stepped" and t >= first_ns]
        assert noticed, (state, verdicts)
        unaware = [t for t, _ in slots if last_ns < t < noticed[0]]
        assert unaware == [], "a slot came between the step and its notice"
    due = [due_ns for _, due_ns in slots]
    assert len(due) == len(set(due)) + sum(b <= a for a, b in itertools.pairwise(due))
    right_ns = verdicts[-1][0]
    assert [t for t, _ in slots if t > right_ns], "no slot came once the clock was right"


def test_a_lying_server_carries_chrony_along_and_it_comes_back(machine: Machine) -> None:
    machine.in_sync()
    before = machine.ask("snapshot")
    armed = machine.arm(
        host("ntp_offset", 5, 25, by_ns=300 * MS, servers=[machine.server]),
        host("ntp_cut", 45, 8, servers=[machine.server]),
    )
    watcher = machine.begin("sudo python3", WATCH, armed, 60)
    found = machine.finished()
    seen = Watched(watcher, armed)
    lie = found["ntp_offset"]
    (asked,) = lie["installed"]["read_back"]["servers"].values()
    assert abs(asked["ntp_offset_ns"] - 300 * MS) < 2 * MS + asked["bound_ns"]
    assert lie["healed"]["read_back"]["relay"][machine.server]["answered"] >= 4
    assert abs(seen.apart_ns(29 * S) - seen.apart_ns(0)) > 50 * MS
    assert found["ntp_cut"]["healed"]["read_back"]["dropped"]["input"] >= 1
    machine.in_sync()
    assert machine.ask("snapshot") == before


def test_chrony_itself_steers_the_host_to_the_wrong_time_and_back(machine: Machine) -> None:
    machine.in_sync()
    armed = machine.arm(host("clock_step", 5, 35, by_ns=80 * MS, level="daemon"))
    watcher = machine.begin("sudo python3", WATCH, armed, 60)
    found = machine.finished()["clock_step"]
    seen = Watched(watcher, armed)
    base_ns = seen.apart_ns(0)
    assert abs(seen.apart_ns(39 * S) - base_ns - 80 * MS) < 20 * MS
    assert found["healed"]["between_ns"][0] >= 40 * S
    healed_ns = found["healed"]["between_ns"][1]
    assert abs(seen.apart_ns(healed_ns + S) - base_ns) < 20 * MS
    machine.in_sync()
    assert machine.run("chronyc -c -n sources").count(machine.server) == 1


def test_a_reboot_in_the_middle_leaves_a_right_clock_and_nothing_to_undo(machine: Machine) -> None:
    machine.in_sync()
    machine.arm(host("clock_step", 1, 200, by_ns=30 * S, level="host"))
    deadline = time.monotonic() + 60
    while machine.ask("status")["faults"][0]["state"] != "applied":
        assert time.monotonic() < deadline
        time.sleep(0.5)
    plugs.reboot(NAME, HOST)
    deadline = time.monotonic() + 180
    while not machine.reachable():
        assert time.monotonic() < deadline
        time.sleep(1)
    machine.in_sync()
    assert machine.ask("status")["ledger"] == []
    assert machine.run("ls /run/slotlab").split() == ["agent.sock", "skew"]
