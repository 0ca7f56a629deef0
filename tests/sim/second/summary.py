"""The whole of a run's figures, in the shape of summary.json, from its raw files alone."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tests.sim.second import (
    blocks,
    checks,
    delegation,
    faults,
    finality,
    health,
    inclusion,
    precommits,
    recovery,
    reversals,
    safe,
    sent,
    stages,
    systems,
    tapos,
    ways,
    zones,
)
from tests.sim.second.agree import OneOf, disagreements
from tests.sim.second.blocks import Chain, Slot
from tests.sim.second.delegation import Told
from tests.sim.second.finality import Judged
from tests.sim.second.precommits import First
from tests.sim.second.record import Second, read

NOT_FIGURES = {
    "/schema": "the name of the format",
    "/title": "the campaign's words",
    "/notes": "sentences",
    "/invalid": "sentences; that there are none is asserted where it matters",
    "/cells/*/trials/*/invalid": "sentences, the same",
    "/cells/*/trials/*/figures": "those of M again, of a trial by itself: of a lone one its cell's",
    "/sweep": "those of trials again, beside each other: tests/unit/metrics_results/test_sweep.py",
    "/survival": "times of trials again: tests/unit/metrics_results/test_product_limit.py",
    "/stories": "sentences about a conflict",
    "/faults/*/how": "by what a host did it: its agent's own word",
    "/faults/*/reason": "a sentence",
    "/zones/*/how": "by what a host did it, the same",
    "/zones/*/reason": "a sentence",
    "/zones/*/measured/*judged": "words about figures beside them",
    "/faults/*/measured/*judged": "words about figures beside them",
    "/faults/*/measured/by": "which of two figures beside it counts",
    "/faults/*/measured/by_host/*/stretch_s": "how finely a drift was looked at: no figure of it",
}
"""Keys of summary.json that hold no figure, and why."""


class Trial:
    """A trial as the second analysis sees it."""

    def __init__(self, s: Second) -> None:
        self.s = s
        self.chain: Chain = blocks.chain(s)
        s.pace = blocks.pace(s, self.chain)
        self.slots: list[Slot] = blocks.slots(s, self.chain)
        self.judged: list[Judged] = finality.judged(s, self.chain)
        self.precommitted: list[First] = precommits.told(s, self.chain)
        self.delegated: Told = delegation.told(s, self.chain)
        self.inclusion: list[inclusion.Waited] = inclusion.told(s, self.chain)
        self.health: list[health.Change] = health.told(s, self.chain)
        self.safe: list[Judged] = safe.told(s, self.chain, self.delegated)
        self.tapos: tapos.Told = tapos.told(s, self.chain)
        self.reversals: reversals.Told = reversals.told(s, self.chain)
        self.stages: list[stages.Took] = stages.told(s, self.chain)


def compare(run: Path, told: dict[str, Any]) -> list[str]:
    """Return where a run's summary.json and the second analysis disagree.

    Of each check its name and verdict count; its evidence is sentences. Where a trial broke off,
    both know to a millisecond only when, and a slot may lie at it: the better reading counts.
    """
    only = told["cells"][0]["metrics"] if len(told["cells"]) == 1 else None
    wrong = [] if told["metrics"] == only else ["/metrics: not those of the only cell"]
    verdict = checks.verdict(told)
    told = {
        **told,
        "cells": [_plain(cell) for cell in told["cells"]],
        "checks": checks.split(told["checks"]),
        "metrics": None,
    }
    ways_to_end = []
    for edge_s in (-0.001, 0.001):
        own = {**summary(run, edge_s), "verdict": verdict}
        ways_to_end.append(disagreements(told, own, NOT_FIGURES))
    return min(ways_to_end, key=len) + wrong


def _plain(cell: dict[str, Any]) -> dict[str, Any]:
    """Return a cell with the reasons of missed slots made plain."""

    def plain(metrics: dict[str, Any] | None) -> dict[str, Any] | None:
        if metrics is None:
            return None
        slots = metrics["slots"]
        return {**metrics, "slots": {**slots, "reasons": blocks.plain_reasons(slots["reasons"])}}

    phases = {name: plain(metrics) for name, metrics in cell["phases"].items()}
    return {**cell, "metrics": plain(cell["metrics"]), "phases": phases}


def summary(run: Path, edge_s: float) -> dict[str, Any]:
    """Return the figures of a run; the end of observation is moved by edge_s."""
    numbers = sorted(int(path.name) for path in (run / "trials").iterdir())
    trials = [Trial(_read(run, n, edge_s)) for n in numbers]
    plan = json.loads((run / "plan.json").read_text())
    found = {
        cell["n"]: _cell(cell, [t for t in trials if t.s.planned["cell"] == cell["n"]])
        for cell in plan["cells"]
        if any(t.s.planned["cell"] == cell["n"] for t in trials)
    }
    cells = list(found.values())

    def latency(n: int, phase: str) -> dict[int, dict[str, Any]]:
        own = [t for t in trials if t.s.planned["cell"] == n]
        return {t.s.planned["seed"]: _latency(t, phase) for t in own}

    return {
        "campaign": plan["campaign"],
        "lab": plan["lab"],
        "seed": plan["seed"],
        "cells": cells,
        "metrics": None,
        "checks": checks.all_of(plan, [t.s for t in trials], cells),
        "faults": [faults.figures(t.s, fault) for t in trials for fault in t.s.planned["faults"]],
        "zones": [faults.figures(t.s, held) for t in trials for held in zones.of_trial(t.s)],
        "prediction": _prediction(plan, found, [t.s for t in trials]),
        "systems": systems.beside(plan, found, latency),
    }


def _latency(trial: Trial, phase: str) -> dict[str, Any]:
    """Return the latency of one trial in a phase."""
    found: dict[str, Any] = finality.figures([trial.judged], {phase}, alone=True)
    return dict(found["finality_latency_s"])


def _read(run: Path, n: int, edge_s: float) -> Second:
    found = read(run, n)
    found.edge_s = edge_s
    return found


def _cell(cell: dict[str, Any], trials: list[Trial]) -> dict[str, Any]:
    names = list(dict.fromkeys(w[0] for t in trials for w in t.s.windows if w[0] != "between"))
    whole = {*names, "between"} - {"warmup"}
    metrics = _metrics(trials, whole, alone=False)
    metrics["recovery_s"], metrics["first_final_s"] = recovery.figures(
        [(t.s, t.chain) for t in trials]
    )
    metrics["clock"] = ways.clocks(trials[-1].s)
    return {
        "n": cell["n"],
        "params": cell["params"],
        "trials": [
            {
                "n": t.s.planned["n"],
                "seed": t.s.planned["seed"],
                "verdict": OneOf(("pass", "fail", "invalid")),
                **delegation.of_trial(t.delegated),
                **reversals.of_trial(t.reversals),
            }
            for t in trials
        ],
        "metrics": metrics,
        "phases": {name: _metrics(trials, {name}, alone=True) for name in names},
    }


def _metrics(trials: list[Trial], names: set[str], *, alone: bool) -> dict[str, Any]:
    windows = [t.s.named(names) for t in trials]
    pairs = [(t.s, own) for t, own in zip(trials, windows, strict=True)]
    with_chain = [(t.s, t.chain, own) for t, own in zip(trials, windows, strict=True)]
    with_slots = [(t.s, t.slots, own) for t, own in zip(trials, windows, strict=True)]
    unjudged = [finality.left_out(t.s, t.chain) for t in trials]
    unmoved = [ways.left_out(t.s, t.chain) for t in trials]
    unpassed = [stages.left_out(t.s, t.chain) for t in trials]
    return {
        **finality.figures([t.judged for t in trials], names, alone=alone),
        **precommits.figures([t.precommitted for t in trials], names),
        **delegation.figures([t.delegated for t in trials], names),
        **inclusion.figures([t.inclusion for t in trials], names),
        **health.figures([t.health for t in trials], names),
        **safe.figures([t.safe for t in trials], names, alone=alone),
        **tapos.figures([t.tapos for t in trials], names),
        **reversals.figures([t.reversals for t in trials], names),
        "finality_left_out": _sums(unjudged, names, "orphaned", "young"),
        "propagation_left_out": _sums(unmoved, names, "orphaned", "young", "unrecorded"),
        "irreversible": finality.last_blocks(pairs),
        "irreversible_advance": finality.advance(pairs),
        "propagation_ms": ways.propagation(with_chain),
        "stages_ms": stages.figures([t.stages for t in trials], names),
        "stages_left_out": _sums(unpassed, names, "orphaned", "young", "unrecorded"),
        "slots": blocks.slot_figures(with_slots),
        "forks": blocks.fork_figures(pairs),
        "recovery_s": {},
        "first_final_s": {},
        "clock": {},
        "transactions": sent.figures(with_chain),
    }


def _sums(parts: list[Counter[tuple[str, str]]], names: set[str], *why: str) -> dict[str, int]:
    """Return over trials how many were counted within the named windows, by why."""
    return {word: sum(part[name, word] for part in parts for name in names) for word in why}


def _prediction(
    plan: dict[str, Any], cells: dict[int, dict[str, Any]], trials: list[Second]
) -> dict[str, Any]:
    """Return what the rules predict beside what was found."""
    chains = {cell["n"]: plan | (cell.get("chain") or {}) for cell in plan["cells"]}
    own = {n: [s for s in trials if s.planned["cell"] == n] for n in chains}
    rows = [
        row
        for n, cell in cells.items()
        for phase, metrics in cell["phases"].items()
        if phase != "warmup"
        for row in _rows(cell["params"], phase, metrics, _wanted(chains[n], own[n]))
    ]
    lag, latency = _wanted(plan, own[plan["cells"][0]["n"]])
    return {
        "finality_lag_blocks": lag,
        "finality_latency_s": latency,
        "columns": [{"lab": plan["lab"], "seed": plan["seed"]}],
        "rows": rows,
    }


def _wanted(plan: dict[str, Any], trials: list[Second]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the least and the greatest lag by the rules, in blocks and in seconds."""
    n, turn = finality.scheduled(plan), plan["blocks_per_turn"]
    rules = finality.predicted(plan["profile"], n, turn)
    lag = plan["prediction"]["finality_lag_blocks"]
    low, high = rules or (lag["min"], lag["max"])
    slot_s = plan["slot_ns"] * plan.get("interval_slots", 1) / 1e9
    paces = [pace for s in trials for pace in _baseline(s)] or [slot_s]
    return {"min": low, "max": high}, {"min": low * min(paces), "max": high * max(paces)}


