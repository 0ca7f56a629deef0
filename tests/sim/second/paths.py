"""What probes along the data's way saw of partitions, cuts, losses and delays.

A burst counts for a fault if it was sent within it, half a second off either end and from when its
slowest host had it, and no other fault lost or slowed it meanwhile. One of which something is
missing is written two and a half seconds after its last probe, and the probes of one burst take a
fifth of a second at most. Everything is counted twice: with each edge as late, and as early, as the
clocks leave open.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from tests.sim.second.agree import either
from tests.sim.second.record import Line, Second

MARGIN_S, WAIT_S, BURST_S = 0.5, 2.5, 0.2
STOPPING = ("power_cut", "freeze_host", "link_down")
LOSING = ("partition", "cut", "loss", "corrupt", *STOPPING)
SLOWING = ("delay", "reorder", "rate", *STOPPING)
SMALLEST_NS = 2e6
"""A delay below this is too small to see."""
Pair = tuple[str, str]
Z_95 = 1.96


def both(s: Second, figures: Callable[[float], Any]) -> Any:
    """Return figures that hold with edges moved either way by what is not known of clocks."""
    return either([figures(-s.slack_s), figures(s.slack_s)])


def sent(s: Second, burst: Line) -> tuple[float, float]:
    """Return between which times the first probe of a burst was sent."""
    if burst["t1_ns"]:
        t = s.at(burst["host"], burst["t1_ns"])
        return t - BURST_S, t
    t = s.t(burst) - WAIT_S
    return t - BURST_S, t


def inside(s: Second, burst: Line, start: float, end: float, off: float) -> bool:
    """Return whether a burst and its answers lay within a window, margins taken off."""
    first, last = sent(s, burst)
    back = last + max(burst["rtts_ns"], default=0) / 1e9
    return start + MARGIN_S - off <= first and back <= end - MARGIN_S + off


def pair(burst: Line) -> Pair:
    """Return both ends of a burst in order."""
    a, b = sorted((burst["host"], burst["peer"]))
    return a, b


def split(groups: list[list[str]]) -> set[Pair]:
    """Return the pairs that lie in different groups."""
    side = {host: i for i, group in enumerate(groups) for host in group}
    return {(a, b) for a in side for b in side if a < b and side[a] != side[b]}


def named(fault: Line) -> set[Pair]:
    """Return the pairs that a fault acts between, each in order."""
    if fault["groups"] is not None:
        return split(fault["groups"])
    return {(min(ends), max(ends)) for ends in fault["pairs"] or ()}


def read_back(s: Second, fault: Line, state: str) -> dict[str, Line]:
    """Return by host what its agent read back last when a fault came into a state."""
    found = {}
    for entry in s.journal:
        if (entry["fault"], entry["state"]) == (fault["id"], state) and entry["read_back"]:
            provided = entry["host"] == "provider"
            found[entry["asked"]["host"] if provided else entry["host"]] = entry["read_back"]
    return found


def during(
    s: Second, fault: Line, disturbing: tuple[str, ...], off: float, only: set[Pair] | None = None
) -> list[Line]:
    """Return a fault's bursts that no other disturbs; all of them where that leaves none."""
    window = _begun_s(s, fault), fault["end_ns"] / 1e9
    own = [
        x
        for x in s.every("probe")
        if x["flow"] == "path" and inside(s, x, *window, off) and (only is None or pair(x) in only)
    ]
    others = [f for f in s.planned["faults"] if f is not fault and f["fault"] in disturbing]
    return [x for x in own if not any(_touches(s, f, x, off) for f in others)] or own


def _begun_s(s: Second, fault: Line) -> float:
    """Return the time at which the last of the hosts had the fault in force."""
    told = [x for x in s.journal if (x["fault"], x["state"]) == (fault["id"], "installed")]
    begun = [x["between_ns"][1] if x["between_ns"] else x["t_ns"] for x in told]
    return max([fault["at_ns"], *(each for each in begun if each is not None)]) / 1e9


def _touches(s: Second, fault: Line, burst: Line, off: float) -> bool:
    first, last = sent(s, burst)
    over = s.end_s if fault["fault"] == "power_cut" else fault["end_ns"] / 1e9
    if last < fault["at_ns"] / 1e9 - MARGIN_S + off or first > over + MARGIN_S - off:
        return False
    if fault["groups"] is not None or fault["pairs"] is not None:
        return pair(burst) in named(fault)
    return bool({*fault["targets"]} & {*pair(burst)})


def partition(s: Second, fault: Line) -> dict[str, Any]:
    """Return what was sent and answered across and between all others."""
    across = named(fault)

    def figures(off: float) -> dict[str, Any]:
        bursts = during(s, fault, LOSING, off)
        return {
            f"{word}_{what}": sum(x[what] for x in bursts if (pair(x) in across) == outside)
            for word, outside in (("across", True), ("within", False))
            for what in ("sent", "received")
        }

    return dict(both(s, figures))


def cut(s: Second, fault: Line) -> dict[str, Any]:
    """Return the exchanges sent and lost, and what kernels dropped, of which none but receivers'
    should.
    """
    chains = {
        host: said["dropped"]
        for host, said in read_back(s, fault, "healed").items()
        if isinstance(said.get("dropped"), dict)
    }
    also = [h for h, own in chains.items() if h not in fault["acting"] or own.get("output")]
    return {
        **both(s, lambda off: _lost(during(s, fault, LOSING, off, named(fault)))),
        "dropped": {host: own.get("input", 0) for host, own in chains.items()},
        "also": also,
    }


