"""One trial, top to bottom: look, files, start, ready, arm, watch, heal, stop, compare, collect."""

import time
from collections.abc import Mapping
from typing import Any

from faults.agent.schedule import LEAD_NS
from faults.host.boottime import boottime_ns
from faults.model.fault import SECOND_NS
from harness.controller.seals import seal
from harness.errors import Interrupted, RunError, StoreError
from harness.orchestrator.fleet import NodeStatus, access, all_ok, boots_of
from harness.orchestrator.job import how_to_go_on
from harness.orchestrator.trial_state import Context, Progress
from harness.orchestrator.trial_teardown import UNITS, record_of, take_back
from harness.orchestrator.trial_watch import tell_news, watch
from harness.plan import fault_wire
from harness.plan.genesis import first_round_ns, trial_files
from harness.remote.agent_channel import Reply
from harness.testbed import collect, power
from metrics.model.plan import PlannedTrial, encode
from metrics.model.run_folder import Lead, TrialFile

ATTEMPTS = 4
"""The second knows how long all steps took; a third is for a lab that became slower meanwhile."""

PATIENCE_S = 200.0
"""A slow host's answer to a step before T0 is late, not missing; an agent gives `start` 170 s."""
PLANS_KEPT = 3
"""So many hosts keep the plan beside the trial, for whoever collects it without our run folder."""
ARM_MARGIN_NS = 700_000_000
HEAL_TIMEOUT_S = 60.0


def run_trial(context: Context, trial: PlannedTrial) -> TrialFile:
    """Return how the trial went; whatever happens, every host is healed and its nodes stopped.

    Raises:
        Interrupted: the operator insisted; hosts are healed, nothing was collected.
        RunError: the run's first trial could not even start; logs and trial.json are kept.
        StoreError: the run folder is gone.
    """
    label = context.folder.label(trial.n)
    _greet(context)
    progress = Progress(trial=trial, label=label, started_ns=context.clock.now_ns())
    progress.problems += [f"{host}: dead; the trial began without it" for host in context.away]
    try:
        _run(context, trial, progress)
    except Interrupted:
        if not progress.taken_back:  # it came just before healing could shield itself
            take_back(context, progress)
        raise
    if context.stop.twice:
        raise Interrupted(f"stopped by the operator; {how_to_go_on(context.folder.path)}")
    context.show.step("collecting")
    places = {name: host.state_dir for name, host in context.deployed.items()}
    progress.problems += collect.collect(
        context.fleet.remote, context.folder, trial.n, places, since_ns=progress.started_ns
    )
    for host in context.present:
        told = collect.agent_records(context.folder, trial.n, host, progress.label)
        progress.stopped_early(collect.stopped(told, before_ns=context.plan.end_ns))
    if progress.provider is not None:
        collect.provider_journal(context.folder, trial.n, progress.provider.folder)
    record = record_of(progress, ended_ns=context.clock.now_ns())
    context.folder.write_trial(record)
    seal(context.folder, context.plan, trial)
    collect.let_go(context.fleet.remote, progress.label, context.owner)
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
    except StoreError:
        raise  # nothing of this trial can be kept
    except RunError as error:
        progress.reason = str(error)
        progress.state = "interrupted" if context.stop.asked.is_set() else "failed"
        context.show.step(f"trial {trial.n} failed: {error}")
    finally:
        tell_news(context)
        take_back(context, progress)


