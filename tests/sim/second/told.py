"""What hosts' own clocks and time servers told while they were bent."""

from __future__ import annotations

import statistics
from typing import Any

from tests.sim.second.agree import Near, counted, either
from tests.sim.second.paths import read_back
from tests.sim.second.record import Line, Second

MARGIN_S = 0.5
WIDE_NS = 10e6
"""What the first analysis' bounds of true time may leave open of a clock, from end to end."""
STEADY_PPB = 2_000
"""What two ways of drawing a line through the same readings may differ by."""
FEWEST = 4
"""With fewer readings before it, nobody can say how far a clock moved."""
KINDS = ("slot_due", "probe", "clock", "process")


def step(s: Second, fault: Line) -> dict[str, Any]:
    """Return how far wall clocks jumped against raw ones, where they were, and what NTP saw."""
    moved, ahead = {}, []
    start, end = fault["at_ns"] / 1e9, fault["end_ns"] / 1e9
    for host in fault["targets"]:
        during = _ahead(s, host, start + MARGIN_S, end - MARGIN_S)
        before = _ahead(s, host, _own_since(s, fault, host), start - MARGIN_S)
        if not during or len(before) < FEWEST:
            continue
        jump = (statistics.median(during) - statistics.median(before)) / 1e6
        moved[host] = Near(jump - 2, jump + 2)
        ahead.append(statistics.median(during))
    off = {"offset_ns": _off(ahead)} if ahead else {}
    return {"by_ms": moved, **off, **ntp(s, fault), **_said(s, fault, "step_ns")}


def drift(s: Second, fault: Line) -> dict[str, Any]:
    """Return how much faster wall clocks ran than before, of each target and of the worst."""
    asked, by_host = fault["asked"]["by_ppb"], {}
    start, end = fault["at_ns"] / 1e9, fault["end_ns"] / 1e9
    for host in fault["targets"]:
        rates = [
            _rate(s, host, start + MARGIN_S, end - MARGIN_S),
            _rate(s, host, _own_since(s, fault, host), start - MARGIN_S),
        ]
        known = read_back(s, fault, "installed").get(host, {}).get("freq_before_ppb")
        by_host[host] = rates[0] - (rates[1] if known is None else known)
    near = {host: Near(ppb - STEADY_PPB, ppb + STEADY_PPB) for host, ppb in by_host.items()}
    error = Near(0, abs(asked) / 4)
    off = max(abs(ppb - asked) for ppb in by_host.values())
    worst = [near[h] for h, ppb in by_host.items() if abs(ppb - asked) >= off - 2 * STEADY_PPB]
    return {
        "by_host": {host: {"drift_ppb": ppb, "error_ppb": error} for host, ppb in near.items()},
        "drift_ppb": either(worst),
        "drift_error_ppb": error,
        **ntp(s, fault),
        **_said(s, fault, "drift_ppb", state="healed"),
    }


def lie(s: Second, fault: Line, force: tuple[float, float]) -> dict[str, Any]:
    """Return how far the time that servers told moved, its bound, and where the clocks were.

    force: when the lie was in force on every host.
    """
    at, end = fault["at_ns"] / 1e9, fault["end_ns"] / 1e9
    moved, bounds = [], []
    for host in fault["targets"]:
        before = _answers(s, host, at - 60, at - MARGIN_S)
        during = _answers(s, host, force[0] + MARGIN_S, min(force[1], s.end_s) - MARGIN_S)
        if before and during:
            ends = [[statistics.median(x) for x in zip(*own, strict=True)] for own in
                    (before, during)]  # fmt: skip
            moved.append(ends[1][0] - ends[0][0])
            bounds.append(ends[0][1] + ends[1][1])
    third = at + 2 * (end - at) / 3
    clocks = [_ahead(s, host, third, end - MARGIN_S) for host in fault["targets"]]
    off = _off([statistics.median(own) for own in clocks if own])
    found = {**ntp(s, fault), **_said(s, fault, "ntp_offset_ns"), **({"clock_is": off} if off else
             {})}  # fmt: skip
    if not moved:
        return {**found, "ntp_offset_ns": None}
    worst = max(moved, key=lambda ns: abs(ns - fault["asked"]["by_ns"]))
    slack = 4e9 * s.slack_s
    return {
        **found,
        "ntp_offset_ns": Near(worst - slack, worst + slack),
        "ntp_offset_bound_ns": Near(max(bounds) - slack, max(bounds) + WIDE_NS),
    }


