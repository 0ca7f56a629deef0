"""The methods of a report: what each measure declares of itself, with this run's counts."""

from collections.abc import Iterator
from typing import Any

from metrics.fault_checks import zones
from metrics.intake import phase_windows
from metrics.measure.metric import CHAIN, DOUBT
from metrics.measure.registry import SHOWN
from metrics.model import quantiles
from metrics.model.method import Method
from metrics.model.number_text import UNKNOWN
from metrics.report import differences, heat_maps, tails
from metrics.results import (
    expectations,
    fault_results,
    foreseen,
    prediction,
    survival,
    sweep,
    systems,
)
from metrics.safety import checks


def _of_metrics(group: str) -> tuple[Method, ...]:
    """Return what the metrics of a group declare."""
    return tuple(method for metric in SHOWN if metric.group == group for method in metric.methods)


_FAULTS = "Faults"
GROUPS: dict[str, tuple[Method, ...]] = {
    CHAIN: (phase_windows.METHOD, *_of_metrics(CHAIN)),
    DOUBT: (
        *quantiles.METHODS, *_of_metrics(DOUBT),
        checks.METHOD, expectations.METHOD, prediction.METHOD, systems.METHOD, sweep.METHOD,
        differences.METHOD, tails.METHOD, heat_maps.METHOD, survival.METHOD,
        foreseen.METHOD,
    ),
    _FAULTS: (*fault_results.METHODS, zones.METHOD),
}  # fmt: skip
"""The methods of each group of figures, in the order of the page."""


def of_run(found: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return {group: rows} for a summary: {method, here: what was left out in this run}.

    Of kinds of faults only those that the run has.
    """
    kinds = {f"faults.{fault['fault']}" for fault in found["faults"]}
    if kinds:
        kinds.add("faults.*")
    if found["zones"]:
        kinds.add("zones")
    groups = {
        name: [
            {"method": method, "here": _counted(method, found["cells"])}
            for method in methods
            if name != _FAULTS or kinds & set(method.figures)
        ]
        for name, methods in GROUPS.items()
    }
    return {name: rows for name, rows in groups.items() if rows}


def _counted(method: Method, cells: list[dict[str, Any]]) -> str:
    """Return how much a method left out in all cells, in words."""
    parts = []
    for path, words in method.counts:
        counts = [count for cell in cells for count in _at(cell, path.split("."))]
        total = UNKNOWN if None in counts else f"{sum(counts):,}"
        parts.append(f"{total} {words}")
    return ", ".join(parts)


def _at(value: Any, path: list[str]) -> Iterator[Any]:
    """Yield what stands at a path; `*` stands for every name."""
    if not path:
        yield value
        return
    names = list(value) if path[0] == "*" else [path[0]] if path[0] in value else []
    for name in names:
        yield from _at(value[name], path[1:])
