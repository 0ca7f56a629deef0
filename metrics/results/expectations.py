"""The campaign's `expect` against the figures: one check a line, decided with the error in mind.

Every figure is an interval: of its error, of what too few samples leave open, or of what the slots
without evidence may have been. A limit that lies inside it decides nothing: the check is unknown.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

import msgspec

from metrics.measure import recovery
from metrics.measure.metric import Metric, Pool, Range
from metrics.measure.registry import EXPECTED, OWNER
from metrics.model.cell_text import cell_text
from metrics.model.method import Method
from metrics.model.number_text import of_figure
from metrics.model.plan import Count, Plan
from metrics.model.plan_checks import ALWAYS, EACH_FAULT, RECOVERS, Whole, unlike
from metrics.model.resolution import NEEDED
from metrics.model.run_folder import HOLDS, UNKNOWN, VIOLATED
from metrics.results.analysis import RESTORED, Analysis
from metrics.results.over_trials import held, over_trials
from metrics.safety.checks import Check

Number = Whole | Annotated[float, msgspec.Meta(ge=-(2.0**62), le=2.0**62)]
Limits = dict[Literal["min", "max"], Number]
Quantiles = dict[Literal["min", "p50", "p90", "p95", "p99", "p999", "max", "mean"], Limits]


def problem(plan: Plan) -> str:
    """Return what in the plan's expectations cannot be, with its key; "" when all of it can."""
    for name, body in plan.expect.items():
        if name == ALWAYS:
            wrong = unlike(body, list[str])
        else:
            wrong = unlike(body, dict[str, Any]) or _wrong_limits(body, each=name == EACH_FAULT)
        if wrong:
            return f"expect: {name[:60]}: {wrong}"
    return ""


def _wrong_limits(body: dict[str, Any], *, each: bool) -> str:
    """Return what is wrong with the limits of a phase's metrics; each: of those of all faults."""
    for metric, limits in body.items():
        if each and metric == RECOVERS:
            if wrong := unlike(limits, Count):
                return f"{RECOVERS}: {wrong}"
            continue
        figure = EXPECTED.get(metric)
        wrong = unlike(limits, Quantiles if figure and figure.quantiles else Limits)
        if wrong or figure is None:
            return f"{metric[:60]}: {wrong or 'no metric that can be expected'}"
    return ""


def evaluate(plan: Plan, cells: list[dict[str, Any]], analyses: list[Analysis]) -> list[Check]:
    """Return the invariants over all trials, then each expectation for each cell.

    An expectation accuses nobody by a damaged record: what is missing may be why it was missed.
    """
    expected: list[Check] = []
    for cell in cells:
        suffix = f" [{cell_text(cell['params'])}]" if len(cells) > 1 else ""
        ns = {trial["n"] for trial in cell["trials"]}
        own = [analysis for analysis in analyses if analysis.data.file.n in ns]
        faults = {fault.id for analysis in own for fault in analysis.data.planned.faults}
        pooled = _expected(plan, faults, cell["phases"], cell["metrics"], suffix)
        if len(own) > 1:
            each = [
                (a.data.file.n, _expected(plan, faults, *_figures(plan, a), suffix)) for a in own
            ]
            pooled = [_with_trials(check, each) for check in pooled]
        expected += pooled
    damaged = [reason for a in analyses for reason in a.damage]
    if damaged:
        expected = [
            replace(check, verdict=UNKNOWN, evidence=f"{check.evidence}; but {damaged[0]}")
            if check.verdict == VIOLATED
            else check
            for check in expected
        ]
    return over_trials([(a.data.file.n, a.checks) for a in analyses]) + expected


def _expected(
    plan: Plan,
    faults: set[str],
    phases: dict[str, dict[str, Any]],
    whole: dict[str, Any],
    suffix: str,
) -> list[Check]:
    """Return each expectation of a cell's figures: those of phases, and those of its whole."""
    checks: list[Check] = []
    for name, body in plan.expect.items():
        if name == EACH_FAULT:
            limits = {metric: bounds for metric, bounds in body.items() if metric != RECOVERS}
            checks += _recoveries(whole, body.get(RECOVERS), suffix)
            for phase in phases if limits else ():
                if not faults.isdisjoint(phase.split("+")):
                    checks += _phase(phase, limits, phases[phase], suffix)
        elif name != ALWAYS:
            checks += _phase(name, body, phases.get(name), suffix)
    return checks


