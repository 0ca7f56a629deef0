"""A campaign from file to report: the boring driver.

Lock, ask the hosts, plan, make the run folder, run the trials, report. Hosts are healed after each
trial whatever happens; if this process dies, they heal by themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from harness.campaign import campaign_file
from harness.controller import store
from harness.controller.awaiting import Tell
from harness.controller.console import Show
from harness.controller.interrupt import Stop
from harness.deploy import keys
from harness.errors import Interrupted, RunError, UsageError
from harness.inventory import inventory
from harness.inventory.limit import limited
from harness.orchestrator import left_behind
from harness.orchestrator.fleet import DeployedHost, Fleet, Hello, clock_gap, view
from harness.orchestrator.lease_renewer import LOCK_TTL_NS, Keeper
from harness.orchestrator.reporting import report
from harness.orchestrator.trial import run_trial
from harness.orchestrator.trial_state import Context, Pace
from harness.plan import lab_view, planner
from harness.plan.genesis import kept_secret
from harness.preflight import check
from harness.preflight.rows import failed
from harness.remote.fan_out import Remote
from harness.testbed import armed_hosts, lock
from metrics.model.plan import Plan, PlannedTrial
from metrics.model.run_folder import TrialFile

CLOCK_GAP_MAX_NS = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What the operator asked for, whoever makes the hosts."""

    campaign: str
    runs: Path = store.ROOT
    seed: int | None = None
    only_cell: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A finished run: where it is, and its summary."""

    folder: Path
    plan: Plan
    trials: tuple[TrialFile, ...]
    summary: Mapping[str, Any]


def run(options: RunOptions, path: Path, show: Show, *, limit: str = "") -> Outcome:
    """Return the outcome of the whole campaign on the hosts of the inventory at path, reported.

    Raises:
        OperatorError: campaign or inventory is wrong; nothing was done.
        RunError: the lab cannot be used, or a lock, the disk or the report failed.
        Interrupted: stopped twice; hosts are healed, there is no report.
    """
    file = campaign_file.load(campaign_file.find(options.campaign))
    lab = limited(inventory.load(path), limit)
    # Operator mistakes come out before any host is asked.
    draft = planner.build(file, lab_view.of_inventory(lab), seed=options.seed)
    trials_of(draft, options.only_cell)
    store.check_space(options.runs, draft.estimate.raw_bytes)
    purpose = f"campaign {file.name}"
    show.tick(f"connecting to {len(lab.hosts)} host(s)")
    with lock.hold(lab.lab_id, purpose), Remote(lab) as remote:
        armed_hosts.refuse(armed_hosts.look(remote), str(path))
        with (
            Stop() as stop,
            lock.hold_hosts(remote, purpose, ttl_ns=LOCK_TTL_NS) as held,
            Keeper(held) as keeper,
        ):
            left_behind.keep(remote, options.runs, show.step)
            fleet = Fleet(remote)
            show.tick("checking the hosts")
            _check_hosts(
                lab, slot_ns=min(cell.campaign.chain.slot for cell in file.cells), tell=show.tick
            )
            hellos, deployed = fleet.hello(), fleet.deployed()
            _check_clocks(hellos)
            planned = planner.build(file, view(lab, deployed, hellos), seed=options.seed)
            folder = store.create(
                planned,
                campaign=file.text,
                resolved=file.resolved,
                lab=_lab_record(lab, hellos, deployed),
                root=options.runs,
            )
            show.step(f"{file.name}: {len(planned.trials)} trial(s) on {len(lab.hosts)} hosts")
            context = Context(
                fleet=fleet,
                plan=planned,
                deployed=deployed,
                folder=folder,
                keys=partial(kept_secret, keys.folder(lab) / "chain"),
                stop=stop,
                show=show,
                keeper=keeper,
                pace=Pace(),
                owner=held.owner,
            )
            trials = _trials(context, options.only_cell)
    show.step("reporting")
    summary = report(folder.path, show.tick)
    show.quiet()
    return Outcome(folder=folder.path, plan=planned, trials=trials, summary=summary)


def trials_of(planned: Plan, only_cell: int | None) -> list[PlannedTrial]:
    """Return the trials of one cell, of all where none is named.

    Raises:
        UsageError: there is no such cell.
    """
    if only_cell is None:
        return planned.trials
    cells = {
        cell.n: ", ".join(f"{name}={value}" for name, value in cell.params.items())
        for cell in planned.cells
    }
    if only_cell not in cells:
        there = "; ".join(f"{n}: {text}" if text else f"{n}" for n, text in cells.items())
        raise UsageError(f"--only {only_cell}: {planned.campaign} has no such cell; it has {there}")
    return [trial for trial in planned.trials if trial.cell == only_cell]


def _trials(context: Context, only_cell: int | None) -> tuple[TrialFile, ...]:
    records = []
    for trial in trials_of(context.plan, only_cell):
        if context.stop.asked.is_set() or context.keeper.lost:
            break
        records.append(run_trial(context, trial))
    if not records:
        if context.stop.asked.is_set():
            raise Interrupted("stopped by the operator before the first trial")
        raise RunError(f"lost the lab before the first trial: {context.keeper.lost}")
    return tuple(records)


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
