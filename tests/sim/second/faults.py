"""Faults as they were planned, and what journals, probes and nodes say of when they were there."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from tests.sim.second.agree import Near, OneOf, counted
from tests.sim.second.record import Line, Second

EARLY_NS, LATE_NS = 50_000_000, 1_000_000_000
PAIR_BOUND_MS = 30.0
"""No two hosts' clocks may be bounded worse, even where something else runs beside the lab."""
EDGE_S = 4.0
"""A burst of probes is told of when it is complete or given up: so long after it was sent."""
HELD_ELSEWHERE = (
    "sent", "lost", "share", "share_ci", "dropped", "also", "by_receiver", "frozen_s", "host",
    "host/*", "by_host", "by_host/*", "drift_ppb", "drift_error_ppb", "ntp_offset_ns",
    "ntp_offset_bound_ns", "clock_is", "agent_*", "ntp_after", "checks*", "answered_before",
    "silent_s",
)  # fmt: skip
"""Evidence of cuts, losses, pauses, drifts and time servers, which is not computed here."""


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
    match fault["fault"]:
        case "partition":
            side = {h: i for i, group in enumerate(fault["groups"]) for h in group}
            across = _bursts(s, fault, lambda a, b: side.get(a, -1) != side.get(b, -1))
            within = _bursts(s, fault, lambda a, b: side.get(a, -1) == side.get(b, -1))
            return {
                "across_sent": _many(across, "sent"), "across_received": 0,
                "within_sent": _many(within, "sent"), "within_received": _many(within, "received"),
            }  # fmt: skip
        case "delay":
            return _delay(s, fault)
        case "clock_step":
            return _step(s, fault)
        case "kill" | "crash":
            return _kill(s, fault)
        case "power_cut":
            seen = _kill(s, fault)
            return seen if s.plan["lab"] == "sim" else {"resumed": seen["resumed"]}
        case "silent":
            left = [x["host"] for x in s.every("abstained")
                    if x["reason"] == "silent" and _in(s, x, fault)]  # fmt: skip
            return {"left_empty": {host: left.count(host) for host in fault["targets"]}}
        case "clock_drift" | "ntp_offset":
            return _ntp(s, fault)
    return {}


def _in(s: Second, line: Line, fault: Line, more: float = 0.0) -> bool:
    return fault["at_ns"] / 1e9 - more < s.t(line) < fault["end_ns"] / 1e9 + more


def _bursts(s: Second, fault: Line, wanted: Any) -> tuple[list[Line], list[Line]]:
    """Return the bursts along the data's way that surely lay within a fault, and perhaps.

    Surely only where no other fault of links or hosts was near.
    """
    path = [x for x in s.every("probe") if x["flow"] == "path" and wanted(x["host"], x["peer"])]
    perhaps = [x for x in path if _in(s, x, fault, EDGE_S)]
    alone = all(
        other is fault or other["at_ns"] / 1e9 > fault["end_ns"] / 1e9 + 1
        or other["end_ns"] / 1e9 < fault["at_ns"] / 1e9 - 1
        for other in s.planned["faults"]
    )  # fmt: skip
    return [x for x in perhaps if alone and _in(s, x, fault, -EDGE_S)], perhaps


def _many(found: tuple[list[Line], list[Line]], key: str) -> Any:
    return counted(*(sum(x[key] for x in those) for those in found))


