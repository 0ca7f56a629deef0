"""How long hosts took after a fault, from the moment that the last host healed.

A host is back once its lag (the highest head anywhere, less its own final block, told at each slot)
is what it was in the baseline, give or take a block, for a whole round in which its final block
moved. It counts if the fault disturbed it: from its begin to a round after its end the host lagged,
saw nothing new become final for more than a round and a turn, or left out three slots. Slots are
told at their times, so every limit lies half a slot beyond the last that is allowed, and what was
told a tenth of a slot beside an edge was told at it.
"""

from __future__ import annotations

import bisect
import itertools
import math
from dataclasses import dataclass
from typing import Any

from tests.sim.second.agree import Near
from tests.sim.second.blocks import Chain
from tests.sim.second.record import DOWN, Line, Second
from tests.sim.second.spread import Sample, Trials, spread

TOLERANCE_BLOCKS, SILENT_SLOTS = 1, 3.5


@dataclass(frozen=True, slots=True)
class Told:
    """What a host told at each slot: when, its final block, and its lag behind all heads."""

    at: list[float]
    lib: list[int]
    lag: list[int]


@dataclass(frozen=True, slots=True)
class After:
    """A host after a fault. back: ends of the slot in which it was."""

    disturbed: bool
    back: tuple[Sample, Sample]
    first: Sample


def told(s: Second) -> dict[str, Told]:
    """Return what every host told, by time."""
    ticks = sorted((s.t(x), x["head_num"], x["host"], x["lib_num"]) for x in s.every("slot_due"))
    times = [tick[0] for tick in ticks]
    highest, top = [], 0
    for tick in ticks:
        top = max(top, tick[1])
        highest.append(top)
    found = {}
    for host in s.lines:
        own = [(t, lib) for t, _, who, lib in ticks if who == host]
        seen = [highest[bisect.bisect_right(times, t) - 1] for t, _ in own]
        found[host] = Told(
            [t for t, _ in own], [lib for _, lib in own],
            [head - lib for head, (_, lib) in zip(seen, own, strict=True)],
        )  # fmt: skip
    return found


