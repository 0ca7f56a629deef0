"""A lab on which an earlier campaign is left: a new run is refused in a line, stop ends it."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from harness.errors import LockError
from harness.orchestrator import stopping
from harness.testbed import armed_hosts, lock
from harness.testbed.armed_hosts import HostState
from tests.unit.harness_remote.scripted_hosts import IDLE, scripted

MINUTE_NS = 60_000_000_000
TRIAL = "20261129T092505Z-117ab1.1"
ARMED: dict[str, Any] = {
    "trial": TRIAL,
    "faults": [{"id": "cut", "state": "applied"}, {"id": "slow", "state": "healed"}],
    "lease_left_ns": MINUTE_NS,
    "ledger": [],
    "running": {"trial": TRIAL, "units": ["node", "probe"], "left_ns": 2 * MINUTE_NS},
}


def held_by(owner: str) -> dict[str, Any]:
    return {"lock": {"owner": owner, "purpose": "campaign x", "left_ns": MINUTE_NS}}


def dead_owner() -> str:
    with subprocess.Popen(["sleep", "60"]) as process:
        owner = lock.owner(process.pid)
        process.kill()
    return owner


def test_a_lab_that_a_dead_controller_left_is_one_line_and_nothing_is_touched(
    tmp_path: Path,
) -> None:
    owner = dead_owner()
    with scripted(tmp_path, "n1", "n2") as (remote, hosts):
        for host in hosts.values():
            host.says(hello=held_by(owner), status=ARMED)
        states = armed_hosts.look(remote)
        with pytest.raises(LockError) as caught:
            armed_hosts.refuse(states, "rack.yml")
        assert {op for host in hosts.values() for op in host.ops()} == {"hello", "status"}
    said = str(caught.value)
    first, _, rest = said.partition(" until ")
    assert first == (
        f"this lab is armed: trial {TRIAL} of {owner}, which is gone, has node, probe running and"
        " cut armed on n1, n2"
    )
    _, _, remedy = rest.partition("; ")
    assert remedy == (
        "wait, or end it with `slotlab stop -i rack.yml`; then `slotlab collect -i rack.yml`"
        " fetches what it left"
    )
    ends = time.strptime(rest.partition(" UTC; ")[0], "%Y-%m-%d %H:%M:%S")
    assert ends.tm_year == time.gmtime(time.time() + 120).tm_year


def test_what_is_armed_on_several_hosts_is_told_once_each() -> None:
    states = {
        "n1": HostState(trial=TRIAL, left_ns=MINUTE_NS, units=("node", "probe"), faults=("cut",)),
        "n2": HostState(trial=TRIAL, left_ns=MINUTE_NS, units=("node",), faults=("cut", "slow")),
    }
    with pytest.raises(LockError, match="has node, probe running and cut, slow armed on n1, n2"):
        armed_hosts.refuse(states, "rack.yml")


@pytest.mark.parametrize("left", ["units", "faults"])
def test_what_runs_and_what_is_armed_each_stand_in_the_way(left: str) -> None:
    state = HostState(
        trial=TRIAL, left_ns=MINUTE_NS,
        units=("node",) if left == "units" else (), faults=("cut",) if left == "faults" else (),
    )  # fmt: skip
    word = "node running" if left == "units" else "cut armed"
    with pytest.raises(LockError) as caught:
        armed_hosts.refuse({"n1": HostState(), "n2": state}, "rack.yml")
    assert f"of an owner whose lock has ended has {word} on n2 until " in str(caught.value)


def test_a_trial_that_is_over_or_whose_owner_may_live_is_not_refused_here() -> None:
    armed_hosts.refuse(
        {"n1": HostState(trial=TRIAL), "n2": HostState(problem="timeout")}, "rack.yml"
    )
    living = HostState(owner="ann@desk:7", trial=TRIAL, units=("node",), left_ns=MINUTE_NS)
    armed_hosts.refuse({"n1": living}, "rack.yml")


@pytest.mark.parametrize(
    "answer", [[], 7, {"trial": 7}, {**IDLE, "faults": [{}]}, {**IDLE, "running": "yes"}]
)
def test_an_answer_of_another_shape_is_one_problem_of_one_host(
    answer: object, tmp_path: Path
) -> None:
    with scripted(tmp_path, "n1", "n2") as (remote, hosts):
        hosts["n1"].says(status=answer)
        hosts["n2"].says(status=ARMED)
        states = armed_hosts.look(remote)
    assert "\n" not in states["n1"].problem
    assert states["n1"].problem.startswith("its agent's answer cannot be read: ")
    assert (states["n2"].units, states["n2"].faults) == (("node", "probe"), ("cut",))


def test_stop_ends_what_a_dead_controller_left_and_says_what_on_each_host(tmp_path: Path) -> None:
    owner = dead_owner()
    with scripted(tmp_path, "n1", "n2", "n3") as (remote, hosts):
        hosts["n1"].says(hello=held_by(owner), status=ARMED, heal={"healed": ["cut"]})
        hosts["n3"].refuses("stop", "unit_failed", "slotlab-node.service: timeout")
        outcome = stopping.stop(remote, stopping.seize(remote, force=False))
        asked = hosts["n1"].asked()
    assert outcome["n1"] == (
        True,
        f"stopped node, probe of trial {TRIAL}; disarmed cut; healed cut; freed from {owner}"
        " (campaign x)",
    )
    assert outcome["n2"] == (True, "nothing left")
    done, said = outcome["n3"]
    assert not done
    assert said.startswith("nodes not stopped: agent: unit_failed: slotlab-node.service: timeout;")
    ops = [request["op"] for request in asked]
    assert ops[-4:] == ["lock", "heal", "stop", "unlock"]
    assert asked[-2]["units"] == ["node", "probe", "client"]


def test_stop_leaves_a_lab_alone_whose_owner_may_live_and_force_ends_it(tmp_path: Path) -> None:
    alive = lock.owner(os.getppid())
    with scripted(tmp_path, "n1", "n2") as (remote, hosts):
        for host in hosts.values():
            host.says(hello=held_by(alive), status=ARMED)
            host.refuses("lock", "locked", f"{alive} runs campaign x until 12:00 UTC (60 s left)")
        with pytest.raises(LockError) as caught:
            stopping.seize(remote, force=False)
        assert str(caught.value) == (
            f"this lab is busy: n1: {alive} runs campaign x until 12:00 UTC (60 s left); wait, or"
            " `slotlab stop --force`"
        )
        assert {op for host in hosts.values() for op in host.ops()} <= {
            "hello", "status", "lock", "unlock",
        }  # fmt: skip
        assert all(
            request.get("owner") != alive for host in hosts.values() for request in host.asked()
        )
        with pytest.raises(LockError):  # these never give it up
            stopping.seize(remote, force=True)
        freed = [request for request in hosts["n2"].asked() if request.get("owner") == alive]
    assert [request["op"] for request in freed] == ["unlock"]


def test_the_lock_of_an_owner_that_may_live_runs_out_so_that_it_hears_of_it(tmp_path: Path) -> None:
    with scripted(tmp_path, "n1") as (remote, hosts):
        hosts["n1"].says(hello=held_by("ann@desk:7"), status=ARMED)
        seized = stopping.seize(remote, force=True)
        stopping.stop(remote, seized)
        assert hosts["n1"].ops()[-2:] == ["heal", "stop"]


def test_a_host_without_its_agent_and_sudo_is_one_line_and_the_others_end(tmp_path: Path) -> None:
    with scripted(tmp_path, "n1", "n2") as (remote, hosts):
        (hosts["n1"].folder / "answers.json").unlink()
        hosts["n2"].says(status=ARMED)
        outcome = stopping.stop(remote, stopping.seize(remote, force=False))
    done, said = outcome["n1"]
    assert not done
    assert "\n" not in said
    assert "no sudo here" in said
    assert outcome["n2"] == (True, f"stopped node, probe of trial {TRIAL}; disarmed cut")
