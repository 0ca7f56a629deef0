"""The end of a trial, however it came: heal, stop the nodes, compare with before."""

from harness.errors import RunError
from harness.orchestrator.trial_state import Context, Progress
from harness.plan.genesis import TrialFiles
from harness.remote.agent_channel import PATIENCE_S
from harness.testbed import collect, healing, power
from metrics.model.run_folder import TrialFile

UNITS = ["node", "probe", "client"]
BACK_S = 60.0
"""How long to wait for hosts that do not answer when a trial is over."""
POWER_BACK_S = 300.0
"""The same where a provider stopped some: they may have to boot, and to check their disks."""


def take_back(context: Context, progress: Progress) -> None:
    """Heal every host and stop its nodes; a host that cannot be healed is a problem, not an end.

    A lab that another owner has by now is left alone: our faults ended with our lease.
    """
    context.stop.shielded = True
    try:
        context.keeper.disarmed()
        if context.keeper.lost:
            return
        _heal(context, progress)
        stopped = context.fleet.remote.ctl_all(
            "stop", units=UNITS, owner=context.owner, timeout_s=PATIENCE_S
        )
        for host, reply in stopped.items():
            if reply.problem:
                progress.problems.append(f"{host}: nodes not stopped: {reply.problem}")
        progress.problems += collect.compare(
            context.fleet.remote, context.folder, progress.trial.n, progress.before
        )
        progress.refuse_reboots(context.fleet.boots())
    except RunError as error:
        if progress.state == "complete":
            progress.state, progress.reason = "failed", str(error)
    except Exception as error:  # healing has to go on, whatever broke
        progress.problems.append(f"healing: {error}; run slotlab heal")
    finally:
        progress.taken_back = True
        context.stop.shielded = False


def _heal(context: Context, progress: Progress) -> None:
    """Heal every host, waiting for those that do not answer: their faults end without us."""
    remote, stop, provider = context.fleet.remote, context.stop, progress.provider
    if provider is not None:
        clean, _ = power.heal(remote.inventory)
        if not clean:
            progress.problems.append("provider: not healed; run slotlab heal")
    outcome = healing.heal(remote)
    away = [host for host, (clean, _) in outcome.items() if not clean and host not in context.away]
    if away:
        within_s = BACK_S if provider is None else POWER_BACK_S
        healing.await_agents(
            remote, away, within_s=within_s, tell=context.show.tick, go_on=lambda: not stop.twice
        )
        outcome |= healing.heal(remote)
    for host, (clean, text) in outcome.items():
        if not clean:
            progress.problems.append(f"{host}: not healed: {text}")


def record_of(progress: Progress, *, ended_ns: int) -> TrialFile:
    """Return what trial.json says."""
    files = progress.files or TrialFiles()
    return TrialFile(
        n=progress.trial.n,
        label=progress.label,
        seed=progress.trial.seed,
        t0_wall_ns=files.t0_ns,
        chain_id=files.chain_id,
        state=progress.state,
        reason=progress.reason,
        started_ns=progress.started_ns,
        ended_ns=ended_ns,
        genesis_slot=files.genesis_slot,
        lead=progress.lead,
        problems=progress.problems,
    )