def _lost(bursts: list[Line]) -> dict[str, int]:
    whole, back = (sum(x[key] for x in bursts) for key in ("sent", "received"))
    return {"sent": whole, "lost": whole - back}


def loss(s: Second, fault: Line) -> dict[str, Any]:
    """Return the share that one way lost if both lose alike, with Wilson's 95 % interval."""
    receivers = {
        host: {"lost": said["dropped"].get("input", 0), "sent": said["seen"]}
        for host, said in read_back(s, fault, "healed").items()
        if "seen" in said and isinstance(said.get("dropped"), dict)
    }

    def figures(off: float) -> dict[str, Any]:
        found: dict[str, Any] = _lost(during(s, fault, LOSING, off, named(fault)))
        n, gone = found["sent"], found["lost"]
        return {**found, **_one_way(gone, n)} if n else found

    return {**both(s, figures), "by_receiver": receivers}


def _one_way(gone: int, n: int) -> dict[str, Any]:
    """Return the share of one way that met what so many of n exchanges did, with its interval."""
    # Wilson's ends are the roots of (p - gone / n)² = z² p (1 - p) / n.
    a, b, c = 1 + Z_95**2 / n, 2 * gone / n + Z_95**2 / n, (gone / n) ** 2
    root = math.sqrt(max(b * b - 4 * a * c, 0.0))
    ends = max((b - root) / (2 * a), 0.0), min((b + root) / (2 * a), 1.0)
    return {
        "share": round(1 - math.sqrt(1 - gone / n), 5),
        "share_ci": [round(1 - math.sqrt(1 - end), 5) for end in ends],
    }


def twice(s: Second, fault: Line) -> dict[str, int]:
    """Return what was sent, and what of it twice, as kernels told; in the simulator nothing."""
    told = [x for x in read_back(s, fault, "healed").values() if {"seen", "twice"} <= x.keys()]
    return {key: sum(x[key] for x in told) for key in ("seen", "twice")}


def late(s: Second, fault: Line) -> dict[str, Any]:
    """Return the answers that took half of what was asked longer than the baseline's median, the
    share of one way that makes, and how late those were that were late once.
    """
    by = fault["asked"]["by_ns"]

    def figures(off: float) -> dict[str, Any]:
        quiet = next(p for p in s.planned["phases"] if p["name"] == "baseline")
        window = quiet["start_ns"] / 1e9, quiet["end_ns"] / 1e9
        path = [x for x in s.every("probe") if x["flow"] == "path" and pair(x) in named(fault)]
        usual = {
            p: statistics.median(own)
            for p, own in _trips([x for x in path if inside(s, x, *window, off)]).items()
        }
        bursts = during(s, fault, SLOWING, off, named(fault))
        grown = [rtt - usual[p] for p, own in _trips(bursts).items() for rtt in own]
        behind = [each for each in grown if 2 * each > by]
        once = [each for each in behind if 2 * each < 3 * by]
        found = {"answered": len(grown), "late": len(behind), **_one_way(len(behind), len(grown))}
        return found | {"by_ms": round(statistics.median(once) / 1e6, 3)}

    return dict(both(s, figures))


def delay(s: Second, fault: Line, force: tuple[float, float]) -> dict[str, Any]:
    """Return by pair what a way's round trips grew by, halved: the fastest, or with jitter the
    median; over pairs the median.

    force: when the delay was in force on every host.
    """
    quiet = next(
        (p["start_ns"] / 1e9, p["end_ns"] / 1e9)
        for p in (*s.planned["phases"], {"name": "baseline", "start_ns": 0, "end_ns": min(
            f["at_ns"] for f in s.planned["faults"])})
        if p["name"] == "baseline"
    )  # fmt: skip

    def figures(off: float) -> dict[str, Any]:
        path = [x for x in s.every("probe") if x["flow"] == "path"]
        before = _trips([x for x in path if inside(s, x, *quiet, off)])
        lasting = _trips([x for x in during(s, fault, SLOWING, off) if inside(s, x, *force, off)])
        ways = sorted(pair for pair in named(fault) or lasting if before[pair] and lasting[pair])
        grown = {
            mark: {p: (mark(lasting[p]) - mark(before[p])) / 2 for p in ways}
            for mark in (min, statistics.median)
        }
        each = grown[statistics.median if fault["asked"].get("jitter_ns") else min]
        if not each:
            return {"delay_ms": None, "pairs": {}}
        asked, middle = fault["asked"]["delay_ns"], statistics.median(each.values())
        percent = round((middle / asked - 1) * 100, 2) if asked else 0.0
        typical = statistics.median(grown[statistics.median].values())
        return {
            "delay_ms": round(middle / 1e6, 3),
            "difference_percent": None if asked < SMALLEST_NS else percent,
            "pairs": {f"{a}-{b}": round(ns / 1e6, 3) for (a, b), ns in each.items()},
            "probes": sum(len(lasting[p]) for p in each),
            "median_ms": round(typical / 1e6, 3),
        }

    return dict(both(s, figures))


def _trips(bursts: list[Line]) -> dict[Pair, list[int]]:
    found: dict[Pair, list[int]] = defaultdict(list)
    for burst in bursts:
        found[pair(burst)] += burst["rtts_ns"] or ()
    return found