def _figures(plan: Plan, analysis: Analysis) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Return the figures of one trial that anything is expected of: of its phases, of its whole."""
    named = {metric for body in plan.expect.values() if isinstance(body, dict) for metric in body}
    owners = dict.fromkeys(OWNER[name] for name in sorted(named) if name in OWNER)

    def pooled(metric: Metric[Any], phase: str = "") -> dict[str, Any]:
        found = [(analysis.data, analysis.of(metric))]
        return metric.pool(Pool(found, frozenset({phase}), whole=not phase))

    names = dict.fromkeys(phase.name for phase in analysis.data.phases)
    phases = {
        name: {key: m for metric in owners for key, m in pooled(metric, name).items()}
        for name in names
    }
    return phases, pooled(recovery.METRIC)


def _with_trials(check: Check, each: Sequence[tuple[int, Sequence[Check]]]) -> Check:
    """Return a check of a cell that also says how each of its trials did by itself."""
    found = {n: own.verdict for n, checks in each for own in checks if own.name == check.name}
    return replace(check, evidence=f"{check.evidence}; {held(found)}")


def needed(plan: Plan, check: Check) -> bool:
    """Return whether the verdict depends on this check being known."""
    if check.name == RESTORED:
        return False
    invariant = "." not in check.name and ":" not in check.name
    return check.name in plan.expect.get(ALWAYS, []) or not invariant


def _phase(
    phase: str, body: dict[str, Any], metrics: dict[str, Any] | None, suffix: str
) -> list[Check]:
    checks = []
    never = _nothing("no trial had that phase")
    for metric, bounds in body.items():
        if EXPECTED[metric].quantiles:
            for key, limits in bounds.items():
                name = f"{phase}.{metric}.{key}"
                found = _quantile(metrics, metric, key) if metrics else never
                checks += _limits(name + suffix, metric, limits, found)
        else:
            found = _count(metrics, metric) if metrics else never
            checks += _limits(f"{phase}.{metric}{suffix}", metric, bounds, found)
    return checks


def _quantile(metrics: dict[str, Any], metric: str, key: str) -> Range:
    """Return a quantile; infinite when it lies among the censored.

    One of too few samples lies between the least and the greatest of them. Nothing bounds one that
    leaves out samples of unknown times.
    """
    q = metrics.get(metric)
    if not isinstance(q, dict) or not q["n"]:
        unknown = q["unknown"] if isinstance(q, dict) else 0
        return _nothing(f"the times of all {unknown} are unknown" if unknown else "no samples")
    note = f", n={q['n']}" + (f", {q['censored']} not final by the end" if q["censored"] else "")
    if q["unknown"]:
        return _nothing(f"the times of {q['unknown']} more are unknown{note}")
    if key in q["few"]:
        low, high = _ends(q, "min")[0], _ends(q, "max")[1]
        text = f"{key} needs {NEEDED[key]} samples, there are {q['n']}"
        return Range(low, high, f"{text}: {_range(metric, low, high)}")
    low, high = _ends(q, key)
    text, value = _range(metric, low, high), q.get(key)
    if value is not None:
        text = of_figure(metric, value) + (f" ({text})" if low != value or high != value else "")
    return Range(low, high, text + note)


def _ends(q: dict[str, Any], key: str) -> tuple[float, float]:
    """Return the error interval of a quantile, infinite where it is not known or censored."""
    if q.get(key) is None:
        return math.inf, math.inf
    low, high = q["error"].get(key, [None, None])
    return -math.inf if low is None else low, math.inf if high is None else high


def _range(metric: str, low: float, high: float) -> str:
    """Return an interval in words, whichever of its ends is open."""
    if low == math.inf:
        return "beyond the end of the trial"
    if low == -math.inf:
        return "error not known" if high == math.inf else f"at most {of_figure(metric, high)}"
    if high == math.inf:
        return f"at least {of_figure(metric, low)}"
    return f"{of_figure(metric, low)} .. {of_figure(metric, high)}"


def _count(metrics: dict[str, Any], metric: str) -> Range:
    """Return a count or a ratio, or from where to where it may lie."""
    found: Any = metrics
    for part in metric.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    how_open = EXPECTED[metric].open
    left_open = how_open(metrics, metric) if how_open else None
    if left_open:
        low, high, why = left_open
        return Range(low, high, f"{_range(metric, low, high)}, {why}")
    if not isinstance(found, int | float):
        return _nothing("the record does not tell")
    return Range(found, found, of_figure(metric, found))


def _nothing(text: str) -> Range:
    """Return a figure that may be anything, and why."""
    return Range(-math.inf, math.inf, text)


def _limits(name: str, metric: str, bounds: dict[str, Any], found: Range) -> list[Check]:
    checks = []
    for word, limit in bounds.items():
        scaled = limit / 1e9 if metric.endswith("_s") else limit
        if word == "max":
            sign, verdict = "≤", _at_most(found.low, found.high, scaled)
        else:
            sign, verdict = "≥", _at_most(-found.high, -found.low, -scaled)
        checks.append(Check(f"{name} {sign} {of_figure(metric, scaled)}", verdict, found.text))
    return checks


def _at_most(low: float, high: float, limit: float) -> str:
    """Return whether a value in low..high is at most limit; unknown when the limit lies inside."""
    return HOLDS if high <= limit else VIOLATED if low > limit else UNKNOWN


def _recoveries(whole: dict[str, Any], limit_ns: int | None, suffix: str) -> list[Check]:
    """Return a check for each fault that ended; one without an end has nothing to recover from."""
    if limit_ns is None:
        return []
    limit = limit_ns / 1e9
    return [
        Check(f"{fault}: recovers within {limit:g} s{suffix}", *_recovery(q, limit))
        for fault, q in whole["recovery_s"].items()
    ]


def _recovery(q: dict[str, Any], limit: float) -> tuple[str, str]:
    """Return the verdict and evidence of one fault: was the slowest host back in time?"""
    if not q["n"]:
        if q.get("undisturbed"):
            return HOLDS, "no host fell behind"
        return UNKNOWN, "no host was observed after the fault"
    if q["max"] is None:
        watched = q["watched_s"]
        verdict = VIOLATED if watched >= limit else UNKNOWN
        return verdict, f"{q['censored']} of {q['n']} hosts not back after {watched:.1f} s"
    low, high = _ends(q, "max")
    evidence = f"slowest host back after {of_figure('recovery_s', q['max'])}"
    if low != high:
        evidence += f" ({_range('recovery_s', low, high)})"
    return _at_most(low, high, limit), evidence


METHOD = Method(
    name="Verdict of an expectation",
    figures=("checks",),
    formula="Each figure is an interval: of its error; from the least to the greatest sample "
    "where there are too few; with each unknown slot counted both ways. Holds: all of it is "
    "within the limit. Violated: all of it is beyond. Unknown: the limit lies inside.",
    left_out="Nothing bounds a figure of which samples have unknown times, nor doubles where "
    "slots are unknown.",
    assumes="What the figure assumes. Figures of all trials of a cell are pooled; beside that is "
    "said in how many of them the limit held.",
)
