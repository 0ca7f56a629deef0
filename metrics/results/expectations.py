"""The campaign's `expect` against the figures: one check a line, decided with the error in mind.

A limit that lies inside a figure's error interval decides nothing: the check is unknown.
"""

from __future__ import annotations

from typing import Any

from metrics.model.run_folder import Plan
from metrics.results.analysis import RESTORED, Analysis
from metrics.safety.checks import HOLDS, UNKNOWN, VIOLATED, Check


def evaluate(plan: Plan, cells: list[dict[str, Any]], analyses: list[Analysis]) -> list[Check]:
    """Return the invariants over all trials, then each expectation for each cell."""
    checks = _invariants(analyses)
    for cell in cells:
        suffix = ""
        if len(cells) > 1:
            suffix = " [" + ", ".join(f"{k}={v}" for k, v in cell["params"].items()) + "]"
        for name, body in plan.expect.items():
            if name == "each_fault":
                limit_ns = body.get("recovers_within")
                if limit_ns is not None:
                    checks += _recoveries(cell, limit_ns, suffix)
            elif name != "always":
                checks += _phase(name, body, cell["phases"].get(name), suffix)
    return checks


def needed(plan: Plan, check: Check) -> bool:
    """Return whether the verdict depends on this check being known."""
    if check.name == RESTORED:
        return False
    invariant = "." not in check.name and ":" not in check.name
    return check.name in plan.expect.get("always", []) or not invariant


def _invariants(analyses: list[Analysis]) -> list[Check]:
    """Return each invariant once: violated if any trial violates it, unknown if any is unknown."""
    merged: dict[str, Check] = {}
    order = {HOLDS: 0, UNKNOWN: 1, VIOLATED: 2}
    for analysis in analyses:
        for check in analysis.checks:
            known = merged.get(check.name)
            if len(analyses) > 1:
                evidence = f"trial {analysis.data.file.n}: {check.evidence}"
                check = Check(check.name, check.verdict, evidence, check.details)
            if known is None or order[check.verdict] > order[known.verdict]:
                merged[check.name] = check
    return list(merged.values())


def _phase(
    phase: str, body: dict[str, Any], metrics: dict[str, Any] | None, suffix: str
) -> list[Check]:
    checks = []
    for metric, bounds in body.items():
        if metric.startswith("finality"):
            for key, limits in bounds.items():
                name = f"{phase}.{metric}.{key}"
                checks += _limits(name + suffix, metric, limits, _quantile(metrics, metric, key))
        else:
            value = _lookup(metrics, metric)
            found = None if value is None else (value, value, value, "")
            checks += _limits(f"{phase}.{metric}{suffix}", metric, bounds, found)
    return checks


Figure = tuple[float, float, float, str]


def _quantile(metrics: dict[str, Any] | None, metric: str, key: str) -> Figure | None:
    """Return (value, lo, hi, note) of a quantile; infinite when it lies among the censored."""
    q = (metrics or {}).get(metric)
    if not q or not q["n"]:
        return None
    value = q.get(key)
    note = f", n={q['n']}" + (f", {q['censored']} not final by the end" if q["censored"] else "")
    if value is None:
        return float("inf"), float("inf"), float("inf"), note
    low, high = q["error"].get(key, [None, None])
    if low is None or high is None:
        return value, float("-inf"), float("inf"), note
    return value, low, high, note


def _lookup(metrics: dict[str, Any] | None, dotted: str) -> float | None:
    found: Any = metrics
    for part in dotted.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found if isinstance(found, int | float) else None


def _limits(name: str, metric: str, bounds: dict[str, Any], found: Figure | None) -> list[Check]:
    checks = []
    for word, limit in bounds.items():
        scaled = limit / 1e9 if metric.endswith("_s") else limit
        label = f"{name} {'≤' if word == 'max' else '≥'} {_text(metric, scaled)}"
        if found is None:
            checks.append(Check(label, UNKNOWN, "no samples"))
            continue
        value, low, high, note = found
        if word == "max":
            verdict = HOLDS if high <= scaled else VIOLATED if low > scaled else UNKNOWN
        else:
            verdict = HOLDS if low >= scaled else VIOLATED if high < scaled else UNKNOWN
        evidence = "not final by the end" if value == float("inf") else _text(metric, value)
        if low not in (value, float("-inf")):
            evidence += f" ({_text(metric, low)} .. {_text(metric, high)})"
        elif low == float("-inf"):
            evidence += " (error not known)"
        checks.append(Check(label, verdict, evidence + note))
    return checks


def _recoveries(cell: dict[str, Any], limit_ns: int, suffix: str) -> list[Check]:
    checks = []
    limit = limit_ns / 1e9
    for fault, q in cell["metrics"]["recovery_s"].items():
        name = f"{fault}: recovers within {limit:g} s{suffix}"
        if not q["n"] and q["undisturbed"]:
            checks.append(Check(name, HOLDS, "no host fell behind"))
        elif not q["n"]:
            checks.append(Check(name, UNKNOWN, "no host was observed after the fault"))
        elif q["max"] is None:
            watched = q["watched_s"]
            verdict = VIOLATED if watched >= limit else UNKNOWN
            evidence = f"{q['censored']} of {q['n']} hosts not back after {watched:.1f} s"
            checks.append(Check(name, verdict, evidence))
        else:
            verdict = HOLDS if q["max"] <= limit else VIOLATED
            checks.append(Check(name, verdict, f"slowest host back after {q['max']:.2f} s"))
    return checks


def _text(metric: str, value: float) -> str:
    if metric.endswith("_ratio"):
        return f"{100 * value:.3g} %"
    if metric.endswith("_s"):
        return f"{value:.4g} s"
    unit = " blocks" if metric.endswith("_blocks") else ""
    return f"{value:g}{unit}"
