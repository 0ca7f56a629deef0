"""Turns a campaign and a lab into a plan: producers dealt, selectors drawn, phases, quorum.

Pure: no host is asked here, no clock is read. The same campaign, hosts and capabilities give the
same plan, byte for byte. What is impossible here or unsafe is a PlanError, before anything starts.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from faults.model.fault import SECOND_NS
from harness.campaign import expectations
from harness.campaign.campaign_file import CampaignFile, Cell
from harness.campaign.model import Campaign
from harness.errors import PlanError, nearest
from harness.plan import acts, consensus, node_options, phases, refusals, selectors
from harness.plan.fault_support import Capabilities, mechanism
from harness.plan.selectors import draw
from metrics.model.plan import (
    Estimate,
    Finality,
    Plan,
    PlannedCell,
    PlannedFault,
    PlannedHost,
    PlannedTrial,
    Prediction,
)

CLOCK_LIMIT_MAX_NS = 2_500_000_000
WARMUP_MIN_NS = 10 * SECOND_NS
TRIAL_OVERHEAD_NS = 20 * SECOND_NS


@dataclass(frozen=True, slots=True, kw_only=True)
class LabView:
    """What the plan needs to know of a lab; capabilities None: the hosts were not asked yet."""

    lab: str
    hosts: tuple[PlannedHost, ...]
    groups: Mapping[str, Sequence[str]]
    capabilities: Capabilities | None = None


def build(file: CampaignFile, view: LabView, *, seed: int | None = None) -> Plan:
    """Return the plan of a campaign on a lab; seed replaces the campaign's own.

    Raises:
        PlanError: unknown host, unsupported fault, unsafe; one line with file, key and remedy.
    """
    common, name = file.common, file.path.name
    base_seed = common.seed if seed is None else seed
    hosts = _deal(common, view, name)
    field = _field(common, view, hosts)
    runs = [(cell, k) for cell in file.cells for k in range(common.trials.repeat)]
    if common.trials.order == "random":
        random.Random(f"{base_seed}/order").shuffle(runs)
    seeds = [_trial_seed(base_seed, cell.n, k) for cell, k in runs]
    faults = [_draw(file, view, hosts, cell, s) for (cell, _), s in zip(runs, seeds, strict=True)]
    timing = _Timing.of(file, faults)
    faults = [[fault.ending(timing.end_ns) for fault in drawn] for drawn in faults]
    numbered = enumerate(zip(runs, seeds, faults, strict=True), start=1)
    trials = [_trial(n, cell, s, drawn, timing, hosts) for n, ((cell, _), s, drawn) in numbered]
    owners = acts.accounts(common, hosts, name)
    keeper = acts.keepers(common.chain, owners, hosts)
    asked = acts.planned_acts(file, keeper, [host.host for host in hosts], timing.end_ns)
    trials = [msgspec.structs.replace(trial, acts=asked[trial.cell]) for trial in trials]
    chain = node_options.chain_of(common, field, seed=base_seed, file=name)
    rules = refusals.Rules(
        file=name,
        lab=view.lab,
        quorum=timing.finality.quorum,
        hosts=hosts,
        max_unreachable=common.safety.max_unreachable,
        warmup_ns=timing.warmup_ns,
        end_ns=timing.end_ns,
    )
    for trial in trials:
        refusals.check(rules, trial.faults)
    _check_phases(file, trials)
    plan = Plan(
        campaign=file.name,
        title=common.title,
        lab=view.lab,
        seed=base_seed,
        **chain,
        newcomers=acts.newcomers(file, keeper, hosts, chain["light"]),
        system_account=acts.needs_system_account([cell.campaign for cell in file.cells]),
        accounts=owners,
        clock_limit_ns=timing.clock_limit_ns,
        warmup_ns=timing.warmup_ns,
        end_ns=timing.end_ns,
        hosts=list(hosts),
        expect=expectations.resolve(common.expect),
        lease=common.safety.lease,
        cells=[_cell(cell) for cell in file.cells],
        trials=trials,
        finality=timing.finality,
        asset=consensus.asset(common.chain),
        prediction=Prediction(finality_lag_blocks=consensus.predicted_lag(common.chain)),
        estimate=_estimate(common, len(hosts), timing.end_ns, len(trials)),
    )
    consensus.refuse(file, plan)
    return plan


@dataclass(frozen=True, slots=True)
class _Timing:
    """Lengths that all trials of a plan share, and what the system they come from says."""

    finality: Finality
    warmup_ns: int
    settle_ns: int
    end_ns: int
    clock_limit_ns: int

    @classmethod
    def of(cls, file: CampaignFile, trials: Sequence[Sequence[PlannedFault]]) -> _Timing:
        campaign = file.common
        finality_ns = consensus.predicted_lag(campaign.chain).max * campaign.chain.slot
        default_ns = max(WARMUP_MIN_NS, 2 * finality_ns)
        warmup_ns = default_ns if campaign.warmup is None else campaign.warmup
        cooldown_ns = default_ns if campaign.cooldown is None else campaign.cooldown
        ends_ns = [f.at_ns + (f.for_ns or 0) for t in trials for f in t]
        ends_ns += [act.at for cell in file.cells for act in cell.campaign.acts.values()]
        last_ns = max(ends_ns, default=warmup_ns)
        slots = -(-(last_ns + cooldown_ns) // campaign.chain.slot)
        return cls(
            finality=consensus.finality(campaign.chain),
            warmup_ns=warmup_ns,
            settle_ns=min(2 * finality_ns, cooldown_ns // 2),
            end_ns=slots * campaign.chain.slot,
            clock_limit_ns=min(campaign.chain.slot // 4, CLOCK_LIMIT_MAX_NS),
        )


def _draw(
    file: CampaignFile, view: LabView, hosts: Sequence[PlannedHost], cell: Cell, seed: int
) -> list[PlannedFault]:
    """Return the faults of a trial, drawn, each with how it is done."""
    field = _field(file.common, view, hosts)
    chosen: dict[str, list[str]] = {}
    drawn: list[PlannedFault] = []
    faults = cell.campaign.faults
    for i, spec in faults.items():
        key = f"{file.path.name}: timeline[{i}]"
        word = spec.row.word
        earlier = sum(other.row.word == word for j, other in faults.items() if j < i)
        fault_id = spec.id or f"{word}-{earlier + 1}"
        rng = random.Random(f"{seed}/{fault_id}")
        try:
            fault = draw(fault_id, spec, field, rng, chosen)
        except ValueError as error:
            raise PlanError(f"{key}.{next(iter(spec.whom))}: {error}") from error
        chosen[fault_id] = fault.targets
        targets = [host for host in hosts if host.host in fault.acting]
        how = mechanism(fault, targets, lab=view.lab, capabilities=view.capabilities)
        if how.startswith("unsupported"):
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
            raise PlanError(f"{file}: chain.assign: no host {host} in the inventory")
        if any(each.host == host and each.observer for each in view.hosts):
            problem = f"{host} is an observer; take that away, or name another host"
            raise PlanError(f"{file}: chain.assign: {problem}")
        dealt[host] = list(producers)
    given = sorted(name for producers in dealt.values() for name in producers)
    if assign and given != names:
        raise PlanError(f"{file}: chain.assign: give each of {', '.join(names)} to one host")
    takers = [host.host for host in view.hosts if not host.observer]
    if not assign and not takers:
        raise PlanError("every host is an observer; take slotlab_observer from some")
    if not assign:
        for i, name in enumerate(names):
            dealt[takers[i % len(takers)]].append(name)
    return tuple(msgspec.structs.replace(host, producers=dealt[host.host]) for host in view.hosts)


def _field(campaign: Campaign, view: LabView, hosts: Sequence[PlannedHost]) -> selectors.Field:
    """Return the hosts that selectors choose from."""
    return selectors.Field(
        weights={host.host: len(host.producers) for host in hosts},
        groups=view.groups,
        needed=consensus.finality(campaign.chain).quorum,
    )


def _trial(
    n: int,
    cell: Cell,
    seed: int,
    faults: list[PlannedFault],
    timing: _Timing,
    hosts: Sequence[PlannedHost],
) -> PlannedTrial:
    weights = {host.host: len(host.producers) for host in hosts}
    cut = phases.cut(
        faults, warmup_ns=timing.warmup_ns, settle_ns=timing.settle_ns, end_ns=timing.end_ns
    )
    quorum = phases.quorum(
        faults, weights, needed=timing.finality.quorum, clock_limit_ns=timing.clock_limit_ns,
        end_ns=timing.end_ns,
    )  # fmt: skip
    return PlannedTrial(n=n, cell=cell.n, seed=seed, faults=faults, phases=cut, quorum=quorum)


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


def _cell(cell: Cell) -> PlannedCell:
    load = cell.campaign.load
    rate_milli, size_bytes = (load.rate, load.size) if load else (0, 0)
    params = dict(cell.params)
    return PlannedCell(n=cell.n, params=params, rate_milli=rate_milli, size_bytes=size_bytes)


def _estimate(campaign: Campaign, hosts: int, end_ns: int, trials: int) -> Estimate:
    """Return wall time and raw bytes, from what slots and seconds cost in the event log."""
    blocks, seconds = end_ns // campaign.chain.slot, end_ns // SECOND_NS
    empty = blocks * (campaign.chain.interval_slots - 1)
    rate_milli = campaign.load.rate if campaign.load else 0
    per_host = blocks * 1_700 + empty * 250 + seconds * (600 + 1_300 * (hosts - 1))
    transactions = rate_milli * seconds // 1000 * 4 * 260
    return Estimate(
        seconds=(end_ns + TRIAL_OVERHEAD_NS) // SECOND_NS * trials,
        raw_bytes=trials * (hosts * per_host + transactions),
    )
