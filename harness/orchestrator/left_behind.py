"""Brings home what a controller that died left on the hosts, into the run folder of its trial.

The hosts know the trial by its label, `<run>.<n>`, and `<run>.<n>.<attempt>` where it is run again.
What the record lacks is said in trial.json, and no such trial passes: it is `failed`, as its
controller died.
"""

import contextlib
import re
import time
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from faults.model.record import Record
from harness.controller import store
from harness.controller.awaiting import Tell
from harness.controller.store import RunFolder, write_json
from harness.errors import RunError, StoreError, UsageError
from harness.plan import genesis
from harness.plan.fault_wire import localise_provider
from harness.remote.agent_channel import PATIENCE_S
from harness.remote.fan_out import Remote
from harness.testbed import armed_hosts, collect, power
from harness.testbed.lock import owner
from metrics.model import plan
from metrics.model.plan import PlannedTrial
from metrics.model.run_folder import (
    BROKEN,
    TrialFile,
    load_json,
    load_plan,
    load_trial,
    trial_folder,
)

DIED = "the controller died in this trial"
REASON = f"{DIED}; what it left on the hosts was collected later"
PLAN, GENESIS = "plan.json", "genesis.json"
_CAMPAIGN = re.compile(r"[0-9A-Za-z_-]{1,100}")
_LABEL = re.compile(r"([0-9A-Za-z_-]{1,100})\.([1-9][0-9]{0,5})(?:\.([1-9][0-9]{0,5}))?")


class _Journal(msgspec.Struct, frozen=True):
    lines: list[str] = []


class AlreadyHome(RunError):
    """The trial's own controller collected it."""


class Collected(NamedTuple):
    """Where it is now, and what could not be brought home, one line each."""

    folder: RunFolder
    trial: int
    problems: list[str]


def bring_home(remote: Remote, runs: Path, name: str | None) -> Collected:
    """Return where the last trial of the hosts is now, ready to be reported.

    name: the run it has to be of.

    Raises:
        RunError: it still runs, or its run is not here.
        AlreadyHome: its own controller collected it.
    """
    states = armed_hosts.look(remote)
    _refuse_running(states)
    label = armed_hosts.trial_of(states) or _told(remote)
    folder, n, attempt = _find(remote, label, runs, name)
    planned = {trial.n: trial for trial in load_plan(folder.path).trials}
    if n not in planned:
        raise StoreError(f"{folder.path}: its plan has no trial {n}, of which the hosts tell")
    known = load_trial(folder.path, n)
    home = known is not None and not known.reason.startswith(DIED)
    if home or attempt < folder.attempt(n):
        what = "was collected by its own controller" if home else "was put aside, to be run again"
        collect.let_go(remote, label, owner())
        raise AlreadyHome(f"trial {label} {what}; slotlab report {folder.path}")
    problems = [
        f"{host}: tells of trial {state.trial}, not of {label}"
        for host, state in states.items()
        if state.trial not in ("", label)
    ]
    problems += _fetch(remote, folder, planned[n], since_ns=(folder.path / PLAN).stat().st_mtime_ns)
    folder.write_trial(_record(remote, folder, planned[n], label, problems))
    collect.let_go(remote, label, owner())
    return Collected(folder, n, problems)


def keep(remote: Remote, runs: Path, tell: Tell) -> None:
    """Bring home what a dead controller left, if nobody has yet: the next trial replaces it.

    Raises:
        RunError: it cannot be brought home; one line says how to give it up.
    """
    label = armed_hosts.uncollected_of(armed_hosts.look(remote))
    if not label:
        return
    tell(f"the hosts hold trial {label}, which nobody has collected: collecting it first")
    try:
        collected = bring_home(remote, runs, None)
    except AlreadyHome:
        return
    except (RunError, UsageError) as error:
        raise RunError(f"{error}; give it up with `slotlab collect --forget`") from error
    for problem in collected.problems:
        tell(f"warning: {problem}")
    tell(f"it is in {collected.folder.path}; slotlab report makes its report")


def forget(remote: Remote) -> str:
    """Return the trial that was given up just now, "" where the hosts hold none."""
    label = armed_hosts.uncollected_of(armed_hosts.look(remote))
    if label:
        collect.let_go(remote, label, owner())
    return label


def _refuse_running(states: dict[str, armed_hosts.HostState]) -> None:
    busy = [host for host, state in states.items() if state.busy]
    if busy:
        state = states[busy[0]]
        raise RunError(
            f"trial {state.trial} is not over: {busy[0]} has {armed_hosts.what([state])} for"
            f" {state.left_ns / 1e9:.0f} s more; wait, or end it with slotlab stop"
        )


