"""How a trial finds a T0 by which a slow lab is armed: from what its hosts took, by their clock.

Hosts are stand-ins that take their time, as each agent's replies would show it. There is no wall
clock here but theirs.
"""

from __future__ import annotations

import base64
import threading
from collections import deque
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from faults.agent.schedule import LEAD_NS
from faults.host.boottime import boottime_ns
from harness.controller.store import RunFolder
from harness.errors import RunError
from harness.notation.units import SECOND_NS
from harness.orchestrator import run, trial, trial_state
from harness.orchestrator.course import Course
from harness.orchestrator.fleet import DeployedHost, Fleet
from harness.orchestrator.trial_state import FLOOR_NS, Context, HostsClock, Pace, Progress
from harness.plan.genesis import kept_secret
from harness.remote.agent_channel import Reply
from metrics.model.run_folder import Step
from tests.unit.harness_plan.builders import planned

BOOTED_NS = 1_700_000_000 * SECOND_NS
"""When this machine was booted, by the clocks of the hosts."""


class Hosts:
    """A lab's agents: takes_s is how long an operation lasts on n3; the others are twice as fast.

    ready_s: how long after its start n3's node is ready; before, it is as `late` says.
    """

    def __init__(self, ready_s: float, late: dict[str, Any] | None = None, **takes_s: float):
        self.now_ns = 1_795_000_000 * SECOND_NS
        self.takes_s = takes_s
        self.ready_s = ready_s
        self.late = late or {"clock": {"verified": False, "reason": "no_answer"}}
        self.started_ns = 0
        self.asked: list[str] = []

    def monotonic_ns(self) -> int:
        return self.now_ns - BOOTED_NS

    def ctl(
        self, requests: Mapping[str, Mapping[str, Any]], *, timeout_s: float
    ) -> dict[str, Reply]:
        op = str(next(iter(requests.values()))["op"])
        took_ns = round(self.takes_s.get(op, 0.01) * SECOND_NS)
        self.now_ns += took_ns
        if op != "node":
            self.asked.append(op)
        if op == "start":
            self.started_ns = self.now_ns
        return {
            host: Reply(
                host=host, ok=self._ok(op, host), elapsed_ns=took_ns // (1 if host == "n3" else 2)
            )
            for host in requests
        }

    def ctl_all(self, op: str, *, timeout_s: float = 10) -> dict[str, Reply]:
        return self.ctl({f"n{n}": {"op": op} for n in range(1, 5)}, timeout_s=timeout_s)

    def wait(self, seconds: float) -> bool:
        self.now_ns += round(seconds * SECOND_NS)
        return False

    def _ok(self, op: str, host: str) -> Any:
        if op == "hello":
            return {"boot": f"boot of {host}", "wall_ns": self.now_ns}
        if op != "node":
            return {}
        peers = [{"host": f"n{n}", "state": "synced"} for n in range(1, 4)]
        status = {
            "head_num": 0, "lib_num": 0, "mempool": 0, "peers": peers, "clock": {"verified": True},
            "health": {"state": "healthy", "missed": 0, "window_slots": 9, "missed_total": 0},
        }  # fmt: skip
        if host == "n3" and self.now_ns < self.started_ns + self.ready_s * SECOND_NS:
            status |= self.late
        return {"answer": base64.b64encode(msgspec.msgpack.encode(status)).decode()}


