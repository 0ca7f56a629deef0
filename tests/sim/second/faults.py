"""Faults as they were planned, and when their hosts' journals say they began and ended."""

from __future__ import annotations

from typing import Any

from tests.sim.second.agree import OneOf
from tests.sim.second.record import Line, Second

EARLY_S, LATE_S = 0.05, 1.0


def figures(s: Second, fault: Line) -> dict[str, Any]:
    """Return what a fault was asked to do, when, to whom, and how punctual it was."""
    return {
        "id": fault["id"],
        "fault": fault["fault"],
        "trial": s.planned["n"],
        "asked": fault["asked"],
        "targets": fault["targets"],
        "groups": fault["groups"],
        "pairs": fault["pairs"],
        "start_s": fault["at_ns"] / 1e9,
        "end_s": fault["end_ns"] / 1e9,
        "state": OneOf(("installed", "skipped", "indeterminate")),
        "ended_early": _early(s, fault),
        "measured": {},
    }


def _early(s: Second, fault: Line) -> bool:
    return any(
        entry["between_ns"][1] < fault["end_ns"] - EARLY_S * 1e9
        for entry in s.journal
        if (entry["fault"], entry["state"]) == (fault["id"], "healed") and entry["between_ns"]
    )
