"""What it costs a chain to be looked at, trial by trial, on hosts of a container lab.

On, it is a trial of `slotlab run`: nodes that tell all they can, probes, clients, and agents that
are armed and asked. Off, the same nodes and clients run on the same hosts under the same load, but
no host probes another, no agent runs, nobody asks for anything, and of their events only those are
written that finality is measured by. Containers have one clock: their stamps can be compared.
"""

from __future__ import annotations

import json
import math
import shlex
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from harness.bench.rig import lab as rig_lab
from harness.bench.rig.lab import Meter
from harness.bench.row import Row
from harness.controller.console import Show, console_of
from harness.deploy import keys, rollout
from harness.errors import RunError
from harness.inventory.inventory import Inventory
from harness.orchestrator import run
from harness.orchestrator.fleet import Fleet, access, view
from harness.orchestrator.job import Job, RunOptions, job_of
from harness.plan.genesis import first_round_ns, kept_secret, trial_files
from harness.remote.fan_out import Remote, refuse_failed, run_as_root
from harness.testbed import collect, lock
from metrics.model.quantiles import quantile
from metrics.model.run_folder import load_trial
from metrics.results import ranks

TRIALS = 10
"""Of each kind; they take turns, and who is first takes turns, too."""
HOSTS = 4
SLOT_NS = 500_000_000
BEFORE_S, LASTS_S, AFTER_S = 8, 60, 8
"""Of a trial: what is not yet measured, what is, and until its last block is final."""
LEAD_NS = 20_000_000_000
"""So long do nodes take until they are linked, where nobody asks whether they are."""
CAMPAIGN = """
schema: slotlab.campaign/v1
title: looked at or not
seed: 1
chain: {{profile: eosio, producers: {hosts}, slot: 500ms, blocks_per_turn: 2}}
load: {{rate: 40/s}}
trials: {{repeat: 1}}
warmup: {before}s
cooldown: 1s
safety: {{lease: 20s}}
timeline:
  - {{id: armed, at: {fault}s, for: 1s, fault: delay, between: all, delay: 10ms}}
"""
"""The fault is for agents to be armed with: it begins when all that is measured is over."""
NEEDED = ["produced", "irreversible"]
"""What finality is measured by."""
WHICH = {True: "looked at", False: "not looked at"}
BARE_UNITS = ["node", "client"]
LABEL = "bench.1"
skipped = rig_lab.skipped


class Trial(NamedTuple):
    """What one trial shows."""

    p99_ms: float
    """Of finality: from a block's slot until it is irreversible, of each block at each host."""
    missed: float
    """Slots that were due and have no block that is final on any host."""
    cpu_percent: float
    """Of a core, by all that ran on a host."""


FIGURES = (("finality, p99", "ms"), ("slots missed", ""), ("processor of a host", "% of a core"))


class Measured(NamedTuple):
    """The slots that are measured, and the time of the first."""

    slots: range
    begin_ns: int

    def time_ns(self, slot: int) -> int:
        """Return the wall time of a slot."""
        return self.begin_ns + (slot - self.slots.start) * SLOT_NS


class Event(msgspec.Struct, frozen=True):
    """What is read of an event that finality is measured by; only `produced` has a slot."""

    kind: str
    host: str
    wall_ns: int
    id: str
    slot: int = 0


def rows() -> list[Row]:
    """Return each figure with and without being looked at, and the difference with its interval."""
    show = Show(console_of(stderr=True))
    with rig_lab.fresh(HOSTS, show) as (name, lab):
        rollout.deploy(lab, show.step)
        return rows_of(name, lab, show)


def rows_of(name: str, lab: Inventory, show: Show) -> list[Row]:
    """Return the same of a lab that is up, with the software on it."""
    found: dict[bool, list[Trial]] = {True: [], False: []}
    with tempfile.TemporaryDirectory(prefix="slb-") as folder:
        file = Path(folder) / "effect.yml"
        fault = BEFORE_S + LASTS_S + AFTER_S
        file.write_text(CAMPAIGN.format(hosts=HOSTS, before=BEFORE_S, fault=fault))
        job = job_of(RunOptions(campaign=str(file), runs=Path(folder) / "runs"))
        for number in range(TRIALS):
            for looked_at in (True, False) if number % 2 else (False, True):
                with Meter(name) as meter:
                    measured = _looked_at(lab, job, show) if looked_at else _alone(lab, job)
                end_ns = measured.time_ns(measured.slots.stop)
                cpu_percent = meter.percent(measured.begin_ns, end_ns)
                trial = Trial(*finality(_events(lab), measured), cpu_percent)
                show.step(f"{number + 1} of {TRIALS}, {WHICH[looked_at]}: {_said(trial)}")
                found[looked_at].append(trial)
    return compared(found[False], found[True])


def _said(trial: Trial) -> str:
    figures = zip(FIGURES, trial, strict=True)
    return ", ".join(f"{what} {value:.4g} {unit}".strip() for (what, unit), value in figures)


