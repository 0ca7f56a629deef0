"""What is known of a trial while it runs: what all trials of a run share, and its own progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from faults.host.boottime import boottime_ns
from faults.model.fault import SECOND_NS
from harness.controller.console import Show
from harness.controller.interrupt import Stop
from harness.controller.store import RunFolder
from harness.errors import RunError
from harness.orchestrator.course import Course
from harness.orchestrator.fleet import DeployedHost, Fleet
from harness.orchestrator.lease_renewer import Keeper
from harness.plan.genesis import Secrets, TrialFiles
from harness.remote.agent_channel import Reply
from harness.testbed.power import Provider
from metrics.model.plan import Plan, PlannedTrial
from metrics.model.run_folder import Lead, State, Step


@dataclass(slots=True)
class HostsClock:
    """Mutable: the wall clock of the hosts, carried on by this machine's boot clock.

    T0 and all that follows from it stands on it: a step of our own wall clock moves nothing.
    """

    ahead_ns: int = 0
    """Hosts' wall clocks minus our boot clock."""

    def now_ns(self) -> int:
        """Return what time it is on the hosts."""
        return boottime_ns() + self.ahead_ns

    def read(self, asked_ns: int, replies: Mapping[str, Reply]) -> None:
        """Take the time from what agents answered to `hello`, asked at asked_ns (boot time).

        The median of them, so that it does not hang on the clock of one host.
        """
        ahead = sorted(
            int(reply.ok["wall_ns"]) - asked_ns - reply.elapsed_ns // 2
            for reply in replies.values()
            if reply.ok
        )
        if ahead:
            self.ahead_ns = ahead[len(ahead) // 2]


@dataclass(slots=True)
class Context:
    """What all trials of a run share."""

    fleet: Fleet
    clock: HostsClock
    plan: Plan
    deployed: dict[str, DeployedHost]
    folder: RunFolder
    keys: Secrets
    stop: Stop
    show: Show
    keeper: Keeper
    pace: Pace
    course: Course
    owner: str
    """Who we are to the hosts, whose lock we hold."""
    away: set[str] = field(default_factory=set)
    """Hosts that were dead when the trial at hand began: it does without them."""

    @property
    def present(self) -> list[str]:
        """Return the hosts that the trial at hand has."""
        return [host.host for host in self.plan.hosts if host.host not in self.away]


@dataclass(slots=True)
class Progress:
    """What is known of a trial so far; becomes trial.json whatever happens."""

    trial: PlannedTrial
    label: str
    """The name by which hosts know the trial."""
    started_ns: int
    files: TrialFiles | None = None
    armed: bool = False
    taken_back: bool = False
    state: State = "failed"
    reason: str = ""
    before: dict[str, Any] = field(default_factory=dict)
    boots: dict[str, str] = field(default_factory=dict)
    provider: Provider | None = None
    lead: Lead | None = None
    problems: list[str] = field(default_factory=list)

    def refuse_reboots(self, boots: Mapping[str, str]) -> None:
        """Refuse another boot than before on any host but those whose power was cut.

        Raises:
            RunError: one is.
        """
        faults = self.trial.faults
        cut = {host for each in faults if each.kind.reboots for host in each.targets}
        for host, boot in boots.items():
            if host not in cut and boot != self.boots.get(host, boot):
                raise RunError(f"{host} rebooted during the trial, which nobody asked for")

    def stopped_early(self, told: Sequence[str]) -> None:
        """Take what hosts stopped of the trial before its end, a line each: it did not end well."""
        self.problems += told
        if told and self.state == "complete":
            self.state, self.reason = "failed", told[0]


FLOOR_NS = 6 * SECOND_NS
"""Nodes look for each other and ask for the time, however fast their hosts are."""
SURVEYS = 10
"""Starting nodes and arming takes so many times as long as the survey: both start processes, one
after the other."""
READY_FLOOR_NS = 60 * SECOND_NS


@dataclass(slots=True)
class Pace:
    """Mutable: what the hosts of a run took for each step, the last time they did it.

    T0 is as far ahead as they have shown that they need, on the slowest host. The first trial knows
    only how long its hosts took to stop what was left and to show their state; every later attempt
    and trial knows how long it took to ship, start, get ready and arm.
    """

    took: dict[str, Step] = field(default_factory=dict)

    def note(self, step: str, took_ns: Mapping[str, int]) -> None:
        """Keep which host was the slowest in this step, and how long it took."""
        if took_ns:
            host = max(took_ns, key=lambda name: took_ns[name])
            self.took[step] = Step(step=step, host=host, took_ns=took_ns[host])

    def needed_ns(self) -> int:
        """Return how long it takes from shipping files to being armed, by all that is known."""
        if "ready" not in self.took:
            return SURVEYS * (self._took_ns("stop") + self._took_ns("snapshot"))
        armed_ns = self._took_ns("arm") or self._took_ns("prepare")
        return sum(map(self._took_ns, ("prepare", "start", "ready"))) + armed_ns

    def lead_ns(self) -> int:
        """Return how long from now T0 is to be: half as much again as is needed."""
        return max(FLOOR_NS, self.needed_ns() * 3 // 2)

    def ready_within_ns(self) -> int:
        """Return how long started nodes are waited for, however slow their hosts are."""
        return max(READY_FLOOR_NS, 3 * self.lead_ns())

    def steps(self) -> list[Step]:
        """Return each step's slowest host, in the order in which they were first done."""
        return list(self.took.values())

    def _took_ns(self, step: str) -> int:
        return self.took[step].took_ns if step in self.took else 0