def _baseline(s: Second) -> list[float]:
    """Return each time from a slot that somebody has to the next which held in the baseline."""
    found = []
    for _, first, last in s.named({"baseline"}):
        inside = [bend.every_s for bend in s.pace.bends if first < bend.since < last - 1e-9]
        found += [s.pace.at(first).every_s, *inside]
    return found


def _rows(
    params: dict[str, Any], phase: str, metrics: dict[str, Any], wanted: tuple[Any, Any]
) -> list[dict[str, Any]]:
    quiet = phase == "baseline"
    slots = metrics["slots"]
    lag, latency = (
        {key: q[key] for key in ("n", "censored", "min", "p50", "p95", "max")} if q["n"] else None
        for q in (metrics["finality_lag_blocks"], metrics["finality_latency_s"])
    )
    inside = None
    if quiet and lag:
        ends = [lag["min"], lag["max"]]
        known = all(isinstance(end, int | float) for end in ends)
        fits = known and wanted[0]["min"] <= ends[0] and ends[1] <= wanted[0]["max"]
        inside = fits if known else OneOf((True, False, None))
    if lag:
        lag["disturbed"] = {
            "missed slots": slots["missed"],
            "late blocks": slots["late"],
            "orphaned blocks": slots["orphaned"],
            "fork switches": metrics["forks"]["switches"],
            "schedule changes": (metrics.get("schedule") or {}).get("changes", 0),
        }
    base = {"params": params, "phase": phase}
    return [
        {**base, "metric": "finality_lag_blocks", "predicted": wanted[0] if quiet else None,
         "found": [lag], "inside": [inside]},
        {**base, "metric": "finality_latency_s", "predicted": wanted[1] if quiet else None,
         "found": [latency], "inside": [None]},
        {**base, "metric": "slots.missed", "predicted": {"min": 0, "max": 0} if quiet else None,
         "found": [{"n": slots["expected"], "missed": slots["missed"]}], "inside": [None]},
    ]  # fmt: skip
