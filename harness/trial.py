"""One trial, top to bottom: files, start, ready, arm, watch, heal, stop, compare, collect."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness import arm, collect, healing
from harness.campaign_faults import PROVIDER_FAULTS
from harness.errors import Interrupted, RunError
from harness.fleet import DeployedHost, Fleet, access
from harness.genesis import KeyFolder, TrialFiles, first_round_ns, trial_files
from harness.interrupt import Stop
from harness.keeper import Keeper
from harness.plan_model import Plan, Trial
from harness.show import Show
from harness.store import RunFolder, TrialRecord
from harness.units import SECOND_NS

LEADS_NS = (6 * SECOND_NS, 14 * SECOND_NS, 30 * SECOND_NS)
"""How long before T0 nodes are started: patient only where a lab turns out to be slow."""

ARM_MARGIN_NS = 700_000_000
POLL_S = 2.0
BACK_S = 60.0
"""How long to wait for hosts that do not answer when a trial is over."""
POWER_BACK_S = 300.0
"""The same where their power was cut: they have to boot, and checks of disks take time."""
UNITS = ["node", "probe", "client"]


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
    owner: str
    """Who we are to the hosts, whose lock we hold."""


@dataclass(slots=True)
class _Progress:
    """What is known of a trial so far; becomes trial.json whatever happens."""

    trial: Trial
    started_ns: int
    files: TrialFiles | None = None
    armed: bool = False
    state: str = "failed"
    reason: str = ""
    before: dict[str, Any] = field(default_factory=dict)
    boots: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def run_trial(context: Context, trial: Trial) -> TrialRecord:
    """Return how the trial went; whatever happens, every host is healed and its nodes stopped.

    Raises:
        Interrupted: the operator insisted; hosts are healed, nothing was collected.
        RunError: the run's first trial could not even start; logs and trial.json are kept.
    """
    progress = _Progress(trial=trial, started_ns=time.time_ns())
    try:
        _start(context, trial, progress)
        progress.armed = True
        _watch(context, trial, progress)
    except RunError as error:
        progress.reason = str(error)
        progress.state = "interrupted" if context.stop.asked.is_set() else "failed"
        context.show.step(f"trial {trial.n} failed: {error}")
    finally:
        _take_back(context, progress)
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
    record = _record(progress)
    context.folder.write_trial(record)
    for problem in progress.problems:
        context.show.step(f"warning: {problem}")
    if record.state == "failed" and not progress.armed and trial.n == context.plan.trials[0].n:
        raise RunError(f"{progress.reason} (logs: {context.folder.path})")
    return record


def _start(context: Context, trial: Trial, progress: _Progress) -> None:
    """Ship files, start nodes and arm, with a longer lead where hosts are not ready in time."""
    last = ""
    for lead_ns in LEADS_NS:
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
        last = _wait_ready(context, until_ns=t0_ns - ARM_MARGIN_NS)
        if not last:
            _arm(context, trial, t0_ns)
            return
        if context.stop.asked.is_set():
            break
        context.show.step(f"not ready for T0 ({last}); once more with a longer lead")
    raise RunError(f"nodes were not ready: {last}")


def _prepare(context: Context, trial: Trial, progress: _Progress) -> None:
    assert progress.files is not None
    label = _label(context, trial)
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


def _not_ready(status: dict[str, Any] | None, peers: int) -> str:
    if status is None:
        return "the node does not answer"
    linked = [peer for peer in status["peers"] if peer["state"] in ("handshaked", "synced")]
    if len(linked) < peers:
        return f"linked to {len(linked)} of {peers} peers"
    clock = status["clock"]
    if not clock["verified"]:
        return f"its clock is not verified against NTP ({clock.get('reason') or 'no answer yet'})"
    return ""


def _arm(context: Context, trial: Trial, t0_ns: int) -> None:
    plan, label = context.plan, _label(context, trial)
    faults = arm.localise(plan, trial)
    lease_ns = arm.lease_ns(plan, now_ns=time.time_ns(), t0_ns=t0_ns)
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
    context.keeper.armed(label, until_ns=time.time_ns() + lease_ns, lease_ns=short)
    seconds = (t0_ns - time.time_ns()) / SECOND_NS
    context.show.step(f"armed on {len(faults)} hosts; T0 in {seconds:.1f} s")


def _watch(context: Context, trial: Trial, progress: _Progress) -> None:
    """Wait for the trial's end, showing where it is; its schedule needs nothing of us.

    Raises:
        RunError: a host rebooted unasked, or another owner has the lab.
    """
    assert progress.files is not None
    t0_ns, end_ns = progress.files.t0_ns, context.plan.end_ns
    shown, turn, head = "", 0, ""
    while (now_ns := time.time_ns() - t0_ns) < end_ns:
        phase = next((p.name for p in trial.phases if p.start_ns <= now_ns < p.end_ns), "start")
        if phase != shown:
            shown = phase
            context.show.step(f"trial {trial.n}  {phase}{_who(trial, phase)}")
        if turn % 2 == 0 and now_ns > 0:
            hosts = _expected(context, trial, now_ns)
            head = _head(context, hosts[(turn // 2) % len(hosts)], progress) if hosts else head
        left = (end_ns - max(now_ns, 0)) // SECOND_NS
        context.show.tick(f"trial {trial.n}  {phase}  {head}  {left} s left")
        turn += 1
        _hear(context)
        pause_s = min(POLL_S, (end_ns - now_ns) / SECOND_NS)
        if context.stop.wait(pause_s):
            progress.state, progress.reason = "interrupted", "stopped by the operator"
            context.show.step("stopping: healing, then reporting what there is (again: heal only)")
            return
    progress.state = "complete"


def _expected(context: Context, trial: Trial, now_ns: int) -> list[str]:
    """Return the hosts that nobody has stopped yet."""
    away = {
        host
        for fault in trial.faults
        if fault.fault in PROVIDER_FAULTS and now_ns > fault.at_ns - SECOND_NS
        for host in fault.targets
    }
    return [host.host for host in context.plan.hosts if host.host not in away]


def _head(context: Context, host: str, progress: _Progress) -> str:
    """Return where one host's chain is; one host a turn, as asking costs it a process start."""
    status = context.fleet.nodes([host], timeout_s=5)[host]
    if status is None:
        _refuse_reboots(context.fleet.boots([host]), progress)
        return ""
    head, lib = status["head_num"], status["lib_num"]
    return f"{host}: head {head}, final {lib}, lag {head - lib}"


