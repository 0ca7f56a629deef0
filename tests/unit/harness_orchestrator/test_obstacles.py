"""What keeps a trial from being begun: dead hosts, where the plan needs them, and full disks."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.controller.store import RunFolder
from harness.errors import RunError, StoreError
from harness.orchestrator import obstacles, run
from harness.orchestrator.obstacles import Obstacle
from harness.orchestrator.trial_state import Context
from harness.plan import refusals
from harness.remote.agent_channel import Reply
from harness.remote.fan_out import HostResult
from metrics.model.plan import Plan, PlannedTrial
from tests.unit.harness_plan.builders import planned

ON_N2 = "[{at: 20s, for: 5s, fault: clock_step, on: n2, by: 30ms}]"
CUTS_N2 = "[{at: 20s, for: 5s, fault: pause, on: n2}]"


class Lab:
    """A run's context: which of its hosts answer, and how much room each has."""

    def __init__(self, folder: Path, plan: Plan, *dead: str, free: dict[str, str] | None = None):
        self.said: list[str] = []
        self.ran: list[int] = []
        self.dead = set(dead)
        self.free = free or {}
        names = [host.host for host in plan.hosts]
        self.context = Context(
            fleet=cast(Any, SimpleNamespace(greet=self.greet, remote=self)),
            plan=plan, folder=RunFolder(folder),
            deployed=dict.fromkeys(names, cast(Any, SimpleNamespace(state_dir="/s"))),
            show=cast(Any, SimpleNamespace(step=self.said.append)),
            stop=cast(Any, SimpleNamespace(asked=SimpleNamespace(is_set=lambda: False))),
            keeper=cast(Any, SimpleNamespace(lost="")),
            course=cast(Any, SimpleNamespace(
                name=lambda trial: f"trial {trial.n}", begin=lambda _: None, end=lambda _: None
            )),
            clock=cast(Any, None), keys=cast(Any, None), pace=cast(Any, None), owner="",
        )  # fmt: skip

    def greet(self) -> dict[str, Reply]:
        gone = {"reason": "unreachable", "detail": "no route"}
        return {
            host.host: Reply(host=host.host, **gone) if host.host in self.dead
            else Reply(host=host.host, ok={"boot": "b"})
            for host in self.context.plan.hosts
        }  # fmt: skip

    def run_each(self, commands: dict[str, Any]) -> dict[str, HostResult]:
        much = str(10**12)
        return {
            host: HostResult(host=host, stdout=f"Avail\n{self.free.get(host, much)}\n", exit_code=0)
            for host in commands
        }

    def run_trial(self, context: Context, trial: PlannedTrial) -> None:
        self.ran.append(trial.n)

    def look(self) -> Obstacle | None:
        return obstacles.look(self.context, self.context.plan.trials[0])


@pytest.mark.parametrize(
    ("timeline", "away", "says"),
    [
        ("[]", {"n1"}, ""),
        (ON_N2, {"n1"}, ""),
        (ON_N2, {"n2"}, "clock_step-1 acts on n2, which is away"),
        (CUTS_N2, {"n1"}, "away+pause-1 would leave 2 hosts cut off or down, the limit is 1"),
        ("[]", {"n1", "n2"}, "away would leave 2 hosts cut off or down, the limit is 1"),
    ],
)
def test_a_plan_makes_sense_without_a_host_that_no_fault_needs(
    timeline: str, away: set[str], says: str
) -> None:
    plan = planned(timeline)
    assert plan.max_unreachable == 1, "one of four can be spared"
    assert refusals.without(plan, plan.trials[0], away) == says


def test_what_the_campaign_says_of_hosts_out_of_reach_is_what_counts() -> None:
    plan = planned(CUTS_N2, more="safety: {max_unreachable: 2}")
    assert refusals.without(plan, plan.trials[0], {"n1"}) == ""


def test_a_trial_goes_without_a_dead_host_and_with_it_when_it_is_back(tmp_path: Path) -> None:
    lab = Lab(tmp_path, planned(ON_N2), "n1")
    assert lab.look() is None
    assert (lab.context.away, lab.context.present) == ({"n1"}, ["n2", "n3", "n4"])
    assert lab.look() is None
    assert lab.said == ["n1 is away: unreachable: no route"], "it is said once"
    lab.dead.clear()
    assert lab.look() is None
    assert lab.context.away == set()


def test_more_dead_hosts_than_the_plan_allows_end_the_run(tmp_path: Path) -> None:
    lab = Lab(tmp_path, planned(), "n1", "n3")
    assert lab.look() == Obstacle(
        "n1, n3 away, safety.max_unreachable is 1; when they are back, go on with: slotlab run"
        f" --resume {tmp_path}",
        ends_run=True,
    )


def test_a_host_without_room_for_a_trial_is_named_and_one_that_does_not_tell_is_not(
    tmp_path: Path,
) -> None:
    free = {"n2": str(refusals.HOST_SPARE_BYTES), "n3": "-"}
    found = Lab(tmp_path, planned(), free=free).look()
    assert found is not None
    assert found.text.startswith("disk full: n2 has 50 MB free, needs ")
    assert found.ends_run


def test_a_full_disk_here_is_said_before_a_trial_begins_with_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 9, 1_000_000))
    with pytest.raises(StoreError, match=r"disk full: .*; go on with: slotlab run --resume"):
        Lab(tmp_path, planned()).look()


def test_trials_that_a_dead_host_spoils_are_left_out_and_the_others_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(
        '[{at: 20s, for: 5s, fault: clock_step, on: "${on}", by: 30ms}]',
        more="matrix: {on: [n1, n2]}\ntrials: {repeat: 2, order: listed}",
    )
    lab = Lab(tmp_path, plan, "n2")
    monkeypatch.setattr(run, "run_trial", lab.run_trial)
    run._trials(lab.context, plan.trials)
    assert lab.ran == [1, 2]
    left_out = "is left out: clock_step-1 acts on n2, which is away"
    assert lab.said[1:] == [f"trial 3 {left_out}", f"trial 4 {left_out}"]


def test_a_run_that_cannot_begin_its_first_trial_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(tmp_path, planned(more="trials: {repeat: 3}"), "n1", "n2")
    monkeypatch.setattr(run, "run_trial", lab.run_trial)
    with pytest.raises(RunError, match=r"^before the first trial: n1, n2 away"):
        run._trials(lab.context, lab.context.plan.trials)
    lab.dead.clear()
    ran = lab.run_trial

    def dying(context: Context, trial: PlannedTrial) -> None:
        ran(context, trial)
        lab.dead |= {"n3", "n4"} if trial.n == 2 else set()

    monkeypatch.setattr(run, "run_trial", dying)
    run._trials(lab.context, lab.context.plan.trials)
    assert lab.ran == [1, 2]
    assert lab.said[-1].startswith("no more trials: n3, n4 away")