class Lab:
    """A trial's context around such hosts."""

    def __init__(
        self, hosts: Hosts, folder: Path, monkeypatch: pytest.MonkeyPatch, more: str = ""
    ) -> None:
        self.hosts = hosts
        self.said: list[str] = []
        self.plan = planned(more=more)
        monkeypatch.setattr(trial, "time", hosts)
        for module in (trial, trial_state):
            monkeypatch.setattr(module, "boottime_ns", hosts.monotonic_ns)
        names = [host.host for host in self.plan.hosts]
        inventory = SimpleNamespace(hosts=[SimpleNamespace(name=name) for name in names])
        remote = SimpleNamespace(inventory=inventory, ctl=hosts.ctl, ctl_all=hosts.ctl_all)
        keeper = SimpleNamespace(
            news=deque(),
            attend=lambda provider: None,
            armed=lambda *_, **__: None,
            disarmed=lambda: None,
        )
        self.context = Context(
            fleet=Fleet(cast(Any, remote)),
            clock=HostsClock(),
            plan=self.plan,
            deployed={name: _deployed(name) for name in names},
            folder=RunFolder(folder),
            keys=partial(kept_secret, folder / "keys"),
            stop=cast(Any, SimpleNamespace(asked=threading.Event(), wait=hosts.wait)),
            show=cast(Any, SimpleNamespace(step=self.said.append, tick=lambda text: None)),
            keeper=cast(Any, keeper),
            pace=Pace(),
            course=Course(self.plan, self.plan.trials),
            owner="me",
        )

    def start(self) -> Progress:
        first = self.plan.trials[0]
        progress = Progress(trial=first, label="run.1", started_ns=self.hosts.now_ns)
        trial._start(self.context, first, progress)
        return progress


def _deployed(name: str) -> DeployedHost:
    return DeployedHost(
        host=name, address="192.0.2.1", interface="eth0", node_port=9000, probe_port=9001,
        state_dir="/var/lib/slotlab",
    )  # fmt: skip


def test_a_fast_lab_waits_no_longer_than_nodes_need_to_find_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(Hosts(ready_s=1, stop=0.05, snapshot=0.1, start=0.8), tmp_path, monkeypatch)
    progress = lab.start()
    assert progress.lead is not None
    assert (progress.lead.lead_ns, progress.lead.attempts) == (FLOOR_NS, 1)
    assert lab.hosts.asked == ["stop", "hello", "snapshot", "prepare", "start", "arm"]
    assert [(step.step, step.host) for step in progress.lead.steps] == [
        (name, "n3") for name in ("stop", "snapshot", "prepare", "start", "ready", "arm")
    ]
    assert len(lab.said) == 1
    assert lab.said[0].startswith("armed on 4 hosts; T0 in ")
    assert progress.files is not None
    begun_ns = progress.started_ns
    round_ns = lab.plan.round_slots * lab.plan.slot_ns
    assert begun_ns + FLOOR_NS <= progress.files.t0_ns < begun_ns + FLOOR_NS + round_ns + SECOND_NS


def test_hosts_whose_zones_are_apart_from_t0_on_are_armed_so_much_earlier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zones = "zones: {matrix: azure5.csv}"
    lab = Lab(Hosts(ready_s=1, stop=0.05, snapshot=0.1, start=0.8), tmp_path, monkeypatch, zones)
    progress = lab.start()
    assert progress.lead is not None
    assert (progress.lead.lead_ns, progress.lead.attempts) == (FLOOR_NS + LEAD_NS, 1)
    assert progress.files is not None
    assert lab.hosts.now_ns <= progress.files.t0_ns - LEAD_NS


def test_the_time_of_the_hosts_is_that_of_most_of_them_and_a_step_of_ours_is_no_part_of_it() -> (
    None
):
    clock = HostsClock()
    asked_ns = boottime_ns()
    walls_ns = {"n1": 5_000, "n2": 5_000 + 10 * SECOND_NS, "n3": 5_000}
    clock.read(
        asked_ns,
        {
            host: Reply(host=host, ok={"boot": "b", "wall_ns": wall_ns}, elapsed_ns=2_000)
            for host, wall_ns in walls_ns.items()
        }
        | {"n4": Reply(host="n4", reason="timeout", detail="no answer in time")},
    )
    assert clock.ahead_ns == 5_000 - 1_000 - asked_ns
    clock.read(asked_ns, {"n4": Reply(host="n4", reason="timeout", detail="no answer in time")})
    assert clock.ahead_ns == 5_000 - 1_000 - asked_ns, "nobody told another time"


def test_a_slow_lab_is_given_its_time_at_the_first_attempt_by_how_slow_it_looked_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Hosts(ready_s=9, stop=2, snapshot=4, prepare=3, start=14, arm=3)
    lab = Lab(slow, tmp_path, monkeypatch)
    progress = lab.start()
    assert progress.lead is not None
    assert progress.lead.attempts == 1
    assert progress.lead.lead_ns == (2 + 4) * 10 * SECOND_NS * 3 // 2