def figures(trials: list[tuple[Second, Chain]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (recovery_s, first_final_s) by fault, over trials; what never ends has none."""
    per = [(s, after_all(s, known)) for s, known in trials]
    ids = dict.fromkeys(
        f["id"] for s, _ in trials for f in s.planned["faults"] if f.get("for_ns") is not None
    )
    back, first = {}, {}
    for id_ in ids:
        found = [[a for (fault, _), a in after.items() if fault == id_] for _, after in per]
        back[id_] = _back_figures(found)
        watched = [_watched(s, id_) for s, after in per if any(f == id_ for f, _ in after)]
        low = min((w[0] for w in watched), default=0.0)
        high = min((w[1] for w in watched), default=0.0)
        back[id_]["watched_s"] = Near(low - 0.0006, high + 0.0006) if watched else 0.0
        back[id_]["undisturbed"] = sum(not a.disturbed for part in found for a in part)
        first[id_] = spread([[a.first for a in part if a.disturbed] for part in found],
                            wide=0.005)  # fmt: skip
    return back, first


def _back_figures(found: list[list[After]]) -> dict[str, Any]:
    """Return the spread of when hosts were back: value and error end lie in one slot's samples."""
    ends: list[Trials] = [
        [[a.back[i] for a in part if a.disturbed] for part in found] for i in (0, 1)
    ]
    low, high = spread(ends[0]), spread(ends[1])
    result = spread(ends[1], wide=1e-6)
    for key, edge in result["error"].items():
        edge[:] = [_either(low["error"][key][0]), _either(high["error"][key][1])]
        result[key] = _either(high["error"][key][1])
    for key, edge in (result["ci"] or {}).items():
        edge[:] = [_either(low["ci"][key][0]), _either(high["ci"][key][1])]
    return result


def _either(edge: Any) -> Any:
    return edge if isinstance(edge, Near) else Near(edge - 0.0006, edge + 0.0006)


def _watched(s: Second, id_: str) -> tuple[float, float]:
    (fault,) = [f for f in s.planned["faults"] if f["id"] == id_]
    left = s.end_s - s.healed(fault)[2]
    return left - s.slack_s, left + s.slack_s


def after_all(s: Second, known: Chain) -> dict[tuple[str, str], After]:
    """Return (fault, host) -> what became of the host, for faults that ended within sight."""
    hosts = told(s)
    quiet = [
        lag
        for phase in s.planned["phases"]
        if phase["name"] == "baseline"
        for own in hosts.values()
        for t, lag in zip(_tenths(s, own.at), own.lag, strict=True)
        if phase["start_ns"] <= t < phase["end_ns"]
    ]
    limit = max(quiet, default=s.lag_max) + TOLERANCE_BLOCKS
    found = {}
    for fault in s.planned["faults"]:
        middle, *_ = s.healed(fault)
        if fault.get("for_ns") is None or middle >= s.end_s:
            continue
        for host, own in hosts.items():
            if not _down(s, host, middle) and own.at:
                found[fault["id"], host] = _after(s, known, fault, host, own, limit)
    return found


def _down(s: Second, host: str, t: float) -> bool:
    return any(
        f["fault"] in DOWN and host in f["targets"] and f["at_ns"] <= t * 1e9 < f["end_ns"]
        for f in s.planned["faults"]
    )


def _after(s: Second, known: Chain, fault: Line, host: str, own: Told, limit: int) -> After:
    middle, early, late = s.healed(fault)
    first = math.inf
    for line in s.every("irreversible"):
        slot = known.blocks.get(line["id"], {}).get("slot")
        fresh = slot is not None and s.slot_t(slot) >= middle and s.t(line) >= middle
        if line["host"] == host and fresh:
            first = min(first, s.t(line))
    until = min(middle + s.round_slots * s.slot_s, s.end_s)
    disturbed = _disturbed(s, own, limit, (fault["at_ns"], round(until * 1e9)))
    lows, highs = [], []
    for shift in (-s.slack_s, 0.0, s.slack_s):
        at = _back(s, own, limit, middle + shift) if math.isfinite(first) else None
        before = early if at is None or at == 0 else max(own.at[at - 1], early)
        now = math.inf if at is None else own.at[at]
        lows.append(max(min(before, now) - late, 0.0) if at is not None else math.inf)
        highs.append(max(now - middle, 0.0))
    half = (late - early) / 2
    return After(
        disturbed,
        (_around(lows, s.slack_s), _around([*highs, *(high + half for high in highs)], s.slack_s)),
        Sample(first - late - s.slack_s, first - early + s.slack_s),
    )


def _around(values: list[float], slack: float) -> Sample:
    return Sample(max(min(values) - slack, 0.0), max(values) + slack)


def _disturbed(s: Second, own: Told, limit: int, window: tuple[int, int]) -> bool:
    """Return whether the host lagged, stood still or was silent in a window, counted in ns."""
    slot, (first, last) = int(s.plan["slot_ns"]), window
    at = _tenths(s, own.at)
    inside = [i for i, t in enumerate(at) if first <= t <= last]
    moved = [at[i] for i in inside if i and own.lib[i] > own.lib[i - 1]]
    still = (s.round_slots + int(s.plan["blocks_per_turn"]) + 0.5) * slot
    return (
        any(own.lag[i] > limit for i in inside)
        or _longest([at[i] for i in inside], first, last) > SILENT_SLOTS * slot
        or _longest(moved, first, last) > still
    )


def _tenths(s: Second, times: list[float]) -> list[int]:
    """Return times in ns, rounded to tenths of a slot."""
    slot = int(s.plan["slot_ns"])
    return [round(t * 1e10 / slot) * slot // 10 for t in times]


def _longest(times: list[int], first: int, last: int) -> int:
    edges = [first, *times, last]
    return max(b - a for a, b in itertools.pairwise(edges))


def _back(s: Second, own: Told, limit: int, healed: float) -> int | None:
    """Return from which sample on a whole round was normal and final blocks moved in it."""
    stay = max(s.round_slots, 2)
    for i in range(bisect.bisect_left(own.at, healed), len(own.at) - stay + 1):
        last = i + stay - 1
        lasting = own.at[last] - own.at[i] <= (stay + SILENT_SLOTS) * s.slot_s
        normal = all(lag <= limit for lag in own.lag[i : last + 1])
        if lasting and normal and own.lib[last] > own.lib[i]:
            return i
    return None
