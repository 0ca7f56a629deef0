"""All metrics of one trial side by side, and what makes the trial invalid."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from metrics.intake.intervals import Intervals
from metrics.intake.trial import TrialData
from metrics.measure import blocks, head_lag, propagation, transactions
from metrics.measure.head_lag import Series
from metrics.measure.metric import Metric, T
from metrics.measure.propagation import Propagation
from metrics.measure.registry import METRICS
from metrics.model.run_folder import COMPLETE, HOLDS
from metrics.results import fault_results
from metrics.results.fault_results import FaultResult
from metrics.safety import checks, finality_conflict
from metrics.safety.checks import Check
from metrics.safety.finality_conflict import FinalityConflict

RESTORED = "host_state_restored"


@dataclass(frozen=True, slots=True)
class Analysis:
    """One trial, measured. `invalid` lists why its figures must not be used (empty: they may);
    `damage` the part of that which is the record's fault.

    intervals: how far apart blocks were. heads: each host's head and last irreversible block over
    time. found: what each metric measured, in the registry's order. zones: what held them apart, if
    anything did. story: how two blocks of one height became final, where that happened.
    """

    data: TrialData
    intervals: Intervals
    heads: dict[str, Series]
    found: tuple[Any, ...]
    faults: list[FaultResult]
    zones: list[FaultResult]
    checks: list[Check]
    story: FinalityConflict | None
    damage: list[str]
    invalid: list[str]
    notes: list[str]

    def of(self, metric: Metric[T]) -> T:
        """Return what a metric measured."""
        found: T = self.found[METRICS.index(metric)]
        return found


def analyse(data: TrialData) -> Analysis:
    """Return every metric of the trial, and let go of its events."""
    chain = blocks.view(data)
    measured, zones = fault_results.measure(data), fault_results.measure_zones(data)
    judged = checks.judge(data, chain)
    found = {metric: metric.measure(data, chain) for metric in METRICS}
    damage = _damage(data)
    analysis = Analysis(
        data=data,
        intervals=chain.intervals,
        heads=head_lag.series(data),
        found=tuple(found.values()),
        faults=measured,
        zones=zones,
        checks=judged,
        story=finality_conflict.tell(data, chain),
        damage=damage,
        invalid=damage
        + _invalid(data, [*zones, *measured], judged)
        + _impossible(found[propagation.METRIC]),
        notes=_notes(data)
        + transactions.undone_acts(found[transactions.METRIC], data.planned.acts),
    )
    data.close()
    return analysis


def _damage(data: TrialData) -> list[str]:
    """Return what of the record is missing, contradictory or not to be placed in time."""
    reasons = []
    missing = sorted({host.host for host in data.plan.hosts} - set(data.intake.hosts))
    if missing:
        reasons.append(f"no events were collected from {', '.join(missing)}")
    reasons += [
        f"{loss.node} lost {loss.count} events after seq {loss.after_seq}"
        for loss in data.intake.losses
    ]
    reasons += data.intake.findings
    return reasons + [problem for problem in data.timeline.problems if checks.breaks(problem)]


def _invalid(data: TrialData, measured: list[FaultResult], judged: list[Check]) -> list[str]:
    """Return why else the trial proves nothing, one sentence each."""
    reasons = []
    broken_off = data.file.state != COMPLETE
    if broken_off:
        reasons.append(f"the trial is {data.file.state}: {data.file.reason or 'no reason given'}")
    for fault in measured:
        if broken_off and fault.end_s > data.end_ns / 1e9:
            continue  # Ended, or never begun, with the trial.
        if fault.ended_early:
            early = fault.measured.get("early_ms")
            by = "" if early is None else f" by {early:g} ms"
            reasons.append(f"{fault.id} ended early{by}")
        if fault.state != "installed":
            reasons.append(f"{fault.id} is {fault.state}: {fault.reason}")
    cut = {host for f in data.planned.faults if f.kind.reboots for host in f.targets}
    reasons += [
        f"{host} rebooted, which nobody asked for"
        for host in (planned.host for planned in data.plan.hosts)
        if data.boots(host) > 1 and host not in cut
    ]
    reasons += [c.evidence for c in judged if c.name == RESTORED and c.verdict != HOLDS]
    return reasons


def _impossible(found: Propagation) -> list[str]:
    """Return a reason where blocks arrived before they were made by more than the clock error."""
    hops = found.hops
    early = np.flatnonzero(hops.hi_ns < 0)
    if not len(early):
        return []
    worst = early[np.argmin(hops.hi_ns[early])]
    return [
        f"{len(early)} of {len(hops.num)} blocks arrived before their maker noted them, by up to "
        f"{-hops.hi_ns[worst] / 1e6:.2f} ms (at {hops.target[worst]} from {hops.source[worst]}): "
        "either a stamp is wrong or the bound is"
    ]


def _notes(data: TrialData) -> list[str]:
    """Return what a reader should know that does not invalidate the trial."""
    notes = [problem for problem in data.timeline.problems if not checks.breaks(problem)]
    for host, count in sorted(data.intake.rejected.items()):
        notes.append(f"{host}: {count} broken event lines were rejected")
    for kind, count in sorted(data.intake.unknown_kinds.items()):
        notes.append(f"{count} events of unknown kind {kind} were kept and not used")
    notes += data.intake.notes
    for event in data.events("dropped", "queue n"):
        notes.append(f"{event.node}: queue {event.queue} dropped {event.n} items")
    return notes
