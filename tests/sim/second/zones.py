"""Round trips between zones: what the fastest answer of each burst took, from one to another."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from typing import Any

from tests.sim.second import paths
from tests.sim.second.agree import Near
from tests.sim.second.record import Line, Second

ID = "zones"


def of_trial(s: Second) -> list[Line]:
    """Return what holds the zones of a trial apart, as a fault that lasts from T0 to its end."""
    zones = _zones(s)
    if zones is None:
        return []
    hosts = list(zones["hosts"])
    pairs = [
        [a, b]
        for i, a in enumerate(hosts)
        for b in hosts[i + 1 :]
        if _asked(zones, a, b) is not None
    ]
    end_ns = s.plan["end_ns"]
    return [{
        "id": ID, "fault": "delay", "at_ns": 0, "for_ns": end_ns, "end_ns": end_ns,
        "asked": {"matrix": zones["matrix"]}, "groups": None, "pairs": pairs,
        "targets": [host for host in hosts if any(host in pair for pair in pairs)],
    }]  # fmt: skip


def measured(s: Second, fault: Line) -> Line:
    """Return a row for each two zones that probes went between, in both directions."""
    zones = _zones(s)
    assert zones is not None
    inside: dict[str, list[str]] = defaultdict(list)
    for host, zone in zones["hosts"].items():
        inside[zone].append(host)
    bursts = {
        off: paths.during(s, fault, (*paths.LOSING, *paths.SLOWING), off)
        for off in (-s.slack_s, s.slack_s)
    }

    def row(one: str, other: str, off: float) -> Line:
        asked_ns = zones["rtt_ns"][one].get(other)
        own: dict[tuple[str, str], list[float]] = defaultdict(list)
        for x in bursts[off]:
            if x["rtts_ns"] and x["host"] in inside[one] and x["peer"] in inside[other]:
                own[x["host"], x["peer"]].append(min(x["rtts_ns"]) / 1e6)
        every = sorted(rtt for found in own.values() for rtt in found)
        asked = None if asked_ns is None else asked_ns / 1e6
        middle = {pair: statistics.median(found) for pair, found in own.items()}
        worst = max(middle, key=lambda pair: abs(middle[pair] - (asked or 0)), default=None)
        outside = _outside(len(every))
        return {
            "from": one, "to": other, "asked_ms": asked, "bursts": len(every),
            "rtt_ms": round(statistics.median(every), 3) if every else None,
            "interval_ms": [Near(round(ms, 3), round(ms, 3))
                            for ms in (every[outside], every[-1 - outside])] if every else None,
            "worst": worst and {"pair": "-".join(worst), "rtt_ms": round(middle[worst], 3)},
        }  # fmt: skip

    order = list(dict.fromkeys(zones["hosts"].values()))
    pairs = [(a, b) for a in order for b in order if a != b or len(inside[a]) > 1]
    rows = [paths.both(s, lambda off, p=pair: row(*p, off)) for pair in pairs]
    return {"matrix": zones["matrix"], "zones": rows}


def _zones(s: Second) -> Line | None:
    (cell,) = [cell for cell in s.plan["cells"] if cell["n"] == s.planned["cell"]]
    found: Line | None = cell.get("zones")
    return found


def _asked(zones: Line, one: str, other: str) -> Any:
    return zones["rtt_ns"][zones["hosts"][one]].get(zones["hosts"][other])


def _outside(n: int) -> int:
    """Return how many on either side the sign test's interval of 95 % leaves out."""
    tail, left = 0, 0
    while left < n and 40 * (tail := tail + math.comb(n, left)) <= 2**n:
        left += 1
    return max(0, left - 1)
