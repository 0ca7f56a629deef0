"""Refuses a plan that moves a host's clock while somebody there sets it who cannot be held.

The agents would refuse to arm it; here it is said before anything starts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.errors import PlanError
from metrics.model.plan import Plan

Ask = Callable[[Mapping[str, Mapping[str, Any]]], Mapping[str, Any]]
"""Takes a request a host and returns the agents' answers."""


def moved(plan: Plan) -> list[str]:
    """Return the hosts whose own clock a fault of the plan moves or steers."""
    faults = (fault for trial in plan.trials for fault in trial.faults)
    moving = (fault for fault in faults if fault.asked.get("level") in ("host", "daemon"))
    return sorted({host for fault in moving for host in fault.targets})


def refuse(plan: Plan, ask: Ask) -> None:
    """Ask the hosts whose clocks the plan moves who else sets them.

    Raises:
        PlanError: one line with each such host and who sets its clock.
        RunError: an agent does not answer.
    """
    hosts = moved(plan)
    answers = ask({host: {"op": "clock_setters"} for host in hosts}) if hosts else {}
    found = [f"{host}: {'; '.join(answers[host]['others'])}" for host in hosts
             if answers[host]["others"]]  # fmt: skip
    if found:
        remedy = "stop them there, or use level: process"
        raise PlanError(f"others set the clocks that are to be moved: {', '.join(found)}; {remedy}")
