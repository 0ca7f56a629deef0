"""One trial, top to bottom: files, start, ready, arm, watch, heal, stop, compare, collect."""

from __future__ import annotations

import time

from harness import arm, collect, power
from harness.errors import Interrupted, RunError
from harness.fleet import access
from harness.genesis import first_round_ns, trial_files
from harness.node_status import NodeStatus
from harness.trial_end import UNITS, record_of, take_back
from harness.trial_state import Context, Progress
from harness.trial_watch import watch
from harness.units import SECOND_NS
from metrics.model.plan import PlannedTrial
from metrics.model.run_folder import TrialFile

LEAD_NS = 6 * SECOND_NS
ATTEMPTS = 4
"""How long before T0 nodes are started; patient only where a lab turns out to be slow."""

ARM_MARGIN_NS = 700_000_000
HEAL_TIMEOUT_S = 60.0


def run_trial(context: Context, trial: PlannedTrial) -> TrialFile:
    """Return how the trial went; whatever happens, every host is healed and its nodes stopped.

    Raises:
        Interrupted: the operator insisted; hosts are healed, nothing was collected.
        RunError: the run's first trial could not even start; logs and trial.json are kept.
    """
    progress = Progress(trial=trial, label=context.label(trial), started_ns=time.time_ns())
    try:
        _run(context, trial, progress)
    except Interrupted:
        if not progress.taken_back:  # it came just before healing could shield itself
            take_back(context, progress)
        raise
    if context.stop.twice:
        raise Interrupted("stopped by the operator")
    context.show.step("collecting")
    progress.problems += collect.collect(
        context.fleet,
        context.folder,
        trial.n,
        context.deployed,
        since_ns=progress.started_ns,
    )
    if progress.provider is not None:
        collect.provider_journal(context.folder, trial.n, progress.provider.folder)
    record = record_of(progress)
    context.folder.write_trial(record)
    for problem in progress.problems:
        context.show.step(f"warning: {problem}")
    if record.state == "failed" and not progress.armed and trial.n == context.plan.trials[0].n:
        raise RunError(f"{progress.reason} (logs: {context.folder.path})")
    return record


def _run(context: Context, trial: PlannedTrial, progress: Progress) -> None:
    try:
        _start(context, trial, progress)
        progress.armed = True
        watch(context, trial, progress)
    except RunError as error:
        progress.reason = str(error)
        progress.state = "interrupted" if context.stop.asked.is_set() else "failed"
        context.show.step(f"trial {trial.n} failed: {error}")
    finally:
        take_back(context, progress)


def _start(context: Context, trial: PlannedTrial, progress: Progress) -> None:
    """Ship files, start nodes and arm; anew with a longer lead where that was not done by T0."""
    lead_ns = LEAD_NS
    for again in reversed(range(ATTEMPTS)):
        begun_ns = time.time_ns()
        problem = _attempt(context, trial, progress, lead_ns)
        if not problem:
            return
        if not again or context.stop.asked.is_set():
            raise RunError(f"not ready for T0: {problem}")
        lead_ns = longer(lead_ns, took_ns=time.time_ns() - begun_ns)
        left = f"once more with {lead_ns // SECOND_NS} s to it"
        context.show.step(f"not ready for T0 ({problem}); {left}")