def _told(remote: Remote) -> str:
    """Return the trial of which most agents' journals tell: an agent that came back knows none."""
    told = []
    for reply in remote.ctl_all("journal", from_line=0, timeout_s=PATIENCE_S).values():
        with contextlib.suppress(IndexError, *BROKEN):
            last = msgspec.convert(reply.ok or {}, _Journal).lines[-1]
            told.append(msgspec.json.decode(last, type=Record).trial)
    return armed_hosts.commonest(told)


def _find(remote: Remote, label: str, runs: Path, name: str | None) -> tuple[RunFolder, int, int]:
    """Return the run folder of a trial's label, made from the hosts if need be, the trial's number
    and which attempt at it that is.
    """
    if not label:
        raise RunError("no host tells of a trial: there is nothing to collect")
    parts = _LABEL.fullmatch(label)
    if parts is None:
        raise RunError(f"the hosts tell of a trial {label[:80]!r}, which is none of a campaign")
    run, n, attempt = parts[1], int(parts[2]), int(parts[3] or 1)
    if name is not None:
        folder = store.find(name, runs)
        if folder.path.name != run:
            raise RunError(f"the hosts hold trial {label}, which is not of {folder.path}")
        return folder, n, attempt
    for path in runs.glob(f"*/{run}/plan.json"):
        return RunFolder(path.parent.resolve()), n, attempt
    remade = _remade(remote, runs, run, n)
    if remade is None:
        raise RunError(
            f"the hosts hold trial {label}; its run is not below {runs} (--runs FOLDER), and no"
            " host has kept its plan"
        )
    return remade, n, attempt


def _remade(remote: Remote, runs: Path, run: str, n: int) -> RunFolder | None:
    """Return a run folder made of what hosts have kept of plan and genesis, None without a plan."""
    for host in remote.inventory.hosts:
        trial = f"{host.state_dir}/trial"
        results = remote.run([host.name], ("cat", f"{trial}/{PLAN}"))
        try:
            planned = plan.decode(results[host.name].stdout.encode())
        except BROKEN:
            continue
        if not results[host.name].ok or not _CAMPAIGN.fullmatch(planned.campaign):
            continue
        folder = RunFolder(runs / planned.campaign / run)
        folder.path.mkdir(parents=True, exist_ok=True)
        (folder.path / PLAN).write_bytes(plan.encode(planned))
        genesis_text = remote.run([host.name], ("cat", f"{trial}/{GENESIS}"))[host.name].stdout
        folder.write_genesis(n, {GENESIS: genesis_text})
        write_json(folder.path / "provenance.json", store.provenance(planned.seed))
        return folder
    return None


def _fetch(remote: Remote, folder: RunFolder, planned: PlannedTrial, *, since_ns: int) -> list[str]:
    """Return what could not be brought home, and how a host differs from before, a line each."""
    n = planned.n
    places = {host.name: host.state_dir for host in remote.inventory.hosts}
    problems = collect.collect(remote, folder, n, places, since_ns=since_ns)
    if localise_provider(planned):
        collect.provider_journal(folder, n, power.folder_of(remote.inventory))
    before: dict[str, Any] = {}
    for host in places:
        known = load_json(folder.host(n, host) / "before.json")
        if isinstance(known, dict):
            before[host] = known
        else:
            problems.append(f"{host}: its state before the trial is not known")
    return problems + collect.compare(remote, folder, n, before)


def _record(
    remote: Remote, folder: RunFolder, planned: PlannedTrial, label: str, problems: list[str]
) -> TrialFile:
    n = planned.n
    begun = genesis.TrialFiles()
    try:
        begun = genesis.begun((trial_folder(folder.path, n) / GENESIS).read_bytes())
    except (OSError, ValueError) as error:
        problems.append(f"genesis.json of trial {n}: {error}")
    moments = []
    for host in remote.inventory.hosts:
        records = collect.agent_records(folder, n, host.name, label)
        moments += [record.wall_ns for record in records]
        problems += collect.stopped(records)
    return TrialFile(
        n=n,
        label=label,
        seed=planned.seed,
        t0_wall_ns=begun.t0_ns,
        chain_id=begun.chain_id,
        state="failed",
        reason=REASON,
        started_ns=min(moments, default=begun.t0_ns),
        ended_ns=max(moments, default=time.time_ns()),
        genesis_slot=begun.genesis_slot,
        problems=problems,
    )