def _start(context: Context, trial: PlannedTrial, progress: Progress) -> None:
    """Ship files, start nodes and arm; anew with a longer lead where that was not done by T0."""
    _survey(context, trial, progress)
    lead_ns = context.pace.lead_ns() + _early_ns(context, trial)
    for attempt in range(1, ATTEMPTS + 1):
        problem = _attempt(context, trial, progress, lead_ns)
        progress.lead = Lead(lead_ns=lead_ns, attempts=attempt, steps=context.pace.steps())
        if not problem:
            return
        if attempt == ATTEMPTS:
            raise RunError(f"not ready for T0: {problem}")
        lead_ns = max(context.pace.lead_ns() + _early_ns(context, trial), lead_ns * 3 // 2)
        left = f"once more with {lead_ns // SECOND_NS} s to it"
        context.show.step(f"not ready for T0 ({problem}); {left}")


def _survey(context: Context, trial: PlannedTrial, progress: Progress) -> None:
    """Stop what another trial left, and note each host's boot and its state before this one.

    How long the slowest host takes for that is all that is known of it before the first trial.
    """
    if fault_wire.localise_provider(trial):
        progress.provider = power.start(context.fleet.inventory)
    context.keeper.attend(progress.provider)
    every: dict[str, dict[str, Any]] = {host: {} for host in context.present}
    _ask(context, "stop", every, units=UNITS, owner=context.owner)
    progress.boots = boots_of(_greet(context))
    progress.before = _ask(context, "snapshot", every)
    collect.write_snapshot(context.folder, trial.n, "before", progress.before)


def _greet(context: Context) -> dict[str, Reply]:
    """Return the hosts' greetings, and take the time from them."""
    asked_ns = boottime_ns()
    greetings = context.fleet.greet()
    context.clock.read(asked_ns, greetings)
    return greetings


def _attempt(context: Context, trial: PlannedTrial, progress: Progress, lead_ns: int) -> str:
    """Return "" once everything is armed for a T0 that is lead_ns away, else why it was not.

    Raises:
        RunError: a host refuses, or a node is not ready, however late.
    """
    t0_ns = first_round_ns(context.plan.of(trial), not_before_ns=context.clock.now_ns() + lead_ns)
    progress.files = trial_files(
        context.plan, trial, t0_ns=t0_ns, keys=context.keys, access=access(context.deployed)
    )
    _prepare(context, progress)
    units = {host: {"units": each} for host, each in progress.files.units.items()}
    _ask(context, "start", units, owner=context.owner)
    _await_ready(context)
    if context.clock.now_ns() > t0_ns - ARM_MARGIN_NS - _early_ns(context, trial):
        slow = context.pace.took["ready"]
        return f"{slow.host} was ready {slow.took_ns / SECOND_NS:.1f} s after its start"
    _arm(context, progress, t0_ns)
    left_s = (t0_ns - context.clock.now_ns()) / SECOND_NS
    if left_s < 0:
        _disarm(context, progress)
        return f"armed {-left_s:.1f} s after it"
    context.show.step(f"armed on {len(context.present)} hosts; T0 in {left_s:.1f} s")
    return ""


def _early_ns(context: Context, trial: PlannedTrial) -> int:
    """Return how long before T0 hosts make ready what begins at T0; nothing but zones does."""
    return LEAD_NS if context.plan.cell_of(trial).zones else 0


def _prepare(context: Context, progress: Progress) -> None:
    assert progress.files is not None
    by_host = progress.files.by_host
    context.folder.write_genesis(progress.trial.n, next(iter(by_host.values())))
    files = {host: {"files": dict(by_host[host])} for host in context.present}
    for each in list(files.values())[:PLANS_KEPT]:
        each["files"]["plan.json"] = encode(context.plan).decode()
    _ask(context, "prepare", files, trial=progress.label, owner=context.owner)
    if progress.provider is not None:
        progress.provider.prepare(progress.label, context.owner)


def _arm(context: Context, progress: Progress, t0_ns: int) -> None:
    plan, trial, provider = context.plan, progress.trial, progress.provider
    label, faults = progress.label, fault_wire.localise(plan, trial)
    lease_ns = fault_wire.lease_ns(plan, now_ns=context.clock.now_ns(), t0_ns=t0_ns)
    if provider is not None:
        wires = fault_wire.localise_provider(trial)
        provider.arm(label, wires, t0_wall_ns=t0_ns, lease_ns=lease_ns, owner=context.owner)
    _ask(
        context, "arm", {host: {"faults": wires} for host, wires in faults.items()},
        trial=label, owner=context.owner, t0_wall_ns=t0_ns, lease_ns=lease_ns,
    )  # fmt: skip
    short = lease_ns if fault_wire.renews(plan) else None
    context.keeper.armed(label, until_ns=boottime_ns() + lease_ns, lease_ns=short)


def _ask(
    context: Context, op: str, each: Mapping[str, Mapping[str, Any]], **common: object
) -> dict[str, Any]:
    """Return each agent's answer; what the slowest took counts for the lead.

    each: what a host is asked beside what is common to all.

    Raises:
        RunError: one line with each host that refused or did not answer.
    """
    requests = {host: {"op": op, **common, **each[host]} for host in context.present}
    replies = context.fleet.remote.ctl(requests, timeout_s=PATIENCE_S)
    answers = all_ok(op, replies)
    context.pace.note(op, {host: reply.elapsed_ns for host, reply in replies.items()})
    return answers


def _disarm(context: Context, progress: Progress) -> None:
    """Take an arming back that came too late, before it is done anew."""
    context.keeper.disarmed()
    if progress.provider is not None:
        progress.provider.heal()
    requests = {host: {"op": "heal"} for host in context.present}
    all_ok("heal", context.fleet.remote.ctl(requests, timeout_s=HEAL_TIMEOUT_S))


PAUSE_S = (0.2, 2.0)
"""Between two looks at least and at most: four times as long as looking took, so that it leaves a
slow host its time to get ready."""


def _await_ready(context: Context) -> None:
    """Wait until every node is linked to all others and its clock verified; note how long it took.

    One deadline for all, which follows from what the hosts have shown. It may be later than T0:
    that T0 is then lost, but how long the slowest host takes is known for the next one.

    Raises:
        RunError: which hosts are late at the deadline, and what each does instead; or the operator
            wants to stop.
    """
    begun_ns = time.monotonic_ns()
    within_ns = context.pace.ready_within_ns()
    peers = len(context.present) - 1
    took_ns: dict[str, int] = {}
    late = dict.fromkeys(context.present, "was not asked yet")
    while late and (gone_ns := time.monotonic_ns() - begun_ns) < within_ns:
        if context.stop.asked.is_set():
            raise RunError("stopped by the operator")
        look_ns = time.monotonic_ns()
        for host, status in context.fleet.nodes(list(late)).items():
            late[host] = _not_ready(status, peers)
            if not late[host]:
                took_ns[host] = time.monotonic_ns() - begun_ns
                del late[host]
        first = next((f"{host}: {reason}" for host, reason in late.items()), "all ready")
        context.show.tick(f"waiting for nodes: {first} ({gone_ns // SECOND_NS} s)")
        if late:
            took_s = (time.monotonic_ns() - look_ns) / SECOND_NS
            context.stop.wait(min(PAUSE_S[1], max(PAUSE_S[0], 4 * took_s)))
    if late:
        who = "; ".join(f"{host}: {reason}" for host, reason in late.items())
        last_s = max(took_ns.values(), default=0) // SECOND_NS
        rest = f"; the others were within {last_s} s" if took_ns else ""
        raise RunError(f"not ready {within_ns // SECOND_NS} s after the start: {who}{rest}")
    context.pace.note("ready", took_ns)


def _not_ready(status: NodeStatus | RunError, peers: int) -> str:
    """Return why a node is not ready, "" when it is."""
    if isinstance(status, RunError):
        return str(status)
    if status.linked < peers:
        return f"linked to {status.linked} of {peers} peers"
    if not status.clock.verified:
        why = status.clock.reason or "no answer yet"
        return f"its clock is not verified against NTP ({why})"
    return ""