def compared(off: Sequence[Trial], on: Sequence[Trial]) -> list[Row]:
    """Return the rows of such trials; too few of them have no interval."""
    made = []
    for place, (what, unit) in enumerate(FIGURES):
        base, other = ([trial[place] for trial in group] for group in (off, on))
        between = ranks.shift([(v, v, v) for v in base], [(v, v, v) for v in other])
        made.append(
            Row(bench="probe-effect", what=what, unit=unit, value=statistics.median(other),
                n=len(other), floor=statistics.median(base), floor_is=WHICH[False])
        )  # fmt: skip
        names = ("more by being looked at", "at least (95 %)", "at most (95 %)")
        made += [
            Row(bench="probe-effect", what=f"{what}, {name}", unit=unit, value=value, n=len(other))
            for name, value in zip(names, between, strict=True)
            if value is not None
        ]
    return made


def finality(events: Sequence[Event], measured: Measured) -> tuple[float, int]:
    """Return the 99th percentile of finality, in ms, and how many slots were missed.

    A block that is final on one host only took longer than anything seen on the others.

    Raises:
        RunError: no block became final.
    """
    slot_of = {each.id: each.slot for each in events if each.kind == "produced"}
    final_ns = {(each.host, each.id): each.wall_ns for each in events if each.kind != "produced"}
    blocks = {block for _, block in final_ns if slot_of.get(block) in measured.slots}
    took_ms = [
        (final_ns.get((host, block), math.inf) - measured.time_ns(slot_of[block])) / 1e6
        for host in {each.host for each in events}
        for block in blocks
    ]
    p99_ms = quantile(sorted(took_ms), 0.99)
    if p99_ms is None:
        raise RunError("bench: no block became final")
    return p99_ms, len(measured.slots) - len({slot_of[block] for block in blocks})


def _measured(t0_ns: int, genesis_slot: int) -> Measured:
    begin, count = (seconds * 1_000_000_000 // SLOT_NS for seconds in (BEFORE_S, LASTS_S))
    first = genesis_slot + 1 + begin
    return Measured(range(first, first + count), t0_ns + begin * SLOT_NS)


def _looked_at(lab: Inventory, job: Job, show: Show) -> Measured:
    """Run a trial as anybody does."""
    trial = load_trial(run.run(job, lab.path, show).folder, 1)
    if trial is None or trial.state != "complete":
        raise RunError(f"bench: the trial was not complete: {trial and trial.reason}")
    return _measured(trial.t0_wall_ns, trial.genesis_slot)


def _alone(lab: Inventory, job: Job) -> Measured:
    """Run nodes and clients of the same trial by themselves, as long as it would take."""
    with (
        lock.hold(lab.lab_id, "bench"),
        Remote(lab) as remote,
        lock.hold_hosts(remote, "bench") as held,
    ):
        fleet, owner = Fleet(remote), held.owner
        deployed = fleet.deployed()
        plan = job.planned(view(lab, deployed, fleet.hello()))
        files = trial_files(
            plan, plan.trials[0],
            t0_ns=first_round_ns(plan, not_before_ns=time.time_ns() + LEAD_NS),
            keys=partial(kept_secret, keys.folder(lab) / "chain"), access=access(deployed),
        )  # fmt: skip
        fleet.ask_each({
            host: {"op": "prepare", "trial": LABEL, "owner": owner, "files": _bare(texts)}
            for host, texts in files.by_host.items()
        })  # fmt: skip
        fleet.ask("start", units=BARE_UNITS, owner=owner)
        _agents(remote, "stop")
        remote.reconnect()
        if time.time_ns() > files.t0_ns:
            raise RunError("bench: this machine is too busy to start nodes in time")
        time.sleep((files.t0_ns + plan.end_ns - time.time_ns()) / 1e9)
        _agents(remote, "start")
        fleet.ask("stop", units=BARE_UNITS, owner=owner)
        collect.let_go(remote, LABEL, owner)
    return _measured(files.t0_ns, files.genesis_slot)


def _bare(texts: Mapping[str, str]) -> dict[str, str]:
    """Return a host's files of a trial, of whose events only those are written that are needed."""
    config = {**json.loads(texts["node.json"]), "event_kinds": NEEDED}
    return {**texts, "node.json": json.dumps(config)}


def _agents(remote: Remote, word: str) -> None:
    names = [host.name for host in remote.inventory.hosts]
    lines = dict.fromkeys(names, f"systemctl {word} slotlab-agent")
    refuse_failed(f"{word} agents", run_as_root(remote, lines, timeout_s=60))


def _events(lab: Inventory) -> list[Event]:
    """Return what the nodes of the last trial told that finality is measured by."""
    kinds = f'"kind":"({"|".join(NEEDED)})"'
    with Remote(lab) as remote:
        told = remote.run_each({
            host: f"grep -E {shlex.quote(kinds)} {shlex.quote(each.state_dir)}/events/node.jsonl"
            for host, each in Fleet(remote).deployed().items()
        })  # fmt: skip
    refuse_failed("reading events", told)
    lines = [line for each in told.values() for line in each.stdout.splitlines()]
    return [msgspec.json.decode(line, type=Event) for line in lines]
