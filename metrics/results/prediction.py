"""Prediction beside measurement: what the rules say, what this run found, what another run found.

The other run is one of the same campaign elsewhere, such as a simulated one beside a real lab. Only
the undisturbed baseline has a prediction from the rules; every other phase compares the two runs.
What counts there: blocks after the first round whose predicted finality still lies in the baseline.
"""

from typing import Any

from metrics.intake.intervals import Intervals
from metrics.model import number_text
from metrics.model.method import Method
from metrics.model.plan import BASELINE, WARMUP, Phase, Plan, PlannedCell

QUANTILES = ("min", "p50", "p95", "max")
LAG, LATENCY, MISSED = "finality_lag_blocks", "finality_latency_s", "slots.missed"
SLOTS, FORKS, SCHEDULE = "slots", "forks", "schedule"


def compare(
    plan: Plan,
    found: list[tuple[PlannedCell, dict[str, Any]]],
    intervals_ns: dict[int, tuple[int, int]],
    other: dict[str, Any] | None,
) -> dict[str, Any]:
    """Return the `prediction` part of the summary, found being its cells.

    intervals_ns: by the number of each cell found, its `baseline_intervals`.

    {finality_lag_blocks, finality_latency_s: {min, max} of the first cell's chain, columns: [{lab,
    seed}] of this run and of the other, rows: [{params, phase, metric, predicted, found: [figures
    or null] one a column, inside: [true | false | null] one a column}]}
    """
    columns = [{"lab": plan.lab, "seed": plan.seed}]
    if other is not None:
        columns.append({"lab": other.get("lab"), "seed": other.get("seed")})
    rows = []
    for planned, cell in found:
        predicted = _predicted(plan.in_cell(planned), intervals_ns[planned.n])
        shown = [cell] if other is None else [cell, _twin(cell, other)]
        for phase in cell["phases"]:
            if phase != WARMUP:
                sides = [each["phases"].get(phase) or {} for each in shown]
                wanted = predicted if phase == BASELINE else dict.fromkeys(predicted)
                rows += [
                    {"params": cell["params"], "phase": phase, **_row(metric, range_, sides)}
                    for metric, range_ in wanted.items()
                ]
    first = _predicted(plan, intervals_ns.get(plan.cells[0].n, (plan.interval_ns,) * 2))
    return {LAG: first[LAG], LATENCY: first[LATENCY], "columns": columns, "rows": rows}


def baseline_intervals(plan: Plan, trials: list[tuple[list[Phase], Intervals]]) -> tuple[int, int]:
    """Return how far apart blocks were in the baselines of a cell: at least, at most."""
    found = [
        intervals.within(phase.start_ns, phase.end_ns)
        for phases, intervals in trials
        for phase in phases
        if phase.name == BASELINE
    ]
    least, most = zip(*found, strict=True) if found else ([plan.interval_ns],) * 2
    return min(least), max(most)


def _predicted(plan: Plan, interval_ns: tuple[int, int]) -> dict[str, dict[str, float]]:
    """Return the ends of what an undisturbed chain of the plan shows, by metric.

    A block that needs so many others waits for their slots, then for the way of the last one.
    """
    lag, (least_ns, most_ns) = plan.prediction.finality_lag_blocks, interval_ns
    return {
        LAG: {"min": lag.min, "max": lag.max},
        LATENCY: {"min": lag.min * (least_ns / 1e9), "max": lag.max * (most_ns / 1e9)},
        MISSED: {"min": 0, "max": 0},
    }


def notes(prediction: dict[str, Any]) -> list[str]:
    """Return a sentence for each run whose baseline left the predicted range, with what it saw."""
    lines = []
    for row in prediction["rows"]:
        columns = zip(prediction["columns"], row["found"], row["inside"], strict=True)
        for column, figures, inside in columns:
            if inside is False:
                why = ", ".join(
                    number_text.many(n, what) for what, n in figures["disturbed"].items() if n
                )
                lines.append(
                    f"{row['phase']} on {column['lab']}: a lag of {figures['min']:g} to"
                    f" {figures['max']:g} blocks is not within the predicted"
                    f" {row['predicted']['min']} to {row['predicted']['max']}, which is for a chain"
                    f" without disturbance; seen here: {why or 'nothing that explains it'}"
                )
    return lines


def _row(metric: str, wanted: Any, sides: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what was predicted of a metric, and found on each side, if it has a phase so."""
    found = [_figures(metric, side) for side in sides]
    inside = [_inside(figures, wanted) if metric == LAG else None for figures in found]
    return {"metric": metric, "predicted": wanted, "found": found, "inside": inside}


def _figures(metric: str, side: dict[str, Any]) -> dict[str, Any] | None:
    """Return what M tells of a metric; None where it has no sample."""
    slots: Any = side.get(SLOTS)
    if metric == MISSED:
        return {"n": slots["expected"], "missed": slots["missed"]} if slots else None
    q = side.get(metric)
    if not q or not q["n"]:
        return None
    found = {"n": q["n"], "censored": q["censored"], **{key: q.get(key) for key in QUANTILES}}
    if metric == LAG:
        found["disturbed"] = {
            "missed slots": slots["missed"],
            "late blocks": slots["late"],
            "orphaned blocks": slots["orphaned"],
            "fork switches": side[FORKS]["switches"],
            "schedule changes": (side.get(SCHEDULE) or {}).get("changes", 0),
        }
    return found


def _inside(found: dict[str, Any] | None, wanted: dict[str, float] | None) -> bool | None:
    """Return whether every judged block's lag is in the range; None where that cannot be said."""
    if found is None or wanted is None or found["min"] is None:
        return None
    if found["max"] is None:
        return False if found["min"] < wanted["min"] else None
    return bool(wanted["min"] <= found["min"] and found["max"] <= wanted["max"])


def _twin(cell: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return the other run's cell with the same parameters, one without phases if it has none."""
    same = (each for each in other.get("cells", []) if each["params"] == cell["params"])
    return next(same, {"phases": {}})


METHOD = Method(
    name="Prediction",
    figures=("prediction",),
    formula="The smallest and the largest finality lag that the rules allow, producers in "
    "turn; in seconds: that many slots, as far apart as the baseline's were at least and at most, "
    "and the way of the last block comes on top.",
    left_out="All but the baseline: only an undisturbed chain is predicted.",
    assumes="Every producer makes its blocks in time, and all arrive within their slot.",
)