def _refuse_reboots(boots: Mapping[str, str], progress: _Progress) -> None:
    cut = {host for f in progress.trial.faults if f.fault == "power_cut" for host in f.targets}
    for host, boot in boots.items():
        if host not in cut and boot != progress.boots.get(host, boot):
            raise RunError(f"{host} rebooted during the trial, which nobody asked for")


def _hear(context: Context) -> None:
    """Show what the keeper has to say.

    Raises:
        RunError: the lab is another owner's by now.
    """
    while context.keeper.news:
        context.show.step(context.keeper.news.popleft())
    if context.keeper.lost:
        raise RunError(f"lost the lab: {context.keeper.lost}")


def _take_back(context: Context, progress: _Progress) -> None:
    """Heal every host and stop its nodes; a host that cannot be healed is a problem, not an end.

    A lab that another owner has by now is left alone: our faults ended with our lease.
    """
    context.keeper.disarmed()
    if context.keeper.lost:
        return
    context.stop.shielded = True
    try:
        _heal(context, progress)
        stopped = context.fleet.remote.ctl_all(
            "stop", units=UNITS, owner=context.owner, timeout_s=30
        )
        for host, reply in stopped.items():
            if reply.problem:
                progress.problems.append(f"{host}: nodes not stopped: {reply.problem}")
        replies = context.fleet.remote.ctl_all("snapshot", timeout_s=30)
        after = {host: reply.ok for host, reply in replies.items() if not reply.problem}
        collect.write_snapshot(context.folder, progress.trial.n, "after", after)
        progress.problems += collect.differences(progress.before, after)
        _refuse_reboots(context.fleet.boots(), progress)
    except RunError as error:
        if progress.state == "complete":
            progress.state, progress.reason = "failed", str(error)
    except Exception as error:  # healing has to go on, whatever broke
        progress.problems.append(f"healing: {error}; run slotlab heal")
    finally:
        context.stop.shielded = False


def _heal(context: Context, progress: _Progress) -> None:
    """Heal every host, waiting for those that do not answer: their faults end without us."""
    remote, stop = context.fleet.remote, context.stop
    outcome = healing.heal(remote)
    away = [host for host, (clean, _) in outcome.items() if not clean]
    if away:
        cut = any(fault.fault == "power_cut" for fault in progress.trial.faults)

        def go_on(text: str) -> bool:
            context.show.tick(text)
            return not stop.twice

        within_s = POWER_BACK_S if cut else BACK_S
        healing.await_agents(remote, away, within_s=within_s, tell=go_on)
        outcome |= healing.heal(remote)
    for host, (clean, text) in outcome.items():
        if not clean:
            progress.problems.append(f"{host}: not healed: {text}")


def _record(progress: _Progress) -> TrialRecord:
    files = progress.files
    return TrialRecord(
        n=progress.trial.n,
        seed=progress.trial.seed,
        t0_wall_ns=files.t0_ns if files else 0,
        chain_id=files.chain_id if files else "",
        state=progress.state,
        reason=progress.reason,
        started_ns=progress.started_ns,
        ended_ns=time.time_ns(),
        genesis_slot=files.genesis_slot if files else 0,
        problems=progress.problems,
    )


def _label(context: Context, trial: Trial) -> str:
    return f"{context.folder.path.name}.{trial.n}"


def _who(trial: Trial, phase: str) -> str:
    named = [fault for fault in trial.faults if fault.id in phase.split("+")]
    return "".join(f"  [{fault.fault} on {', '.join(fault.targets)}]" for fault in named)
