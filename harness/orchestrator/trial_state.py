"""What is known of a trial while it runs: what all trials of a run share, and its own progress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.controller.console import Show
from harness.controller.interrupt import Stop
from harness.controller.store import RunFolder
from harness.errors import RunError
from harness.orchestrator.fleet import DeployedHost, Fleet
from harness.orchestrator.lead import Pace
from harness.orchestrator.lease_renewer import Keeper
from harness.plan.genesis import KeyFolder, TrialFiles
from harness.testbed.power import Provider
from metrics.model.plan import Plan, PlannedTrial
from metrics.model.run_folder import Lead, State


@dataclass(slots=True)
class Context:
    """What all trials of a run share."""

    fleet: Fleet
    plan: Plan
    deployed: dict[str, DeployedHost]
    folder: RunFolder
    keys: KeyFolder
    stop: Stop
    show: Show
    keeper: Keeper
    pace: Pace
    owner: str
    """Who we are to the hosts, whose lock we hold."""

    def label(self, trial: PlannedTrial) -> str:
        """Return the name by which hosts know the trial."""
        return f"{self.folder.path.name}.{trial.n}"


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