def longer(lead_ns: int, *, took_ns: int) -> int:
    """Return the next lead, after one during which took_ns went by: half as much again at least."""
    return max(lead_ns * 5 // 2, took_ns * 3 // 2)


def _attempt(context: Context, trial: PlannedTrial, progress: Progress, lead_ns: int) -> str:
    """Return "" once everything is armed for a T0 that is lead_ns away, else why it was not."""
    t0_ns = first_round_ns(context.plan, not_before_ns=time.time_ns() + lead_ns)
    progress.files = trial_files(
        context.plan,
        trial,
        t0_ns=t0_ns,
        keys=context.keys,
        access=access(context.deployed),
    )
    _prepare(context, trial, progress)
    patience_s = lead_ns / SECOND_NS + 30
    context.fleet.ask("start", units=UNITS, owner=context.owner, timeout_s=patience_s)
    problem = _wait_ready(context, until_ns=t0_ns - ARM_MARGIN_NS)
    if problem:
        return problem
    _arm(context, progress, t0_ns)
    left_s = (t0_ns - time.time_ns()) / SECOND_NS
    if left_s < 0:
        _disarm(context, progress)
        return f"armed {-left_s:.1f} s after it"
    context.show.step(f"armed on {len(context.plan.hosts)} hosts; T0 in {left_s:.1f} s")
    return ""


def _prepare(context: Context, trial: PlannedTrial, progress: Progress) -> None:
    assert progress.files is not None
    label = progress.label
    context.folder.write_genesis(trial.n, next(iter(progress.files.by_host.values())))
    context.fleet.ask_each(
        {
            host: {
                "op": "prepare",
                "trial": label,
                "owner": context.owner,
                "files": dict(files),
            }
            for host, files in progress.files.by_host.items()
        }
    )
    if arm.localise_provider(trial):
        progress.provider = power.start(context.fleet.inventory)
        progress.provider.prepare(label, context.owner)
    context.keeper.attend(progress.provider)
    progress.boots = context.fleet.boots()
    progress.before = context.fleet.ask("snapshot")
    collect.write_snapshot(context.folder, trial.n, "before", progress.before)


def _wait_ready(context: Context, *, until_ns: int) -> str:
    """Return an empty text once every node is linked to all others with a verified clock.

    Else, when time is up, the first reason why not.
    """
    waiting = [host.host for host in context.plan.hosts]
    problem = "the nodes did not start"
    while waiting and time.time_ns() < until_ns and not context.stop.asked.is_set():
        problems = {}
        for host, status in context.fleet.nodes(waiting).items():
            reason = _not_ready(status, len(context.plan.hosts) - 1)
            if reason:
                problems[host] = f"{host}: {reason}"
        waiting = list(problems)
        problem = next(iter(problems.values()), "")
        context.show.tick(f"waiting for nodes: {problem or 'all ready'}")
    return problem if waiting else ""


def _not_ready(status: NodeStatus | RunError, peers: int) -> str:
    if isinstance(status, RunError):
        return str(status)
    if status.linked < peers:
        return f"linked to {status.linked} of {peers} peers"
    if not status.clock.verified:
        why = status.clock.reason or "no answer yet"
        return f"its clock is not verified against NTP ({why})"
    return ""


def _arm(context: Context, progress: Progress, t0_ns: int) -> None:
    plan, trial, provider = context.plan, progress.trial, progress.provider
    label, faults = progress.label, arm.localise(plan, trial)
    lease_ns = arm.lease_ns(plan, now_ns=time.time_ns(), t0_ns=t0_ns)
    if provider is not None:
        wires = arm.localise_provider(trial)
        provider.arm(label, wires, t0_wall_ns=t0_ns, lease_ns=lease_ns, owner=context.owner)
    context.fleet.ask_each(
        {
            host: {
                "op": "arm",
                "trial": label,
                "owner": context.owner,
                "t0_wall_ns": t0_ns,
                "lease_ns": lease_ns,
                "faults": wires,
            }
            for host, wires in faults.items()
        }
    )
    short = lease_ns if arm.renews(plan) else None
    until_ns = time.time_ns() + lease_ns
    context.keeper.armed(label, until_ns=until_ns, lease_ns=short)


def _disarm(context: Context, progress: Progress) -> None:
    """Take an arming back that came too late, before it is done anew."""
    context.keeper.disarmed()
    if progress.provider is not None:
        progress.provider.heal()
    context.fleet.ask("heal", timeout_s=HEAL_TIMEOUT_S)
