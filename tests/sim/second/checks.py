"""The verdicts: invariants counted again, expectations held against the second's own figures."""

from __future__ import annotations

import math
from typing import Any

from tests.sim.second import invariants
from tests.sim.second.agree import Near, OneOf, Starts
from tests.sim.second.record import Line, Second

VERDICTS = ("holds", "violated", "unknown")


def split(told: list[Line]) -> dict[str, Any]:
    """Return the checks of a summary as invariants by name, and expectations in order."""
    invariants = [c for c in told if "." not in c["name"] and ":" not in c["name"]]
    rest = [c for c in told if "." in c["name"] or ":" in c["name"]]
    return {
        "invariants": {check["name"]: check["verdict"] for check in invariants},
        "expectations": [{key: check[key] for key in ("name", "verdict")} for check in rest],
    }


def all_of(plan: Line, trials: list[Second], cells: list[Line]) -> dict[str, Any]:
    """Return the verdicts over all trials, and those of the expectations."""
    return {
        "invariants": invariants.verdicts(trials),
        "expectations": [check for cell in cells for check in _expected(plan, cell)],
    }


def verdict(told: dict[str, Any]) -> str:
    """Return the verdict that follows from a summary's checks and reasons."""
    checks = split(told["checks"])
    if "violated" in [
        v for name, v in checks["invariants"].items() if name != "host_state_restored"
    ]:
        return "fail"
    if told["invalid"]:
        return "invalid"
    missed = any(check["verdict"] == "violated" for check in checks["expectations"])
    return "fail" if missed else "pass"


def _expected(plan: Line, cell: Line) -> list[Line]:
    found = []
    for name, body in plan["expect"].items():
        if name == "always":
            continue
        if name == "each_fault":
            limit = body.get("recovers_within")
            for fault, q in cell["metrics"]["recovery_s"].items() if limit is not None else ():
                text = Starts(f"{fault}: recovers within ")
                found.append({"name": text, "verdict": _recovers(q, limit / 1e9)})
            continue
        for metric, bounds in body.items():
            found += _limits(name, metric, bounds, cell["phases"].get(name))
    return found


def _limits(phase: str, metric: str, bounds: Line, figures: Line | None) -> list[Line]:
    if not any(isinstance(limits, dict) for limits in bounds.values()):
        value: Any = figures
        for part in metric.split("."):
            value = value and value[part]
        return _at(f"{phase}.{metric}", metric, bounds, _ends(value))
    found = []
    for key, limits in bounds.items():
        q = (figures or {}).get(metric)
        ends = None
        if q and q["n"]:
            few = key in q["few"]
            ends = (_ends(q["min"], math.inf)[0], _ends(q["max"], math.inf)[1]) if few else None
            ends = ends or _ends(q[key], math.inf)
        found += _at(f"{phase}.{metric}.{key}", metric, limits, ends)
    return found


def _ends(value: Any, none: float | None = None) -> Any:
    if value is None:
        return None if none is None else (none, none)
    return (value.low, value.high) if isinstance(value, Near) else (value, value)


def _at(name: str, metric: str, limits: Line, ends: tuple[float, float] | None) -> list[Line]:
    found = []
    for word, limit in limits.items():
        scaled = limit / 1e9 if metric.endswith("_s") else limit
        verdict: Any = "unknown"
        if ends is not None:
            low, high = ends if word == "max" else (-ends[1], -ends[0])
            verdict = _at_most(low, high, scaled if word == "max" else -scaled)
        found.append({"name": Starts(f"{name}"), "verdict": verdict})
    return found


def _at_most(low: float, high: float, limit: float) -> Any:
    return "holds" if high <= limit else "violated" if low > limit else OneOf(VERDICTS)


def _recovers(q: Line, limit: float) -> Any:
    if q["n"] == 0:
        return "holds" if q["undisturbed"] else "unknown"
    if q["max"] is None:
        return OneOf(("violated", "unknown"))
    low, high = _ends(q["max"])
    return _at_most(min(low, _ends(q["error"]["max"][0])[0]), high, limit)
