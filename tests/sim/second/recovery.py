"""How long hosts took after a fault, from the moment that the last host healed.

A host is back once its lag (the highest head anywhere, less its own final block, told at each
slot) is what it was in the baseline, give or take a block, for a whole round in which its final
block moved. It counts if the fault disturbed it: from its begin to a round after its end the host
lagged, saw nothing new become final for more than a round and a turn, or left out three slots;
what comes after the next fault's begin is that one's. Slots are told at their times, so every
limit lies half a slot beyond the last that is allowed, and what was told a tenth of a slot beside
an edge was told at it. Which head was told first, and whether before the heal, may hang on less
than what is known of the clocks: then each order is tried, and the figure is one of what they
come to.
"""

from __future__ import annotations

import bisect
import itertools
import math
from dataclasses import dataclass
from typing import Any

from tests.sim.second.agree import Near, either
from tests.sim.second.blocks import Chain
from tests.sim.second.record import DOWN, Line, Second
from tests.sim.second.spread import Sample, spread

TOLERANCE_BLOCKS, SILENT_SLOTS = 1, 3.5
WIDE_S = 0.005
"""What the first analysis' bounds of clocks may leave open, see finality."""
SLEWED_S = 0.02
"""The same where a time server slews: between two checks bounds give way by twice its rate."""
Pair = tuple[float, float]
Ends = tuple[Sample, Sample, Sample]
"""How long something took, and the lower and the upper end of its error."""
SUBSETS = 7
"""Of more hosts than these, of which it is not known whether a fault disturbed them, all or none
are tried."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a host told at each slot: when, its final block, and its lag behind all heads.

    least, most: the lag by (how far apart in time is still at once).
    """

    at: list[float]
    lib: list[int]
    least: dict[float, list[int]]
    most: dict[float, list[int]]


@dataclass(frozen=True, slots=True)
class After:
    """A host after a fault; disturbed: whether it was for sure, and perhaps."""

    disturbed: tuple[bool, bool]
    back: Ends
    first: Ends


