"""A trial while its schedule runs on the hosts: shown, and ended when it is void."""

import msgspec

from faults.host.boottime import boottime_ns
from faults.model.fault import SECOND_NS
from harness.errors import RunError
from harness.orchestrator.job import how_to_go_on
from harness.orchestrator.trial_state import Context, Progress
from metrics.model.plan import PlannedTrial
from metrics.report import fault_text
from node.events import SlotDue

POLL_S = 2.0
BEHIND_S = 0.2
"""How far a host's schedule may be behind our clock: what lasts to the end ends there by itself."""


def watch(context: Context, trial: PlannedTrial, progress: Progress) -> None:
    """Wait for the trial's end, showing where it is; its schedule needs nothing of us.

    Raises:
        RunError: a host rebooted unasked, or another owner has the lab.
        StoreError: the run folder is gone.
    """
    assert progress.files is not None
    t0_ns, end_ns = progress.files.t0_ns, context.plan.end_ns
    shown, turn, head, name = "", 0, "", context.course.name(trial)
    while (now_ns := context.clock.now_ns() - t0_ns) < end_ns:
        phase = next((p.name for p in trial.phases if p.start_ns <= now_ns < p.end_ns), "start")
        if phase != shown:
            shown = phase
            context.show.step(f"{name}  {phase}{_who(trial, phase)}")
        if turn % 2 == 0 and now_ns > 0:
            hosts = _expected(context, trial, now_ns)
            head = _head(context, hosts[(turn // 2) % len(hosts)], progress) if hosts else head
        left = (end_ns - max(now_ns, 0)) // SECOND_NS
        whole = context.course.left(boottime_ns(), known_ns=end_ns - now_ns)
        context.show.tick(f"{name}  {phase}  {head}  {left} s left; {whole}")
        turn += 1
        context.folder.check()
        _hear(context)
        if why := context.folder.take_cancelled(trial.n):
            progress.state, progress.reason = "cancelled", why
            context.show.step(f"{name} is cancelled ({why}): it is ended, healed and collected")
            return
        pause_s = min(POLL_S, (end_ns - now_ns) / SECOND_NS)
        if context.stop.wait(pause_s):
            progress.state, progress.reason = "interrupted", "stopped by the operator"
            later = how_to_go_on(context.folder.path)
            context.show.step(
                f"stopping: trial {trial.n} is ended, healed and collected, and what there is is"
                f" reported (again: heal only); it will be run anew if you {later}"
            )
            return
    context.stop.wait(BEHIND_S)
    progress.state = "complete"


def _expected(context: Context, trial: PlannedTrial, now_ns: int) -> list[str]:
    """Return the hosts that nobody has stopped yet."""
    away = {
        host
        for fault in trial.faults
        if (fault.kind.by == "provider" or fault.kind.reboots) and now_ns > fault.at_ns - SECOND_NS
        for host in fault.targets
    }
    return [host for host in context.present if host not in away]


def _head(context: Context, host: str, progress: Progress) -> str:
    """Return where one host's chain is, from the end of its events: no process is started there.

    Raises:
        RunError: the host rebooted unasked.
    """
    reply = context.fleet.remote.ctl({host: {"op": "events"}}, timeout_s=5)[host]
    if reply.ok is None:
        return ""
    progress.refuse_reboots({host: str(reply.ok["boot"])})
    for line in reversed(reply.ok["lines"]):
        try:
            due = msgspec.json.decode(line, type=SlotDue)
        except msgspec.DecodeError:
            continue
        return f"{host}: head {due.head_num}, final {due.lib_num}, lag {due.head_num - due.lib_num}"
    return ""


def _hear(context: Context) -> None:
    """Show what the keeper has to say.

    Raises:
        RunError: the lab is another owner's by now.
    """
    tell_news(context)
    if context.keeper.lost:
        raise RunError(f"lost the lab: {context.keeper.lost}")


def tell_news(context: Context) -> None:
    """Show what the keeper has said since the last time."""
    while context.keeper.news:
        context.show.step(context.keeper.news.popleft())


def _who(trial: PlannedTrial, phase: str) -> str:
    named = [fault for fault in trial.faults if fault.id in phase.split("+")]
    return "".join(
        f"  [{fault.fault} on {fault_text.where(fault.groups, fault.targets, 0)}]"
        for fault in named
    )
