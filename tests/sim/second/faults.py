"""Faults as they were planned, and what journals, probes and nodes say of when they were there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.sim.second import lies, paths, stops, told, zones
from tests.sim.second.agree import Near, OneOf
from tests.sim.second.record import Line, Second

EARLY_NS, LATE_NS = 50_000_000, 1_000_000_000
PAIR_BOUND_MS = 30.0
"""No two hosts' clocks may be bounded worse, even where something else runs beside the lab."""


@dataclass(frozen=True, slots=True)
class Change:
    """A host's begin or end of a fault, on its own schedule since T0, and its raw clock then."""

    host: str
    first_ns: int
    last_ns: int
    mono_ns: int

    @property
    def middle_ns(self) -> int:
        return (self.first_ns + self.last_ns) // 2


def figures(s: Second, fault: Line) -> dict[str, Any]:
    """Return what a fault was asked to do, when, to whom, and what is known of it."""
    begin, end = changes(s, fault, "installed"), changes(s, fault, "healed")
    closed = fault.get("for_ns") is not None
    early = [change for change in end if change.last_ns < fault["end_ns"] - EARLY_NS]
    timing: dict[str, Any] = {}
    if begin:
        timing |= _punctual(s, begin, fault["at_ns"], "start", "apply")
    if end and closed:
        timing |= _punctual(s, end, fault["end_ns"], "end", "heal")
        if early:
            first = min(change.last_ns for change in end)
            timing["early_ms"] = round((fault["end_ns"] - first) / 1e6, 3)
        timing["healed_late"] = max(x.last_ns for x in end) - fault["end_ns"] > LATE_NS
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
        "ended_early": bool(closed and early),
        "measured": {**_measured(s, fault), **timing},
    }


def changes(s: Second, fault: Line, state: str) -> list[Change]:
    """Return the hosts' begins or ends of a fault."""
    found = []
    for x in s.journal:
        if (x["fault"], x["state"]) == (fault["id"], state) and x["t_ns"] is not None:
            first, last = x["between_ns"] or (x["t_ns"], x["t_ns"])
            mono = x["mono_ns"] - (x["t_ns"] - (first + last) // 2)
            found.append(Change(x["host"], first, last, mono))
    return found


def _punctual(s: Second, found: list[Change], due: int, edge: str, name: str) -> dict[str, Any]:
    """Return how late hosts were: each on its own schedule, and apart from each other in truth."""
    late = [(x.middle_ns - due) / 1e6 for x in found]
    whole: dict[str, Any] = {"late_ms": [round(min(late), 3), round(max(late), 3)]}
    if len(found) > 1 and all(x.host in s.line for x in found):
        at = sorted((s.at(x.host, x.mono_ns), (x.last_ns - x.first_ns) / 2e6) for x in found)
        apart = (at[-1][0] - at[0][0]) * 1e3
        slack = 2e3 * s.slack_s
        whole["spread_ms"] = Near(max(apart - slack, 0), apart + slack)
        whole["bound_ms"] = Near(0, max(own for _, own in at) * 2 + PAIR_BOUND_MS)
    worst = max((x.last_ns - due for x in found), key=abs)
    return {f"{edge}_error_ms": round(worst / 1e6, 3), name: whole}


def _measured(s: Second, fault: Line) -> dict[str, Any]:
    if fault["id"] == zones.ID:
        return zones.measured(s, fault)
    kind = fault["fault"]
    if kind in ("power_cut", "freeze_host") and s.plan["lab"] == "sim":
        # Simulated hosts have no power: only their nodes stop.
        kind = {"power_cut": "kill", "freeze_host": "pause"}[kind]
    match kind:
        case "partition":
            return paths.partition(s, fault)
        case "cut":
            return paths.cut(s, fault)
        case "loss" | "corrupt":
            return paths.loss(s, fault)
        case "duplicate":
            return paths.twice(s, fault)
        case "reorder":
            return paths.late(s, fault)
        case "delay":
            return paths.delay(s, fault, _force(s, fault))
        case "clock_step":
            return told.step(s, fault)
        case "clock_drift":
            return told.drift(s, fault)
        case "ntp_offset":
            return told.lie(s, fault, _force(s, fault))
        case "ntp_cut":
            return told.silence(s, fault)
        case "kill" | "crash":
            return stops.kill(s, fault)
        case "pause":
            return stops.pause(s, fault)
        case "freeze_host" | "link_down":
            return stops.silence(s, fault)
        case "power_cut":
            return {**stops.silence(s, fault), "resumed": stops.kill(s, fault)["resumed"]}
        case "byzantine":
            return lies.measured(s, fault)
        case "silent":
            return {"left_empty": _left_empty(s, fault)}
    return {}


def _force(s: Second, fault: Line) -> tuple[float, float]:
    """Return the span in which a fault was in force on every host that had it."""
    began = [change.last_ns for change in changes(s, fault, "installed")]
    ended = [change.first_ns for change in changes(s, fault, "healed")]
    return max([fault["at_ns"], *began]) / 1e9, min([fault["end_ns"], *ended]) / 1e9


def _left_empty(s: Second, fault: Line) -> Any:
    """Return how many slots each target left empty on request while the fault lasted."""
    first, last = fault["at_ns"] / 1e9, fault["end_ns"] / 1e9

    def count(off: float) -> dict[str, int]:
        left = [
            x["host"]
            for x in s.every("abstained")
            if x["reason"] == "silent" and first - off <= s.t(x) < last + off
        ]
        return {host: left.count(host) for host in fault["targets"]}

    return paths.both(s, count)