def silence(s: Second, fault: Line) -> dict[str, Any]:
    """Return how many questions of the targets were asked and answered, before and meanwhile."""
    at, end = fault["at_ns"] / 1e9, fault["end_ns"] / 1e9
    checks = [x for x in s.every("clock") if x["host"] in fault["targets"] and x["source"]]

    def count(first: float, last: float, keys: tuple[str, str]) -> dict[str, Any]:
        ways = []
        for off in (-s.slack_s, s.slack_s):
            own = [x for x in checks if first - off < s.t(x) < last + off]
            ways.append({keys[0]: sum(x["rtt_ns"] > 0 for x in own), keys[1]: len(own)})
        return dict(either(ways))

    return {
        **count(at + 2 * MARGIN_S, end, ("checks_answered", "checks")),
        **count(-1e9, at - MARGIN_S, ("answered_before", "checks_before")),
    }


def ntp(s: Second, fault: Line) -> dict[str, Any]:
    """Return how many checks the targets made meanwhile, and the largest offset they found."""
    checks = [x for x in s.every("clock") if x["host"] in fault["targets"] and x["bound_ns"]]
    first, last = fault["at_ns"] / 1e9, fault["end_ns"] / 1e9
    sure, perhaps = (
        [x for x in checks if first - off < s.t(x) < last + off] for off in (-s.slack_s, s.slack_s)
    )
    found: dict[str, Any] = {"ntp_checks": counted(len(sure), len(perhaps))}
    if perhaps:
        most = max(perhaps, key=lambda x: abs(x["offset_ns"]))
        fits = most in sure
        offset, bound = (round(most[key] / 1e6, 3) for key in ("offset_ns", "bound_ns"))
        found["ntp_offset_ms"] = offset if fits else Near(-abs(offset), abs(offset))
        found["ntp_bound_ms"] = bound if fits else Near(0, 1e6)
    return found


def _said(s: Second, fault: Line, key: str, *, state: str = "installed") -> dict[str, Any]:
    """Return what agents read back of a clock, and whether NTP agreed again after the fault."""
    said = {h: own[key] for h, own in read_back(s, fault, state).items() if key in own}
    after = {
        host: "" if own["ntp_after"].get("verified") else own["ntp_after"].get("reason") or "no"
        for host, own in read_back(s, fault, "healed").items()
        if isinstance(own.get("ntp_after"), dict)
    }
    return {**({f"agent_{key}": said} if said else {}), **({"ntp_after": after} if after else {})}


def _own_since(s: Second, fault: Line, host: str) -> float:
    """Return from when on a clock ran before a fault as no other fault had bent it."""
    others = [
        f["end_ns"] / 1e9 + 2 * MARGIN_S
        for f in s.planned["faults"]
        if f["fault"] in ("clock_step", "clock_drift") and host in f["targets"]
        and f["at_ns"] < fault["at_ns"]
    ]  # fmt: skip
    return float(max([fault["at_ns"] / 1e9 - 20, *others]))


def _stamps(s: Second, host: str, first: float, last: float) -> list[Line]:
    own = [x for kind in KINDS for x in s.every(kind) if x["host"] == host]
    return [x for x in own if first <= s.t(x) < last]


def _ahead(s: Second, host: str, first: float, last: float) -> list[float]:
    """Return how far the wall clock of a host was ahead of true time, in ns, line by line."""
    own = _stamps(s, host, first, last)
    return [x["wall_ns"] - s.trial["t0_wall_ns"] - s.t(x) * 1e9 for x in own]


def _off(ahead: list[float]) -> dict[str, Near]:
    if not ahead:
        return {}
    middle, slack = statistics.median(ahead), WIDE_NS / 5
    return {
        "p50": Near(middle - slack, middle + slack),
        "lo": Near(min(ahead) - WIDE_NS, min(ahead) + slack),
        "hi": Near(max(ahead) - slack, max(ahead) + WIDE_NS),
    }


def _rate(s: Second, host: str, first: float, last: float) -> float:
    """Return by how many parts in 10^9 a wall clock ran faster than its raw clock: the median of
    the slopes between readings half the window apart.
    """
    own = sorted(_stamps(s, host, first, last), key=lambda x: int(x["mono_ns"]))
    half = len(own) // 2
    slopes = [
        (b["wall_ns"] - a["wall_ns"]) / (b["mono_ns"] - a["mono_ns"]) - 1
        for a, b in zip(own[:half], own[-half:], strict=True)
    ]
    return statistics.median(slopes) * 1e9


def _answers(s: Second, host: str, first: float, last: float) -> list[tuple[float, float]]:
    """Return (how far ahead of true time servers told, the bound of that) of a host's checks."""
    own = [
        x
        for x in s.every("clock")
        if x["host"] == host and x["source"] and x["bound_ns"] and x["rtt_ns"]
        and x["reason"] != "clock_stepped" and first <= s.t(x) < last
    ]  # fmt: skip
    return [
        (x["wall_ns"] - x["offset_ns"] - s.trial["t0_wall_ns"] - s.t(x) * 1e9, x["bound_ns"])
        for x in own
    ]