def test_a_lab_that_starts_slower_than_it_looked_is_armed_at_the_second_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(Hosts(ready_s=25, start=6, prepare=2, arm=2), tmp_path, monkeypatch)
    progress = lab.start()
    assert progress.lead is not None
    assert progress.lead.attempts == 2
    needed_ns = (2 + 6 + 25 + 2) * SECOND_NS
    assert needed_ns * 3 // 2 <= progress.lead.lead_ns < needed_ns * 3 // 2 + SECOND_NS
    assert lab.said[0].startswith("not ready for T0 (n3 was ready 25.")
    assert lab.said[1].startswith("armed on 4 hosts; T0 in ")


def test_a_lab_that_is_armed_after_t0_is_disarmed_and_armed_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(Hosts(ready_s=1, arm=20), tmp_path, monkeypatch)
    progress = lab.start()
    assert progress.lead is not None
    assert progress.lead.attempts == 2
    assert lab.hosts.asked[5:] == ["arm", "heal", "prepare", "start", "arm"]
    assert "armed 1" in lab.said[0]


@pytest.mark.parametrize(
    ("late", "says"),
    [
        ({"clock": {"verified": False, "reason": "no_answer"}},
         r"n3: its clock is not verified against NTP \(no_answer\)"),
        ({"peers": [{"host": "n1", "state": "down"}, {"host": "n2", "state": "synced"}]},
         "n3: linked to 1 of 3 peers"),
        ({"head_num": "many"}, r"n3: the node's status cannot be read: Expected `int`.*"),
    ],
)  # fmt: skip
def test_a_host_that_is_never_ready_ends_it_at_one_deadline_and_is_named_with_what_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: dict[str, Any], says: str
) -> None:
    lab = Lab(Hosts(ready_s=10_000, late=late), tmp_path, monkeypatch)
    with pytest.raises(
        RunError, match=f"^not ready 60 s after the start: {says}; the others were within 0 s$"
    ):
        lab.start()
    assert lab.hosts.asked.count("start") == 1
    assert lab.hosts.now_ns - lab.hosts.started_ns < 61 * SECOND_NS


def test_a_later_trial_knows_what_the_one_before_it_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(Hosts(ready_s=25, start=6, prepare=2, arm=2), tmp_path, monkeypatch)
    lab.start()
    again = lab.start()
    assert again.lead is not None
    assert again.lead.attempts == 1
    assert again.lead.lead_ns >= (2 + 6 + 25 + 2) * SECOND_NS * 3 // 2


def test_the_lead_is_half_as_much_again_as_the_slowest_host_took_for_each_step() -> None:
    pace = Pace()
    assert pace.lead_ns() == FLOOR_NS
    pace.note("stop", {"a": 1 * SECOND_NS, "b": 2 * SECOND_NS})
    pace.note("snapshot", {"a": 3 * SECOND_NS, "b": 1 * SECOND_NS})
    assert pace.lead_ns() == (2 + 3) * 10 * SECOND_NS * 3 // 2
    assert pace.ready_within_ns() == 3 * 75 * SECOND_NS
    for step, took_s in (("prepare", 2), ("start", 5), ("ready", 4)):
        pace.note(step, {"a": took_s * SECOND_NS, "b": 1})
    assert pace.lead_ns() == (2 + 5 + 4 + 2) * SECOND_NS * 3 // 2
    pace.note("arm", {"b": 6 * SECOND_NS})
    assert pace.lead_ns() == (2 + 5 + 4 + 6) * SECOND_NS * 3 // 2
    assert pace.steps()[:2] == [
        Step(step="stop", host="b", took_ns=2 * SECOND_NS),
        Step(step="snapshot", host="a", took_ns=3 * SECOND_NS),
    ]


def test_a_lab_that_was_lost_before_its_first_trial_is_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(Hosts(ready_s=1), tmp_path, monkeypatch)
    lab.context.keeper.lost = "n1: somebody@elsewhere:7 runs deploy until 12:00 UTC (30 s left)"
    with pytest.raises(
        RunError, match=r"^before the first trial: lost the lab: n1: somebody@elsewhere:7 runs"
    ):
        run._trials(lab.context, lab.plan.trials)
