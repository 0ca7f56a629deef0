"""What may keep the next trial of a run from being begun: full disks, hosts that do not answer.

A host that died is left out where the plan still makes sense without it: no fault acts on it, and
never are more hosts away at once than `safety.max_unreachable` allows.
"""

from dataclasses import dataclass

from harness.controller import store
from harness.errors import StoreError
from harness.orchestrator.job import how_to_go_on
from harness.orchestrator.trial_state import Context
from harness.plan import refusals
from metrics.model.plan import Plan, PlannedTrial


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a trial is not begun, and whether none of those after it would be either."""

    text: str
    ends_run: bool


def check_space(folder: store.RunFolder, plan: Plan) -> None:
    """Refuse to begin a trial without room for it in the run's folder.

    Raises:
        StoreError: there is none; what was collected is kept.
    """
    try:
        store.check_space(folder.path, plan.estimate.raw_bytes // len(plan.trials))
    except StoreError as error:
        raise StoreError(f"{error}; {how_to_go_on(folder.path)}") from error


def look(context: Context, trial: PlannedTrial) -> Obstacle | None:
    """Return what is in a trial's way, None where nothing is; who is away now is noted.

    Raises:
        StoreError: there is no room for what would be collected.
    """
    check_space(context.folder, context.plan)
    greetings = context.fleet.greet()
    away = {host: reply.problem for host, reply in greetings.items() if reply.ok is None}
    for host in sorted(away.keys() - context.away):
        context.show.step(f"{host} is away: {away[host]}")
    context.away = set(away)
    limit = context.plan.max_unreachable
    if len(away) > limit:
        who = f"{', '.join(sorted(away))} away, safety.max_unreachable is {limit}"
        return Obstacle(f"{who}; when they are back, {how_to_go_on(context.folder.path)}", True)
    if away and (problem := refusals.without(context.plan, trial, context.away)):
        return Obstacle(problem, False)
    if full := _full(context):
        return Obstacle(f"{full}; make room, then {how_to_go_on(context.folder.path)}", True)
    return None


def _full(context: Context) -> str:
    """Return which hosts have too little room for a trial, "" where none is known to."""
    need = refusals.trial_bytes(context.plan)
    commands = {
        host: ("df", "--output=avail", "--block-size=1", context.deployed[host].state_dir)
        for host in context.present
    }
    found = []
    for host, result in context.fleet.remote.run_each(commands).items():
        (free,) = result.stdout.split()[-1:] or [""]
        if free.isdecimal() and int(free) < need:
            found.append(f"{host} has {int(free) // 1_000_000} MB free, needs {need // 1_000_000}")
    return f"disk full: {'; '.join(found)}" if found else ""
