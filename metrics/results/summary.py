"""summary.json: every figure of a run, pooled over trials from raw samples, not from quantiles."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

from metrics.intake.phase_windows import BETWEEN
from metrics.intake.trial import OUTSIDE
from metrics.measure.metric import Pool
from metrics.measure.registry import METRICS
from metrics.model.plan import WARMUP, Plan, PlannedCell
from metrics.model.run_folder import UNKNOWN, VIOLATED, PredictionFile
from metrics.results import (
    expectations,
    fault_results,
    foreseen,
    prediction,
    survival,
    sweep,
    systems,
    trial_figures,
)
from metrics.results.analysis import RESTORED, Analysis
from metrics.safety.checks import Check, witness

SCHEMA = "slotlab.summary/v1"
PASS, FAIL, INVALID = "pass", "fail", "invalid"


class Beside(NamedTuple):
    """What is shown beside a run: the summary of one elsewhere, what was predicted before it."""

    other: dict[str, Any] | None = None
    foreseen: PredictionFile | None = None


ALONE = Beside()


def build(
    plan: Plan,
    analyses: list[Analysis],
    alone: Mapping[int, Mapping[str, Any]],
    absent: list[str],
    beside: Beside = ALONE,
) -> dict[str, Any]:
    """Return the summary of the run; absent says of which planned trials there is nothing, and why.

    alone: M of each trial by phase.
    """
    found, intervals_ns = [], {}
    for cell in plan.cells:
        if own := [a for a in analyses if a.data.planned.cell == cell.n]:
            found.append((cell, _cell(cell, own, alone)))
            trials = [(a.data.phases, a.intervals) for a in own]
            intervals_ns[cell.n] = prediction.baseline_intervals(plan.in_cell(cell), trials)
    cells = [figures for _, figures in found]
    checks = expectations.evaluate(plan, cells, analyses)
    reasons = absent + [f"trial {a.data.file.n}: {text}" for a in analyses for text in a.invalid]
    reasons += [
        f"{check.name}: unknown, {check.evidence}"
        for check in checks
        if check.verdict == UNKNOWN and expectations.needed(plan, check)
    ]
    if not analyses:
        reasons.append("no trial was run")
    predicted = prediction.compare(plan, found, intervals_ns, beside.other)
    if beside.foreseen is not None:
        files = [a.data.file for a in analyses]
        predicted["simulated"] = foreseen.beside(beside.foreseen, cells, files)
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
        + prediction.notes(predicted),
        "cells": cells,
        "metrics": cells[0]["metrics"] if len(cells) == 1 else None,
        "faults": [asdict(f) for a in analyses for f in (*a.faults, *fault_results.absent(a.data))],
        "zones": [asdict(z) for a in analyses for z in a.zones],
        "stories": [
            {"trial": a.data.file.n, "text": a.story.sentences} for a in analyses if a.story
        ],
        "prediction": predicted,
        "systems": systems.compare(plan, found, analyses),
        "survival": survival.of_run(plan, analyses),
        "sweep": sweep.sweep([sweep.cell_of(cell) for cell in cells]),
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


def _cell(
    planned: PlannedCell, analyses: list[Analysis], alone: Mapping[int, Mapping[str, Any]]
) -> dict[str, Any]:
    names: list[str] = []
    for analysis in analyses:
        found = [phase.name for phase in analysis.data.phases if phase.name != BETWEEN]
        names += [name for name in dict.fromkeys(found) if name not in names]
    counted = {*names, BETWEEN} - {WARMUP, OUTSIDE}
    return {
        "n": planned.n,
        "params": planned.params,
        "trials": [
            {
                "n": a.data.file.n,
                "verdict": INVALID if a.invalid else _verdict(a.checks, []),
                "seed": a.data.file.seed,
                "invalid": a.invalid,
                **{key: said for m in METRICS for key, said in m.told(a.of(m)).items()},
                "figures": {
                    name: trial_figures.figures(m) for name, m in alone[a.data.file.n].items()
                },
            }
            for a in analyses
        ],
        "metrics": _metrics(analyses, frozenset(counted), whole=True),
        "phases": {name: _metrics(analyses, frozenset({name}), whole=False) for name in names},
    }


def _metrics(analyses: list[Analysis], phases: frozenset[str], *, whole: bool) -> dict[str, Any]:
    """Return M for the named phases, pooled over the trials."""
    figures: dict[str, Any] = {}
    for metric in METRICS:
        figures |= metric.pool(Pool([(a.data, a.of(metric)) for a in analyses], phases, whole))
    return figures
