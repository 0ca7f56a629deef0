"""How soon faults were noticed, and over, trial by trial: curves of the trials that still wait.

The trial is the unit: hosts of one trial share a network, and recover together or not at all.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from metrics.measure import recovery
from metrics.measure.confidence import detection
from metrics.model.method import Method
from metrics.model.plan import Plan
from metrics.results import product_limit
from metrics.results.analysis import Analysis

DETECTED, RECOVERED = "detected", "recovered"
Time = tuple[float, bool]
"""How long something took in a trial in seconds, or, False, was watched without an end."""


def of_run(plan: Plan, analyses: Sequence[Analysis]) -> list[dict[str, Any]]:
    """Return the curves of a run: the `survival` part of the summary.

    [{cell, params, fault, what, n, ended, median_s, steps: [[t_s, still, low, high]], trials:
    [[number, seconds, ended]]}] where any trial says something of it.
    """
    rows = []
    for cell in plan.cells:
        own = [a for a in analyses if a.data.planned.cell == cell.n]
        for fault in dict.fromkeys(f.id for a in own for f in a.data.planned.faults):
            for what, times in ((DETECTED, _detected(own, fault)), (RECOVERED, _back(own, fault))):
                if found := list(times):
                    about = {"cell": cell.n, "params": cell.params, "fault": fault, "what": what}
                    rows.append({**about, **_curve(found)})
    return rows


def _curve(found: list[tuple[int, Time]]) -> dict[str, Any]:
    steps = product_limit.curve(
        [t for _, (t, ended) in found if ended], [t for _, (t, ended) in found if not ended]
    )
    return {
        "n": len(found),
        "ended": sum(ended for _, (_, ended) in found),
        "median_s": product_limit.median(steps),
        "steps": [[None if x is None else round(x, 6) for x in step] for step in steps],
        "trials": [[n, t, ended] for n, (t, ended) in found],
    }


def _detected(analyses: Sequence[Analysis], fault: str) -> Iterator[tuple[int, Time]]:
    for a in analyses:
        for item in a.of(detection.METRIC):
            if item.fault == fault:
                end = item.told
                ns = item.watched_ns if end is None else end.t_ns - item.begun.t_ns
                yield a.data.file.n, (_seconds(ns), end is not None)


def _back(analyses: Sequence[Analysis], fault: str) -> Iterator[tuple[int, Time]]:
    """Yield when the last disturbed host of a trial was back, of trials that had any."""
    for a in analyses:
        own = [x for x in a.of(recovery.METRIC) if x.fault == fault and x.disturbed]
        if own:
            ends = [recovery.since(x.back, x.healed)[0] for x in own if x.back]
            whole = len(ends) == len(own)
            ns = max(ends) if whole else a.data.end_ns - own[0].healed.t_ns
            yield a.data.file.n, (_seconds(ns), whole)


def _seconds(ns: float) -> float:
    return round(max(ns, 0.0) / 1e9, 6)


METHOD = Method(
    name="Trials that still wait",
    figures=("survival",),
    formula="The product-limit estimate (Kaplan-Meier) over trials, each of which has one time for "
    "a fault: detected, see there, or recovered: when the last host that it disturbed was back. "
    f"From {product_limit.LEAST} trials on with an interval that covers 95 % (Greenwood, "
    "log(-log)).",
    left_out="Of recovery the trials in which no host was disturbed, and faults without an end. A "
    "trial that was not watched to its end of it is censored, not left out.",
    assumes="Trials are independent, and were not ended because of what is measured. The middle of "
    "each time's interval counts.",
    source="Kaplan and Meier 1958; Kalbfleisch and Prentice, Failure Time Data, 1.4",
)