def told(s: Second) -> dict[str, Told]:
    """Return what every host told, by time."""
    ticks = sorted((s.t(x), x["head_num"], x["host"], x["lib_num"]) for x in s.every("slot_due"))
    times = [tick[0] for tick in ticks]
    highest = [0, *itertools.accumulate((tick[1] for tick in ticks), max)]
    found = {}
    for host in s.lines:
        own = [(t, head, lib) for t, head, who, lib in ticks if who == host]

        def lags(off: float, own: list[tuple[float, int, int]] = own) -> list[int]:
            """Return the lags behind the heads that were told before each slot, and off later."""
            seen = (highest[bisect.bisect_right(times, t + off)] for t, _, _ in own)
            return [max(top, head) - lib for top, (_, head, lib) in zip(seen, own, strict=True)]

        found[host] = Told(
            [t for t, _, _ in own], [lib for _, _, lib in own],
            {off: lags(-2 * off) for off in (s.slack_s, WIDE_S)},
            {off: lags(2 * off) for off in (s.slack_s, WIDE_S)},
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
        watched = [_watched(s, id_) for s, after in per if any(f == id_ for f, _ in after)]
        least = min(watched, default=0.0)
        wide_s = SLEWED_S if any(s.slews for s, _ in per) else WIDE_S
        near = Near(least - wide_s, least + wide_s) if watched else 0.0
        ways = [
            {
                **_figures([[a.back for a in part] for part in chosen]),
                "watched_s": near,
                "undisturbed": sum(map(len, found)) - sum(map(len, chosen)),
                "first": _figures([[a.first for a in part] for part in chosen]),
            }
            for chosen in _choices(found)
        ]
        back[id_] = either(ways)
        first[id_] = back[id_].pop("first")
    return back, first


def _choices(found: list[list[After]]) -> list[list[list[After]]]:
    """Return which hosts, by trial, a fault may have disturbed."""
    open_ = [a for part in found for a in part if a.disturbed == (False, True)]
    counts = range(len(open_) + 1) if len(open_) <= SUBSETS else (0, len(open_))
    ways = [list(way) for n in counts for way in itertools.combinations(open_, n)]
    return [
        [[a for a in part if a.disturbed[0] or any(a is x for x in way)] for part in found]
        for way in ways
    ]


def _figures(found: list[list[Ends]]) -> dict[str, Any]:
    """Return the spread of times over trials, with what the ends of their errors may be."""
    value, low, high = (
        spread([[ends[i] for ends in part] for part in found], wide=1e-6) for i in range(3)
    )
    for name in ("error", "ci"):
        for key in value[name] or {}:
            value[name][key] = [low[name][key][0], high[name][key][1]]
    return value


def _watched(s: Second, id_: str) -> float:
    (fault,) = [f for f in s.planned["faults"] if f["id"] == id_]
    return s.end_s - s.healed(fault)[2]


def after_all(s: Second, known: Chain) -> dict[tuple[str, str], After]:
    """Return (fault, host) -> what became of the host, for faults that ended within sight."""
    hosts = told(s)
    limits = (
        _limit(s, hosts, [own.least[s.slack_s] for own in hosts.values()]),
        _limit(s, hosts, [own.most[WIDE_S] for own in hosts.values()]),
    )
    found = {}
    for fault in s.planned["faults"]:
        over = max(s.healed(fault)[0], fault["end_ns"] / 1e9)
        if fault.get("for_ns") is None or over >= s.end_s:
            continue
        for host, own in hosts.items():
            if not _down(s, host, over) and own.at:
                first = _first(s, known, fault, host)
                back = _back(s, own, limits, fault, first)
                found[fault["id"], host] = After(_disturbed(s, own, limits, fault), back, first)
    return found


def _limit(s: Second, hosts: dict[str, Told], lags: list[list[int]]) -> int:
    """Return the worst lag of the baseline, and a block; lags: those of each host.

    Until a host's final block first moves, its lag is that of the start.
    """
    quiet = [
        lag
        for phase in s.planned["phases"]
        if phase["name"] == "baseline"
        for own, behind in zip(hosts.values(), lags, strict=True)
        for t, lib, lag in zip(_tenths(s, own.at), own.lib, behind, strict=True)
        if phase["start_ns"] <= t < phase["end_ns"] and lib > own.lib[0]
    ]
    return max(quiet, default=s.lag_max) + TOLERANCE_BLOCKS


def _down(s: Second, host: str, t: float) -> bool:
    return any(
        f["fault"] in DOWN and host in f["targets"] and f["at_ns"] <= t * 1e9 < f["end_ns"]
        for f in s.planned["faults"]
    )


def _first(s: Second, known: Chain, fault: Line, host: str) -> Ends:
    """Return how long after the heal a block made since then was final at a host."""
    middle, early, late = s.healed(fault)
    finals = [
        (s.t(line), s.slot_t(known.blocks[line["id"]]["slot"]))
        for line in s.every("irreversible")
        if line["host"] == host and line["id"] in known.blocks
    ]

    def first(healed: float) -> float:
        return max(min((t for t, made in finals if made >= healed), default=math.inf), healed)

    soon, then = first(middle - s.slack_s), first(middle + s.slack_s)
    least, most = first(early - WIDE_S), first(late + WIDE_S)
    return _ends(s, fault, (soon, then), (least, then), (soon, most))


def _back(s: Second, own: Told, limits: tuple[int, int], fault: Line, first: Ends) -> Ends:
    """Return how long after the heal a host was back, if a block made since was final there."""
    middle, early, late = s.healed(fault)
    soon = _since(s, own, own.least[WIDE_S], limits[1], middle - s.slack_s)
    then = _since(s, own, own.most[s.slack_s], limits[0], middle + s.slack_s)
    least = _since(s, own, own.least[WIDE_S], limits[1], early - WIDE_S)
    most = _since(s, own, own.most[WIDE_S], limits[0], late + WIDE_S)

    def at(i: int | None) -> float:
        return math.inf if i is None else own.at[i]

    def before(i: int | None) -> float:
        """Return the last moment at which the host was not back."""
        return math.inf if i is None else max(own.at[i - 1], early) if i else early

    found = _ends(
        s, fault, (at(soon), at(then)), (before(least), before(then)), (at(soon), at(most))
    )
    never, perhaps = (math.isinf(end) for end in (first[0].low, first[0].high))
    if never:
        return (Sample(math.inf, math.inf),) * 3
    if perhaps:
        return tuple(Sample(end.low, math.inf) for end in found)  # type: ignore[return-value]
    return found


def _ends(s: Second, fault: Line, value: Pair, low: Pair, high: Pair) -> Ends:
    """Return moments as times since the heal: the figure, and both ends of its error."""
    middle, early, late = s.healed(fault)
    slack, wide = 2 * s.slack_s, 2 * WIDE_S
    return (
        _since_heal(value[0] - middle - slack, value[1] - middle + slack),
        _since_heal(low[0] - late - wide, low[1] - late + slack),
        _since_heal(high[0] - early - slack, high[1] - early + wide),
    )


def _since_heal(low: float, high: float) -> Sample:
    return Sample(max(low, 0.0), max(high, 0.0))


def _disturbed(s: Second, own: Told, limits: tuple[int, int], fault: Line) -> tuple[bool, bool]:
    """Return whether the host lagged, stood still or was silent: for sure, and perhaps."""
    begins = [
        other["at_ns"]
        for other in s.planned["faults"]
        if other is not fault and other["at_ns"] >= fault["end_ns"]
    ]
    middle = s.healed(fault)[0]
    edges = _tenths(s, [middle - s.slack_s, middle + s.slack_s])
    found = [
        _was_disturbed(s, own, behind, (fault["at_ns"], min(until, *begins, round(s.end_s * 1e9))))
        for until in {round(s.pace.later(edge / 1e9, s.round_slots) * 1e9) for edge in edges}
        for behind in (
            [lag > limits[1] for lag in own.least[WIDE_S]],
            [lag > limits[0] for lag in own.most[s.slack_s]],
        )
    ]
    return all(found), any(found)


def _was_disturbed(s: Second, own: Told, behind: list[bool], window: tuple[int, int]) -> bool:
    """Return whether the host was behind, stood still or was silent in a window, in ns."""
    first, last = window
    at = _tenths(s, own.at)
    inside = [i for i, t in enumerate(at) if first <= t <= last]
    moved = [at[i] for i in inside if i and own.lib[i] > own.lib[i - 1]]
    still = s.round_slots + int(s.plan["blocks_per_turn"]) + 0.5
    return (
        any(behind[i] for i in inside)
        or _longest(s, [first, *(at[i] for i in inside), last]) > SILENT_SLOTS
        or _longest(s, [first, *moved, last]) > still
    )


def _tenths(s: Second, times: list[float]) -> list[int]:
    """Return times in ns, rounded to tenths of a slot."""
    slot = int(s.plan["slot_ns"])
    return [round(t * 1e10 / slot) * slot // 10 for t in times]


def _longest(s: Second, edges: list[int]) -> float:
    """Return the longest time between two in slots that somebody has."""
    places = [s.pace.place(edge / 1e9) for edge in edges]
    return max(b - a for a, b in itertools.pairwise(places))


def _since(s: Second, own: Told, lags: list[int], limit: int, healed: float) -> int | None:
    """Return from which sample on a whole round was normal and final blocks moved in it."""
    for i in range(bisect.bisect_left(own.at, healed), len(own.at)):
        bend = s.pace.at(own.at[i])
        stay = max(s.round_slots * bend.many, 2)
        last = i + stay - 1
        if last >= len(own.at):
            continue
        lasting = own.at[last] - own.at[i] <= (stay / bend.many + SILENT_SLOTS) * bend.every_s
        normal = all(lag <= limit for lag in lags[i : last + 1])
        if lasting and normal and own.lib[last] > own.lib[i]:
            return i
    return None
