"""Cells that differ in their chain alone: what finality of the later ones is to the first one's."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from tests.sim.second.agree import Near
from tests.sim.second.record import Line

LATENCY = "finality_latency_s"
Latency = Callable[[int, str], dict[int, Line]]
"""Takes a cell and a phase, and returns the latency of each of its trials, by seed."""


def beside(plan: Line, cells: dict[int, Line], latency: Latency) -> list[Line]:
    """Return `systems`: cells with the seeds of others, and ratios; cells: figures by number."""
    alike = defaultdict(list)
    for n in cells:
        seeds = tuple(sorted(t["seed"] for t in plan["trials"] if t["cell"] == n))
        alike[seeds].append(n)
    own = {cell["n"]: (cell.get("chain") or plan)["profile"] for cell in plan["cells"]}
    return [
        {
            "cells": group,
            "profiles": [own[n] for n in group],
            "ratios": [
                row
                for n in group[1:]
                for phase in cells[group[0]]["phases"]
                if phase != "warmup" and phase in cells[n]["phases"]
                for key in ("p50", "p95")
                for row in [_row(cells, (group[0], n), phase, key, latency)]
            ],
        }
        for group in alike.values()
        if len(group) > 1
    ]


def _row(
    cells: dict[int, Line], sides: tuple[int, int], phase: str, key: str, latency: Latency
) -> Line:
    first, second = (cells[n]["phases"][phase][LATENCY][key] for n in sides)
    one, other = (latency(n, phase) for n in sides)
    each = [_ratio(one[seed][key], other[seed][key]) for seed in one if seed in other]
    known = [ratio for ratio in each if ratio]
    whole = _ratio(first, second)
    return {
        "cell": sides[1], "to": sides[0], "phase": phase, "metric": LATENCY, "key": key,
        "ratio": whole,
        "error": whole and [Near(0, whole.high), Near(whole.low, math.inf)],
        "pairs": {
            "n": len(known),
            "min": Near(min(r.low for r in known), min(r.high for r in known)) if known else None,
            "max": Near(max(r.low for r in known), max(r.high for r in known)) if known else None,
        },
    }  # fmt: skip


def _ratio(first: Any, second: Any) -> Near | None:
    if first is None or second is None or first.low <= 0:
        return None
    return Near(second.low / first.high - 1e-4, second.high / first.low + 1e-4)
