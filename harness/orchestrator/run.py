"""A campaign from file to report: the boring driver.

Lock, ask the hosts, plan, make the run folder, run the trials, report. Hosts are healed after each
trial whatever happens; if this process dies, they heal by themselves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from faults.host.boottime import boottime_ns
from harness.controller import store
from harness.controller.awaiting import Tell
from harness.controller.console import Show
from harness.controller.interrupt import Stop
from harness.controller.store import RunFolder
from harness.deploy import keys
from harness.errors import Interrupted, RunError
from harness.inventory import inventory
from harness.inventory.limit import limited
from harness.orchestrator import left_behind, obstacles, stopping
from harness.orchestrator.course import Course, each_ns
from harness.orchestrator.fleet import DeployedHost, Fleet, Hello, clock_gap, view
from harness.orchestrator.job import Job
from harness.orchestrator.lease_renewer import LOCK_TTL_NS, Keeper
from harness.orchestrator.reporting import report
from harness.orchestrator.trial import run_trial
from harness.orchestrator.trial_state import Context, HostsClock, Pace
from harness.plan import lab_view
from harness.plan.genesis import kept_secret
from harness.plan.warnings import warnings
from harness.preflight import check
from harness.preflight.rows import failed
from harness.remote.fan_out import Remote
from harness.testbed import armed_hosts, lock
from metrics.model.plan import Plan, PlannedTrial
from metrics.model.run_folder import PredictionFile

CLOCK_GAP_MAX_NS = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A finished run: where it is, and its summary."""

    folder: Path
    plan: Plan
    summary: Mapping[str, Any]


def run(
    job: Job, path: Path, show: Show, *, limit: str = "", foreseen: PredictionFile | None = None
) -> Outcome:
    """Return the outcome of the whole job on the hosts of the inventory at path, reported.

    foreseen: what was predicted of it, to be kept with it from before its first trial.

    Raises:
        OperatorError: campaign or inventory is wrong; nothing was done.
        RunError: the lab cannot be used, or a lock, the disk or the report failed.
        Interrupted: stopped twice; hosts are healed, there is no report.
    """
    lab = limited(inventory.load(path), job.limit(limit))
    if job.begun is not None and job.whole:
        return reported(job.begun.folder.path, job.begun.plan, show)
    # Operator mistakes come out before any host is asked.
    draft = job.drafted(lab_view.of_inventory(lab))
    if job.begun is None:
        store.check_space(job.runs, draft.estimate.raw_bytes)
    purpose = f"campaign {job.file.name}"
    show.tick(f"connecting to {len(lab.hosts)} host(s)")
    with lock.hold(lab.lab_id, purpose), Remote(lab) as remote:
        if job.begun is not None:
            stopping.end_own(remote, job.begun.folder.path.name, show)
        armed_hosts.refuse(armed_hosts.look(remote), str(path))
        with (
            Stop() as stop,
            lock.hold_hosts(remote, purpose, ttl_ns=LOCK_TTL_NS) as held,
            Keeper(held) as keeper,
        ):
            left_behind.keep(remote, job.runs, show.step)
            fleet = Fleet(remote)
            show.tick("checking the hosts")
            slot_ns = min(cell.campaign.chain.slot for cell in job.file.cells)
            _check_hosts(lab, slot_ns=slot_ns, tell=show.tick)
            hellos, deployed = fleet.hello(), fleet.deployed()
            _check_clocks(hellos)
            planned = job.planned(view(lab, deployed, hellos))
            if job.begun is not None:
                job.begun.refuse_other_hosts({name: each.version for name, each in hellos.items()})
            with job.opened(planned, _lab_record(lab, hellos, deployed), show) as (folder, trials):
                show.step(f"{job.file.name}: {len(trials)} trial(s) on {len(lab.hosts)} hosts")
                _tell(job, planned, folder, foreseen, show)
                context = Context(
                    fleet=fleet,
                    clock=HostsClock(),
                    plan=planned,
                    deployed=deployed,
                    folder=folder,
                    keys=partial(kept_secret, keys.folder(lab) / "chain"),
                    stop=stop,
                    show=show,
                    keeper=keeper,
                    pace=Pace(),
                    course=Course(planned, trials, guess_ns=each_ns(planned)),
                    owner=held.owner,
                )
                _trials(context, trials)
    return reported(folder.path, planned, show)


def _tell(
    job: Job, planned: Plan, folder: RunFolder, foreseen: PredictionFile | None, show: Show
) -> None:
    """Warn of what is odd in the plan; write down what was predicted, and say its digest."""
    for text in warnings(job.file, planned):
        show.step(f"warning: {text}")
    if foreseen is not None:
        folder.write_prediction(foreseen)
        show.step(f"predicted by the simulator: sha256 {foreseen.sha256}")


def reported(folder: Path, plan: Plan, show: Show) -> Outcome:
    """Return the outcome of the trials that a run folder holds."""
    show.step("reporting")
    summary = report(folder, show.tick)
    show.quiet()
    return Outcome(folder=folder, plan=plan, summary=summary)


def _trials(context: Context, trials: Sequence[PlannedTrial]) -> None:
    """Run the trials until one is stopped by the operator, the lab is lost, or none can be begun.

    A trial that makes no sense without the hosts that are dead is left out; it can be run later.
    """
    for begun, trial in enumerate(trials):
        end = "stopped by the operator" if context.stop.asked.is_set() else ""
        end = end or (context.keeper.lost and f"lost the lab: {context.keeper.lost}")
        obstacle = None if end else obstacles.look(context, trial)
        if obstacle is not None and not obstacle.ends_run:
            context.show.step(f"{context.course.name(trial)} is left out: {obstacle.text}")
            continue
        end = obstacle.text if obstacle is not None else end
        if end and not begun:
            kind = Interrupted if context.stop.asked.is_set() else RunError
            raise kind(f"before the first trial: {end}")
        if end:
            context.show.step(f"no more trials: {end}")
            return
        context.course.begin(boottime_ns())
        run_trial(context, trial)
        context.course.end(boottime_ns())


def _check_hosts(lab: inventory.Inventory, *, slot_ns: int, tell: Tell) -> None:
    """Refuse a lab in which something would fail later; after deploy, sudo is not needed."""
    rows = check.check(lab, check.CheckOptions(slot_ns=slot_ns), tell)
    wrong = [row for row in failed(rows) if row.check != "sudo"]
    if wrong:
        more = f" ({len(wrong) - 1} more: slotlab check)" if len(wrong) > 1 else ""
        raise RunError(f"{wrong[0]}{more}")


def _check_clocks(hellos: Mapping[str, Hello]) -> None:
    gap_ns, ahead, behind = clock_gap(hellos)
    if gap_ns > CLOCK_GAP_MAX_NS:
        raise RunError(
            f"clocks are not synchronised: {ahead} is {gap_ns / 1e9:.2f} s ahead of {behind};"
            " start chrony there, then slotlab check"
        )


def _lab_record(
    lab: inventory.Inventory, hellos: Mapping[str, Hello], deployed: Mapping[str, DeployedHost]
) -> dict[str, Any]:
    hosts = []
    for host in lab.hosts:
        there, hello = deployed[host.name], hellos[host.name]
        hosts.append({
            "host": host.name, "address": there.address, "interface": there.interface,
            "zone": host.zone, "version": hello.version, "boot": hello.boot,
            "capabilities": dict(hello.capabilities),
        })  # fmt: skip
    return {"lab": lab.lab, "hosts": hosts}
