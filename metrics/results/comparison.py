"""Prediction beside measurement: what the rules say, what this run found, what another run found.

The other run is one of the same campaign elsewhere, such as a simulated one beside a real lab. Only
the undisturbed baseline has a prediction from the rules; every other phase compares the two runs.
What counts there: blocks after the first round whose predicted finality still lies in the baseline.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from metrics.model.method import Method
from metrics.model.plan import BASELINE, WARMUP, Bounds, Plan
from metrics.model.run_folder import RunError

QUANTILES = ("min", "p50", "p95", "max")
LAG, LATENCY, SLOTS, FORKS = "finality_lag_blocks", "finality_latency_s", "slots", "forks"


def load(run: Path) -> dict[str, Any]:
    """Return the summary of another run.

    Raises:
        RunError: it has none, or one of another version.
    """
    path = run / "summary.json"
    try:
        found = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise RunError(f"{path}: {error.strerror}; write it with slotlab report {run}") from error
    except msgspec.DecodeError as error:
        raise RunError(f"{path}: {error}; write it again with slotlab report {run}") from error
    if not isinstance(found, dict) or not str(found.get("schema", "")).startswith("slotlab.summ"):
        raise RunError(f"{path}: not a summary; write it again with slotlab report {run}")
    return found


def compare(
    plan: Plan, cells: list[dict[str, Any]], other: dict[str, Any] | None
) -> dict[str, Any]:
    """Return the `prediction` part of the summary.

    {finality_lag_blocks, finality_latency_s: {min, max}, columns: [{lab, seed}] of this
    run and of the other, rows: [{params, phase, metric, predicted, found: [figures or null] one a
    column, inside: [true | false | null] one a column}]}
    """
    lag = plan.prediction.finality_lag_blocks
    slot_s = plan.slot_ns / 1e9
    # A block that needs so many others waits for their slots, then for the way of the last one.
    latency = {"min": lag.min * slot_s, "max": lag.max * slot_s}
    columns = [{"lab": plan.lab, "seed": plan.seed}]
    if other is not None:
        columns.append({"lab": other.get("lab"), "seed": other.get("seed")})
    rows = []
    for cell in cells:
        twin = _twin(cell, other)
        for phase in cell["phases"]:
            if phase != WARMUP:
                sides = [_side(cell, phase)] if other is None else [
                    _side(cell, phase), _side(twin, phase)]  # fmt: skip
                rows += _rows(cell["params"], phase, sides, lag, latency)
    return {
        LAG: {"min": lag.min, "max": lag.max},
        LATENCY: latency,
        "columns": columns,
        "rows": rows,
    }


def notes(comparison: dict[str, Any]) -> list[str]:
    """Return a sentence for each run whose baseline left the predicted range, with what it saw."""
    lines = []
    for row in comparison["rows"]:
        if row["metric"] != LAG:
            continue
        for column, figures, inside in zip(
            comparison["columns"], row["found"], row["inside"], strict=True
        ):
            if inside is False:
                seen = figures["disturbed"]
                why = ", ".join(f"{n} {what}" for what, n in seen.items() if n)
                lines.append(
                    f"{row['phase']} on {column['lab']}: a lag of {figures['min']:g} to"
                    f" {figures['max']:g} blocks is not within the predicted"
                    f" {row['predicted']['min']} to {row['predicted']['max']}, which is for a chain"
                    f" without disturbance; seen here: {why or 'nothing that explains it'}"
                )
    return lines


def _rows(
    params: dict[str, Any],
    phase: str,
    sides: list[dict[str, Any] | None],
    lag: Bounds,
    latency: dict[str, float],
) -> list[dict[str, Any]]:
    base = {"params": params, "phase": phase}
    quiet = phase == BASELINE
    wanted = {"min": lag.min, "max": lag.max} if quiet else None
    lags = [_lag(side) for side in sides]
    return [
        {**base, "metric": LAG, "predicted": wanted, "found": lags,
         "inside": [_inside(found, wanted) for found in lags]},
        {**base, "metric": LATENCY, "predicted": latency if quiet else None,
         "found": [_quantiles(side, LATENCY) for side in sides], "inside": [None] * len(sides)},
        {**base, "metric": "slots.missed", "predicted": {"min": 0, "max": 0} if quiet else None,
         "found": [_count(side) for side in sides], "inside": [None] * len(sides)},
    ]  # fmt: skip


def _lag(side: dict[str, Any] | None) -> dict[str, Any] | None:
    found = _quantiles(side, LAG)
    if found is None or side is None:
        return None
    slots = side[SLOTS]
    disturbed = {
        "missed slots": slots["missed"],
        "late blocks": slots["late"],
        "orphaned blocks": slots["orphaned"],
        "fork switches": side[FORKS]["switches"],
    }
    return {**found, "disturbed": disturbed}


def _quantiles(side: dict[str, Any] | None, metric: str) -> dict[str, Any] | None:
    q = (side or {}).get(metric)
    if not q or not q["n"]:
        return None
    return {"n": q["n"], "censored": q["censored"], **{key: q.get(key) for key in QUANTILES}}


def _count(side: dict[str, Any] | None) -> dict[str, Any] | None:
    slots = (side or {}).get(SLOTS)
    return {"n": slots["expected"], "missed": slots["missed"]} if slots else None


def _inside(found: dict[str, Any] | None, wanted: dict[str, int] | None) -> bool | None:
    """Return whether every judged block's lag is in the range; None where that cannot be said."""
    if found is None or wanted is None or found["min"] is None:
        return None
    if found["max"] is None:
        return False if found["min"] < wanted["min"] else None
    return bool(wanted["min"] <= found["min"] and found["max"] <= wanted["max"])


def _side(cell: dict[str, Any] | None, phase: str) -> dict[str, Any] | None:
    """Return a cell's figures of a phase."""
    metrics = (cell or {"phases": {}})["phases"].get(phase)
    return dict(metrics) if metrics else None


def _twin(cell: dict[str, Any], other: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the other run's cell with the same parameters."""
    for candidate in (other or {}).get("cells", []):
        if candidate["params"] == cell["params"]:
            return dict(candidate)
    return None


METHODS = (
    Method(
        name="Prediction",
        figures=("prediction",),
        formula="The smallest and the largest finality lag that the rules allow, producers in "
        "turn; in seconds: that many slots, and the way of the last block comes on top.",
        left_out="All but the baseline: only an undisturbed chain is predicted.",
        assumes="Every producer makes its blocks in time, and all arrive within their slot.",
    ),
)