def _delay(s: Second, fault: Line) -> dict[str, Any]:
    """Return by pair what a way's round trips grew by, halved: the fastest, or with jitter the
    median; over pairs the median.
    """
    quiet = [p for p in s.planned["phases"] if p["name"] == "baseline"]
    first, last = (quiet[0]["start_ns"] / 1e9, quiet[0]["end_ns"] / 1e9) if quiet else (0, 1e9)
    jitter = fault["asked"].get("jitter_ns", 0)
    fastest, usual = {}, {}
    for a, b in sorted(tuple(sorted(pair)) for pair in fault["pairs"]):
        found = [
            x
            for x in s.every("probe")
            if x["flow"] == "path" and {x["host"], x["peer"]} == {a, b} and x["rtts_ns"]
        ]
        before = [r for x in found if first + 1 < s.t(x) < last for r in x["rtts_ns"]]
        during = [r for x in found if _in(s, x, fault, -1.0) for r in x["rtts_ns"]]
        if before and during:
            fastest[f"{a}-{b}"] = (min(during) - min(before)) / 2e6
            usual[f"{a}-{b}"] = (statistics.median(during) - statistics.median(before)) / 2e6
    each = usual if jitter else fastest
    if not each:
        return {"delay_ms": None, "pairs": {}}
    off = 0.5 + jitter / 1e6 / 4
    middle = statistics.median(each.values())
    asked = fault["asked"]["delay_ns"] / 1e6
    percent = Near(((middle - off) / asked - 1) * 100, ((middle + off) / asked - 1) * 100)
    typical = statistics.median(usual.values())
    return {
        "delay_ms": Near(middle - off, middle + off),
        "difference_percent": None if asked < 2 else percent,
        "pairs": {pair: Near(ms - 2 * off, ms + 2 * off) for pair, ms in each.items()},
        "probes": Near(1, sum(x["sent"] for x in s.every("probe") if _in(s, x, fault, EDGE_S))),
        "median_ms": Near(typical - 1 - off, typical + 1 + off),
    }


def _step(s: Second, fault: Line) -> dict[str, Any]:
    """Return how far wall clocks jumped against raw ones, where they were, and what NTP saw."""
    kinds = ("slot_due", "probe", "clock", "process")
    moved, ahead = {}, []
    for host in fault["targets"]:
        own = [x for kind in kinds for x in s.every(kind) if x["host"] == host]
        during = [_ahead(s, x) for x in own if _in(s, x, fault, -0.5)]
        at = fault["at_ns"] / 1e9
        before = [_ahead(s, x) for x in own if at - 10 < s.t(x) < at - 0.5]
        if not during or not before:
            continue
        jump = statistics.median(during) - statistics.median(before)
        moved[host] = Near(jump * 1e3 - 2, jump * 1e3 + 2)
        ahead.append(statistics.median(during) * 1e9)
    middle, slack = statistics.median(ahead), 2e6
    return {
        "by_ms": moved,
        "offset_ns": {
            "p50": Near(middle - slack, middle + slack),
            "lo": Near(min(ahead) - 5 * slack, min(ahead) + slack),
            "hi": Near(max(ahead) - slack, max(ahead) + 5 * slack),
        },
        **_ntp(s, fault),
    }


def _ntp(s: Second, fault: Line) -> dict[str, Any]:
    """Return how many checks the targets made meanwhile, and the largest offset they found."""
    checks = [x for x in s.every("clock") if x["host"] in fault["targets"] and x["bound_ns"]]
    sure = [x for x in checks if _in(s, x, fault, -s.slack_s)]
    perhaps = [x for x in checks if _in(s, x, fault, s.slack_s)]
    found: dict[str, Any] = {"ntp_checks": counted(len(sure), len(perhaps))}
    if perhaps:
        most = max(perhaps, key=lambda x: abs(x["offset_ns"]))
        fits = most in sure
        offset, bound = (round(most[key] / 1e6, 3) for key in ("offset_ns", "bound_ns"))
        found["ntp_offset_ms"] = offset if fits else Near(-abs(offset), abs(offset))
        found["ntp_bound_ms"] = bound if fits else Near(0, 1e6)
    return found


def _ahead(s: Second, line: Line) -> float:
    return float((line["wall_ns"] - s.trial["t0_wall_ns"]) / 1e9 - s.t(line))


def _kill(s: Second, fault: Line) -> dict[str, Any]:
    """Return when each target's node started again, at which blocks, and how long it was gone."""
    down, resumed = {}, {}
    at, slack = fault["at_ns"] / 1e9, s.slack_s + 0.001
    for host in fault["targets"]:
        again = [
            x for x in s.own(host, "started") if x["role"] == "node" and s.t(x) > at
        ]  # fmt: skip
        if not again:
            continue
        t = min(s.t(x) for x in again)
        (first,) = [x for x in again if s.t(x) == t]
        resumed[host] = {
            "t_s": Near(t - slack, t + slack),
            "head": first["resumed_num"],
            "lib": first["resumed_lib"],
        }
        told = [s.t(x) for x in s.own(host, "slot_due") if s.t(x) < min(at + 0.5, t)]
        gone = t - max([at, max(told, default=at)])
        down[host] = Near(gone - 2 * slack, gone + 2 * slack)
    return {"down_s": down, "resumed": resumed}
