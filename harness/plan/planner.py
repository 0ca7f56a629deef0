"""Turns a campaign and a lab into a plan: producers dealt, selectors drawn, phases, quorum.

Pure: no host is asked here, no clock is read. The same campaign, hosts and capabilities give the
same plan, byte for byte. What is impossible here or unsafe is a PlanError, before anything starts.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from harness.campaign import expectations
from harness.campaign.campaign_file import CampaignFile, Cell
from harness.campaign.model import Campaign
from harness.errors import PlanError, nearest
from harness.plan import acts, chains, consensus, node_options, phases, refusals, selectors, zones
from harness.plan.chains import Timing
from harness.plan.estimate import estimate
from harness.plan.fault_support import UNSUPPORTED, Capabilities, mechanism
from harness.plan.selectors import draw
from metrics.model.cell_load import sent_until_ns
from metrics.model.plan import (
    ABSENT,
    Plan,
    PlannedCell,
    PlannedChain,
    PlannedFault,
    PlannedHost,
    PlannedTrial,
)
from metrics.model.standing import standing
from metrics.model.zones import PlannedZones


@dataclass(frozen=True, slots=True, kw_only=True)
class LabView:
    """What the plan needs to know of a lab; capabilities None: the hosts were not asked yet.

    room: what hosts have of memory and disk, as far as they were asked.
    """

    lab: str
    hosts: tuple[PlannedHost, ...]
    groups: Mapping[str, Sequence[str]]
    capabilities: Capabilities | None = None
    room: Mapping[str, refusals.Room] = field(default_factory=dict)


def build(file: CampaignFile, view: LabView, *, seed: int | None = None, added: int = 0) -> Plan:
    """Return the plan of a campaign on a lab; seed replaces the campaign's own.

    added: so many repeats more of each cell than the campaign says, after all others.

    Raises:
        PlanError: unknown host, unsupported fault, unsafe; one line with file, key and remedy.
    """
    common, name = file.common, file.path.name
    base_seed = common.seed if seed is None else seed
    hosts = _deal(common, view, name)
    field = _field(file, view, hosts)
    apart, fields = _zones(file, view, field, hosts)
    own = {cell.n: chains.chain_of(file, cell, hosts) for cell in file.cells}
    runs = _order(file, base_seed, added)
    seeds = [_trial_seed(base_seed, cell.drawn_as, k) for cell, k in runs]
    faults = [
        _draw(file, view, fields[cell.n], hosts, cell, s)
        for (cell, _), s in zip(runs, seeds, strict=True)
    ]
    timing = Timing.of(file, faults)
    faults = [[fault.ending(timing.end_ns) for fault in drawn] for drawn in faults]
    keepers = {
        cell.n: acts.keepers(cell.campaign.chain, own[cell.n].accounts, hosts)
        for cell in file.cells
    }
    acts.refuse_strangers(file, keepers)
    asked = acts.planned_acts(file, keepers, [host.host for host in hosts], timing.end_ns)
    trials = [
        _trial(PlannedTrial(n=n, cell=cell.n, seed=s, faults=drawn, acts=asked[cell.n],
                            phases=[], quorum=[]), own[cell.n], timing, hosts)
        for n, ((cell, _), s, drawn) in enumerate(zip(runs, seeds, faults, strict=True), start=1)
    ]  # fmt: skip
    max_unreachable = _max_unreachable(common, field)
    cells = [_cell(file, cell, own, apart[cell.n], timing.end_ns) for cell in file.cells]
    _check(file, view, trials, cells, timing, hosts, max_unreachable=max_unreachable)
    nodes = node_options.of_hosts(common, field, seed=base_seed, file=name)
    costing = [(cell.campaign.chain, cells[cell.n - 1]) for cell, _ in runs]
    plan = Plan(
        campaign=file.name,
        title=common.title,
        lab=view.lab,
        seed=base_seed,
        **msgspec.structs.asdict(own[file.cells[0].n]),
        **nodes,
        newcomers=acts.newcomers(file, keepers, hosts, nodes["light"]),
        warmup_ns=timing.warmup_ns,
        end_ns=timing.end_ns,
        hosts=list(hosts),
        expect=expectations.resolve(common.expect),
        regression={name: rule.worse_by for name, rule in common.regression.items()},
        lease=common.safety.lease,
        max_unreachable=max(0, max_unreachable),
        cells=cells,
        trials=trials,
        estimate=estimate(costing, len(hosts), timing.end_ns, view.lab),
    )
    consensus.refuse(file, plan)
    refusals.check_disks(name, plan, view.room)
    return plan


def _order(file: CampaignFile, seed: int, added: int) -> list[tuple[Cell, int]]:
    """Return the cell and the repetition of each trial, in the order in which they are run.

    Each added repeat is drawn by itself, so that what was planned before stays as it is; in blocks,
    each of them is.
    """
    repeat, order = file.common.trials.repeat, file.common.trials.order
    first = 0 if order == "blocked" else repeat
    blocks = [(f"{seed}/order", range(first))]
    blocks += [(f"{seed}/order/{k}", range(k, k + 1)) for k in range(first, repeat + added)]
    runs = []
    for name, repetitions in blocks:
        block = [(cell, k) for cell in file.cells for k in repetitions]
        if order != "listed":
            random.Random(name).shuffle(block)
        runs += block
    return runs


def _draw(
    file: CampaignFile,
    view: LabView,
    field: selectors.Field,
    hosts: Sequence[PlannedHost],
    cell: Cell,
    seed: int,
) -> list[PlannedFault]:
    """Return the faults of a trial, drawn, each with how it is done."""
    chosen: dict[str, list[str]] = {}
    drawn: list[PlannedFault] = []
    ids = cell.campaign.fault_ids
    for i, spec in cell.campaign.faults.items():
        key, fault_id = f"{file.path.name}: timeline[{i}]", ids[i]
        rng = random.Random(f"{seed}/{fault_id}")
        try:
            fault = draw(fault_id, spec, field, rng, chosen)
        except ValueError as error:
            raise PlanError(f"{key}.{error}") from error
        chosen[fault_id] = fault.targets
        how = ABSENT
        if not spec.absent:
            targets = [host for host in hosts if host.host in fault.acting]
            how = mechanism(fault, targets, lab=view.lab, capabilities=view.capabilities)
        if how.startswith(UNSUPPORTED):
            raise PlanError(f"{key}: {how}")
        drawn.append(msgspec.structs.replace(fault, how=how))
    return drawn


def _deal(campaign: Campaign, view: LabView, file: str) -> tuple[PlannedHost, ...]:
    """Return the hosts with producers dealt round-robin in inventory order, or as assigned."""
    if not view.hosts:
        raise PlanError("the inventory has no hosts in group nodes; add some")
    names = node_options.producer_names(campaign.chain.producers)
    dealt: dict[str, list[str]] = {host.host: [] for host in view.hosts}
    assign = campaign.chain.assign
    for host, producers in assign.items():
        if host not in dealt:
            problem = f"no host {host} in the inventory; {nearest(host, [*dealt])}"
            raise PlanError(f"{file}: chain.assign: {problem}")
        if any(each.host == host and each.observer for each in view.hosts):
            problem = f"{host} is an observer; take that away, or name another host"
            raise PlanError(f"{file}: chain.assign: {problem}")
        dealt[host] = list(producers)
    given = sorted(name for producers in dealt.values() for name in producers)
    if assign and given != sorted(names):
        raise PlanError(f"{file}: chain.assign: give each of {', '.join(names)} to one host")
    takers = [host.host for host in view.hosts if not host.observer]
    if not assign and not takers:
        raise PlanError("every host is an observer; take slotlab_observer from some")
    if not assign:
        for i, name in enumerate(names):
            dealt[takers[i % len(takers)]].append(name)
    return tuple(msgspec.structs.replace(host, producers=dealt[host.host]) for host in view.hosts)


def _max_unreachable(campaign: Campaign, field: selectors.Field) -> int:
    """Return how many hosts may be away at once: as asked, else as many as can be spared."""
    asked = campaign.safety.max_unreachable
    return field.spare if asked is None else asked


def _field(file: CampaignFile, view: LabView, hosts: Sequence[PlannedHost]) -> selectors.Field:
    """Return the hosts that selectors choose from."""
    return selectors.Field(
        weights=chains.weights(hosts), groups=view.groups, needed=chains.quorum(file),
        idle=chains.idle(file),
    )  # fmt: skip


def _zones(
    file: CampaignFile, view: LabView, field: selectors.Field, hosts: Sequence[PlannedHost]
) -> tuple[dict[int, PlannedZones | None], dict[int, selectors.Field]]:
    """Return by cell the zones of its hosts, and the field with these among its groups."""
    apart = {
        cell.n: zones.of_cell(file, cell, hosts, lab=view.lab, capabilities=view.capabilities)
        for cell in file.cells
    }
    return apart, {
        n: replace(field, groups=zones.with_groups(each, view.groups, file.path.name))
        for n, each in apart.items()
    }


def _trial(
    trial: PlannedTrial, chain: PlannedChain, timing: Timing, hosts: Sequence[PlannedHost]
) -> PlannedTrial:
    """Return a trial with its phases, and who can act together when.

    A fault that is absent has its phase all the same, so that cells can be compared.
    """
    cut = phases.cut(
        trial.faults, warmup_ns=timing.warmup_ns, settle_ns=timing.settle_ns, end_ns=timing.end_ns
    )
    done = [fault for fault in trial.faults if fault.how != ABSENT]
    quorum = phases.quorum(
        done, chains.weights(hosts), needed=chain.finality.quorum,
        clock_limit_ns=chain.clock_limit_ns, end_ns=timing.end_ns,
    )  # fmt: skip
    absent = [fault for fault in trial.faults if fault.how == ABSENT]
    return msgspec.structs.replace(trial, faults=done, absent=absent, phases=cut, quorum=quorum)


def _check(
    file: CampaignFile,
    view: LabView,
    trials: Sequence[PlannedTrial],
    cells: Sequence[PlannedCell],
    timing: Timing,
    hosts: Sequence[PlannedHost],
    *,
    max_unreachable: int,
) -> None:
    """Refuse trials that are unsafe, and expectations about phases that there are not."""
    rules = refusals.Rules(
        file=file.path.name, lab=view.lab, hosts=hosts, max_unreachable=max_unreachable,
        allowed=file.common.safety.allow,
        warmup_ns=timing.warmup_ns, end_ns=timing.end_ns, room=view.room,
    )  # fmt: skip
    held = {
        cell.n: standing(cell.zones, end_ns=timing.end_ns) if cell.zones else None for cell in cells
    }
    ids = {cell.n: cell.campaign.fault_ids for cell in file.cells}
    places = {n: {name: i for i, name in named.items()} for n, named in ids.items()}
    for trial in trials:
        refusals.check(rules, trial.faults, places[trial.cell], held[trial.cell])
    _check_phases(file, trials)
    refusals.check_expected(file.path.name, file.common.expect, trials)


def _check_phases(file: CampaignFile, trials: Sequence[PlannedTrial]) -> None:
    """Refuse expectations about a phase that no trial has."""
    known = sorted({phase.name for trial in trials for phase in trial.phases})
    for name in expectations.phases(file.common.expect):
        if name not in known:
            problem = f"no such phase; {nearest(name, known)}"
            raise PlanError(f"{file.path.name}: expect.{name}: {problem}")


def _trial_seed(seed: int, cell: int, repetition: int) -> int:
    """Return a seed of 48 bits that differs for each trial and is the same everywhere."""
    digest = hashlib.sha256(f"slotlab/{seed}/{cell}/{repetition}".encode()).digest()
    return int.from_bytes(digest[:6], "big")


def _cell(
    file: CampaignFile, cell: Cell, own: Mapping[int, PlannedChain], apart: PlannedZones | None,
    end_ns: int,
) -> PlannedCell:  # fmt: skip
    load, first, chain = cell.campaign.load, own[file.cells[0].n], own[cell.n]
    final_ns = chain.prediction.finality_lag_blocks.min * chain.slot_ns * chain.interval_slots
    try:
        shape = load.shape(sent_until_ns(end_ns), final_ns) if load else None
    except ValueError as error:
        raise PlanError(f"{file.path.name}: load.{error}") from error
    return PlannedCell(
        n=cell.n, params=dict(cell.params),
        rate_milli=load.begins_milli if load else 0, size_bytes=load.size if load else 0,
        shape=shape, chain=None if chain == first else chain, zones=apart,
    )  # fmt: skip
