"""summary.json: every figure of a run, pooled over trials from raw samples, not from quantiles."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from metrics.intake.phase_windows import BETWEEN
from metrics.intake.trial import OUTSIDE, WARMUP
from metrics.measure import clocks, finality, forks, load, propagation, recovery, slots
from metrics.measure.blocks import sum_left_out
from metrics.model.method import Method
from metrics.model.plan import Plan
from metrics.model.quantiles import Samples, summarise
from metrics.results import comparison, expectations
from metrics.results.analysis import RESTORED, Analysis
from metrics.safety.checks import UNKNOWN, VIOLATED, Check, witness

SCHEMA = "slotlab.summary/v1"
PASS, FAIL, INVALID = "pass", "fail", "invalid"


def build(
    plan: Plan, analyses: list[Analysis], absent: list[str], other: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the summary of the run; absent says of which planned trials there is nothing, and why.

    other: the summary of a run of the same campaign elsewhere, to be shown beside this one.
    """
    cells = []
    for cell in plan.cells:
        own = [a for a in analyses if a.data.planned.cell == cell.n]
        if own:
            cells.append(_cell(plan, cell.params, own))
    checks = expectations.evaluate(plan, cells, analyses)
    reasons = absent + [f"trial {a.data.file.n}: {text}" for a in analyses for text in a.invalid]
    reasons += [
        f"{check.name}: unknown, {check.evidence}"
        for check in checks
        if check.verdict == UNKNOWN and expectations.needed(plan, check)
    ]
    if not analyses:
        reasons.append("no trial was run")
    prediction = comparison.compare(plan, cells, other)
    return {
        "schema": SCHEMA,
        "verdict": _verdict(checks, reasons),
        "campaign": plan.campaign,
        "title": plan.title,
        "lab": plan.lab,
        "seed": plan.seed,
        "checks": [_check(c) for c in checks],
        "invalid": reasons,
        "notes": [f"trial {a.data.file.n}: {text}" for a in analyses for text in a.notes]
        + comparison.notes(prediction),
        "cells": cells,
        "metrics": cells[0]["metrics"] if len(cells) == 1 else None,
        "faults": [_fault(f) for a in analyses for f in a.faults],
        "stories": [
            {"trial": a.data.file.n, "text": a.story.sentences} for a in analyses if a.story
        ],
        "prediction": prediction,
    }


def _verdict(checks: list[Check], reasons: list[str]) -> str:
    """Return fail for a broken invariant always, for a missed expectation in a valid run only."""
    violated = [c.name for c in checks if c.verdict == VIOLATED and c.name != RESTORED]
    if any("." not in name and ":" not in name for name in violated):
        return FAIL
    if reasons:
        return INVALID
    return FAIL if violated else PASS


def _check(check: Check) -> dict[str, Any]:
    return {
        "name": check.name,
        "verdict": check.verdict,
        "evidence": check.evidence,
        "details": [witness(found) for found in check.details],
    }


def _fault(found: Any) -> dict[str, Any]:
    return {
        "id": found.id,
        "fault": found.kind,
        "trial": found.trial,
        "asked": found.asked,
        "measured": found.measured,
        "state": found.state,
        "how": found.how,
        "reason": found.reason,
        "targets": found.targets,
        "groups": found.groups,
        "pairs": found.pairs,
        "start_s": found.start_ns / 1e9,
        "end_s": found.end_ns / 1e9,
        "ended_early": found.ended_early,
    }


def _cell(plan: Plan, params: dict[str, Any], analyses: list[Analysis]) -> dict[str, Any]:
    names: list[str] = []
    for analysis in analyses:
        found = [phase.name for phase in analysis.data.phases if phase.name != BETWEEN]
        names += [name for name in dict.fromkeys(found) if name not in names]
    whole = {*names, BETWEEN} - {WARMUP, OUTSIDE}
    metrics = _metrics(analyses, whole)
    metrics["recovery_s"], metrics["first_final_s"] = _recoveries(analyses)
    metrics["clock"] = clocks.hosts(analyses[-1].data)
    return {
        "params": params,
        "trials": [
            {
                "n": a.data.file.n,
                "verdict": INVALID if a.invalid else _trial_verdict(a),
                "seed": a.data.file.seed,
                "invalid": a.invalid,
            }
            for a in analyses
        ],
        "metrics": metrics,
        "phases": {name: _metrics(analyses, {name}) for name in names},
    }


def _trial_verdict(analysis: Analysis) -> str:
    return FAIL if any(c.verdict == VIOLATED for c in analysis.checks) else PASS


