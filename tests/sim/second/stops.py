"""What was seen of nodes and hosts that were killed, paused, frozen or cut off."""

from __future__ import annotations

import itertools
import math
from typing import Any

from tests.sim.second.agree import Near
from tests.sim.second.paths import both, inside, sent
from tests.sim.second.record import Line, Second

EDGE_S = 2.0
"""So long after its planned end a silence may still be the fault's."""


def kill(s: Second, fault: Line) -> dict[str, Any]:
    """Return how long each target's node was gone, and when and at which blocks it began again."""
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


def pause(s: Second, fault: Line) -> dict[str, Any]:
    """Return how long each target told no slot, and what its host answered to others meanwhile."""
    start, end = fault["at_ns"] / 1e9, fault["end_ns"] / 1e9
    frozen = {}
    for host in fault["targets"]:
        times = [s.t(x) for x in s.own(host, "slot_due") if s.t(x) <= end + EDGE_S]
        gaps = [b - a for a, b in itertools.pairwise(times) if b > start]
        most = max(gaps, default=0.0)
        frozen[host] = Near(most - 2 * s.slack_s, most + 2 * s.slack_s)

    def answers(off: float) -> dict[str, int]:
        asked = [
            x
            for x in s.every("probe")
            if x["flow"] == "clock" and x["peer"] in fault["targets"] and s.plan["lab"] != "sim"
            and inside(s, x, start, end, off)
        ]  # fmt: skip
        return {
            "answered": sum(x["received"] for x in asked),
            "sent": sum(x["sent"] for x in asked),
        }

    return {"frozen_s": frozen, "host": both(s, answers)}


def silence(s: Second, fault: Line) -> dict[str, Any]:
    """Return how long each target gave no sign of life: at least, and at most.

    A sign is an answer to a probe, and a line of its own unless only its link is down. At most:
    from the last sign before to the first one after. At least: from the first to the last probe in
    between that nothing came back of.
    """
    found = {}
    for host in fault["targets"]:
        flow = "path" if s.plan["lab"] == "sim" else "clock"
        asked = [x for x in s.every("probe") if x["peer"] == host and x["flow"] == flow]
        alive = [
            s.at(x["host"], x["t4_ns"]) if x["t4_ns"] else sent(s, x)[1]
            for x in asked
            if x["received"]
        ]
        if fault["fault"] != "link_down":
            kinds = ("slot_due", "probe", "clock", "started")
            alive += [s.t(x) for kind in kinds for x in s.every(kind) if x["host"] == host]
        found[host] = _silent(s, fault, sorted(alive), asked)
    return {"silent_s": found}


def _silent(s: Second, fault: Line, alive: list[float], asked: list[Line]) -> list[Any]:
    start, latest = fault["at_ns"] / 1e9, fault["end_ns"] / 1e9 + EDGE_S
    gaps = [(a, b) for a, b in itertools.pairwise(alive) if a < latest and b > start]
    last = max(alive, default=0.0)
    gaps += [(last, math.inf)] * (last < latest)
    begin, end = max(gaps, key=lambda gap: gap[1] - gap[0])
    lost = [sent(s, x) for x in asked if not x["received"]]
    between = [(a, b) for a, b in lost if begin < b and a < end]
    least = max(a for a, _ in between) - min(b for _, b in between) if between else 0.0
    slack = 2 * s.slack_s
    return [
        Near(max(least, 0.0) - slack, max(least, 0.0) + slack),
        None if math.isinf(end) else Near(end - begin - slack, end - begin + slack),
    ]