def _metrics(analyses: list[Analysis], phases: set[str]) -> dict[str, Any]:
    """Return M for the named phases, pooled over the trials.

    Of one phase alone, finality is judged by the blocks that were due to be final within it.
    """

    def seconds(each: Callable[[Analysis], Samples]) -> dict[str, Any]:
        return summarise([each(a) for a in analyses], scale=1e9, digits=6)

    alone = len(phases) == 1

    def items(analysis: Analysis) -> list[finality.BlockFinality]:
        inside = [item for item in analysis.finality if item.phase in phases]
        return [item for item in inside if item.settles or not alone]

    def latency(name: str) -> dict[str, Any]:
        return seconds(lambda a: finality.latency_samples(items(a), a.data, name))

    lags = [finality.lag_samples(items(a), a.data) for a in analyses]
    crossing = sum(
        item.phase in phases and not item.settles for a in analyses for item in a.finality
    )
    return {
        "finality_lag_blocks": summarise(lags, scale=1, digits=3),
        "finality_crossing": crossing if alone else 0,
        "finality_left_out": sum_left_out(
            [a.unjudged for a in analyses], phases, finality.LEFT_OUT
        ),
        "finality_latency_s": latency("quorum"),
        "finality_latency_first_s": latency("first"),
        "finality_latency_median_s": latency("median"),
        "finality_latency_last_s": latency("last"),
        "irreversible": _irreversible(analyses, phases),
        "irreversible_advance": _advance(analyses, phases),
        "propagation_ms": _propagation(analyses, phases),
        "propagation_left_out": sum_left_out(
            [a.propagation.left_out for a in analyses], phases, propagation.LEFT_OUT
        ),
        "slots": slots.merge(
            [slots.counts([s for s in a.slots if s.phase in phases]) for a in analyses]
        ),
        "forks": forks.counts([s for a in analyses for s in a.switches if s.phase in phases]),
        "recovery_s": {},
        "first_final_s": {},
        "clock": {},
        "transactions": _transactions(analyses, phases),
    }


def _propagation(analyses: list[Analysis], phases: set[str]) -> dict[str, Any]:
    per_trial = [propagation.samples(a.propagation, phases) for a in analyses]
    pairs = sorted({pair for found in per_trial for pair in found})
    result: dict[str, dict[str, Any]] = {}
    for source, target in pairs:
        parts = [found.get((source, target), Samples()) for found in per_trial]
        q = summarise(parts, scale=1e6, digits=6)
        result.setdefault(source, {})[target] = q
    return result


def _recoveries(analyses: list[Analysis]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return {fault id: Q} of the time back to normal and of the first new final block.

    What lasts to the end of the trial has none.
    """
    ids: list[str] = []
    for analysis in analyses:
        ids += [f.id for f in analysis.data.planned.faults if f.id not in ids and not f.open]
    back: dict[str, Any] = {}
    first: dict[str, Any] = {}
    for fault in ids:
        pairs = [recovery.samples(a.recovery, fault) for a in analyses]
        watched = [
            a.data.end_ns - item.healed.hi_ns
            for a in analyses
            for item in a.recovery
            if item.fault == fault
        ]
        back[fault] = summarise([p[0] for p in pairs], scale=1e9, digits=6)
        back[fault]["watched_s"] = round(min(watched, default=0) / 1e9, 3)
        back[fault]["undisturbed"] = sum(p[2] for p in pairs)
        first[fault] = summarise([p[1] for p in pairs], scale=1e9, digits=6)
    return back, first


def _windows(analysis: Analysis, phases: set[str]) -> list[tuple[int, int]]:
    return [(p.start_ns, p.end_ns) for p in analysis.data.phases if p.name in phases]


def _irreversible(analyses: list[Analysis], phases: set[str]) -> dict[str, int]:
    """Return each host's last irreversible block at the end of the phases (least over trials)."""
    result: dict[str, int] = {}
    for analysis in analyses:
        windows = _windows(analysis, phases)
        end_ns = max((end for _, end in windows), default=0)
        top: dict[str, int] = {}
        for event in analysis.data.events("irreversible", "num id"):
            if event.t_ns < end_ns or math.isnan(event.t_ns):
                top[event.host] = max(top.get(event.host, 0), event.fields[0])
        for host, num in top.items():
            result[host] = min(result.get(host, num), num)
    return dict(sorted(result.items()))


def _advance(analyses: list[Analysis], phases: set[str]) -> dict[str, int]:
    """Return how many blocks became irreversible at each host during the phases."""
    result = {host.host: 0 for a in analyses for host in a.data.plan.hosts}
    for analysis in analyses:
        windows = _windows(analysis, phases)
        for event in analysis.data.events("irreversible", "num id"):
            if any(start <= event.t_ns < end for start, end in windows):
                result[event.host] = result.get(event.host, 0) + 1
    return dict(sorted(result.items()))


def _transactions(analyses: list[Analysis], phases: set[str]) -> dict[str, Any]:
    return load.merge(
        [
            load.counts(analysis.transactions, start, end)
            for analysis in analyses
            for start, end in _windows(analysis, phases)
        ]
    )


METHODS = (
    Method(
        name="Blocks made irreversible",
        figures=("irreversible.*", "irreversible_advance.*"),
        formula="irreversible: a host's highest at the end of the phase, the lowest of all trials. "
        "irreversible_advance: how many became so at the host within the phase, in all trials.",
        left_out="Of the second, those told at unknown times; warm-up from the whole trial.",
        assumes="Each node tells every block once; the middle of the time's interval decides.",
    ),
)
