"""Blocks on their way from host to host, and how good the hosts' clocks were."""

from __future__ import annotations

import itertools
import math
import statistics
from collections import Counter, defaultdict
from typing import Any

from tests.sim.second.agree import Near
from tests.sim.second.blocks import Chain
from tests.sim.second.record import Line, Second, Window
from tests.sim.second.spread import Sample, Trials, exact, rank, spread

YOUNG_S = 5.0
"""Blocks made so close to the end are left out: some hosts had no chance to get them."""
WIDE_MS = 1.0
WIDE_SHARE = 400e-6
"""What two crystals may part on the way: 160 ppm each, and some."""
PAIR_MS = 0.1
"""How far the middles of the probes may lie from the truth: they are no bound."""
SHARED_MS = 0.001
PARTING = 320e-6
Offset = tuple[int, float, float]


def propagation(trials: list[tuple[Second, Chain, list[Window]]]) -> dict[str, Any]:
    """Return from host to host the ms from produced to the first received, blocks of the chain
    made in the windows; one that never came is inf.
    """
    found: dict[tuple[str, str], Trials] = {}
    for i, (s, known, windows) in enumerate(trials):
        for pair, samples in _hops(s, known, windows).items():
            found.setdefault(pair, [[] for _ in trials])[i] += samples
    table: dict[str, dict[str, Any]] = defaultdict(dict)
    for (a, b), parts in sorted(found.items()):
        table[a][b] = spread(parts, wide=WIDE_MS, wide_share=WIDE_SHARE)
    return dict(table)


def left_out(s: Second, known: Chain) -> Counter[tuple[str, str]]:
    """Return how many blocks have no way that counts, by (window's name, why).

    Of no branch that counts: orphaned; made by nobody who wrote so: unrecorded; else too near the
    end to have come everywhere: young.
    """
    recorded = {line["id"] for line in s.every("produced")}
    found: Counter[tuple[str, str]] = Counter()
    for id_, block in known.blocks.items():
        t = s.slot_t(block["slot"])
        if id_ not in known.whole:
            found[s.name_of(t), "orphaned"] += 1
        elif id_ not in recorded:
            found[s.name_of(t), "unrecorded"] += 1
        elif t > s.end_s - YOUNG_S + 1e-9:
            found[s.name_of(t), "young"] += 1
    return found


def _hops(s: Second, known: Chain, windows: list[Window]) -> dict[tuple[str, str], list[Sample]]:
    made: dict[str, Line] = {}
    came: dict[tuple[str, str], Line] = {}
    for line in s.every("produced"):
        made.setdefault(line["id"], line)
    for line in s.every("received"):
        came.setdefault((line["id"], line["host"]), line)
    chosen = [
        start
        for id_, start in made.items()
        if id_ in known.whole
        and s.slot_t(start["slot"]) <= s.end_s - YOUNG_S + 1e-9
        and any(first <= s.slot_t(start["slot"]) < last for _, first, last in windows)
    ]
    found: dict[tuple[str, str], list[Sample]] = defaultdict(list)
    for a in s.lines:
        for b in s.lines:
            pair = offset(s, a, b) if a != b else None
            for start in chosen:
                if pair and start["host"] == a:
                    found[a, b].append(hop(s, pair, start, came.get((start["id"], b))))
    return found


def hop(s: Second, pair: Offset, start: Line, end: Line | None) -> Sample:
    """Return how long after start an end on another host was, on the start's own clock."""
    if end is None:
        return exact(math.inf)
    base, ahead, rate = pair
    here = (end["mono_ns"] - base - ahead) / (1 + rate) + base
    ms = (here - start["mono_ns"]) / 1e6
    off = (SHARED_MS if s.plan["lab"] == "container" else PAIR_MS) + abs(ms) * WIDE_SHARE
    return Sample(ms - off, ms + off)


def _bursts(s: Second, a: str, b: str) -> list[tuple[int, float, int]]:
    """Return (when, b's clock minus a's, round trip) on a's clock of every answered clock probe."""
    found = []
    for line in s.every("probe"):
        if line["flow"] != "clock" or not line["t1_ns"] or {line["host"], line["peer"]} != {a, b}:
            continue
        t1, t2, t3, t4 = (line[f"t{i}_ns"] for i in (1, 2, 3, 4))
        trip, ahead = (t4 - t1) - (t3 - t2), (t2 - t1 + t3 - t4) / 2
        when = (t1 + t4) // 2 if line["host"] == a else (t2 + t3) // 2
        found.append((when, ahead if line["host"] == a else -ahead, trip))
    return sorted(found)


def offset(s: Second, a: str, b: str) -> Offset:
    """Return (base, offset there, its growth a ns) of b's raw clock against a's.

    The line through the middles of the faster half of the probes, by least squares; containers
    share one raw clock.
    """
    if s.plan["lab"] == "container":
        return 0, 0.0, 0.0
    found = _bursts(s, a, b)
    usual = statistics.median(trip for _, _, trip in found)
    base, first = found[0][0], found[0][1]
    near = [(when - base, ahead - first) for when, ahead, trip in found if trip <= usual]
    growth, start = statistics.linear_regression(*zip(*near, strict=True))
    return base, start + first, growth


def clocks(s: Second) -> dict[str, dict[str, Any]]:
    """Return what each host's NTP checks, wake-ups and probes of a trial come to."""
    found = {}
    for host in s.hosts:
        checks = [x for x in s.every("clock") if x["host"] == host and x["bound_ns"]]
        sure = [x for x in checks if x["verified"]]
        late = sorted(x["wake_error_ns"] for x in s.every("slot_due") if x["host"] == host)
        refused = [x for x in s.every("abstained") if x["host"] == host]
        found[host] = {
            "ntp_checks": len(checks),
            "ntp_bound_worst_ms": _most(x["bound_ns"] for x in sure),
            "ntp_offset_worst_ms": _most(abs(x["offset_ns"]) for x in checks),
            "verified_ratio": round(len(sure) / len(checks), 4) if checks else None,
            "abstained_clock": len(
                {(x["slot"], x["producer"]) for x in refused if x["reason"].startswith("clock")}
            ),
            "wake_error_p50_ms": round(rank(late, 0.5) / 1e6, 4) if late else None,
            "wake_error_p99_ms": round(rank(late, 0.99) / 1e6, 4) if late else None,
            "pair_bound_worst_ms": _pair_bound(s, host),
        }
    return found


def _most(values: Any) -> float | None:
    return max((round(value / 1e6, 6) for value in values), default=None)


def _pair_bound(s: Second, host: str) -> Near:
    """Return the ends of the worst bound of the offset to any peer.

    A burst leaves half its round trip open, and until the next one the crystals may part: no bound
    may be wider than the worst burst with the longest wait. How much the bursts of a pair narrow
    each other is not for this analysis, so the other end is what they cannot: a bound below a
    tenth of the fastest trip would be luck.
    """
    least, most = math.inf, 0.0
    for peer in s.hosts:
        found = _bursts(s, host, peer) if peer != host else []
        if found:
            waits = [b[0] - a[0] for a, b in itertools.pairwise(found)]
            most = max(most, max(x[2] for x in found) / 2 + max(waits, default=0) * PARTING)
            least = min(least, min(x[2] for x in found) / 20)
    return Near(least / 1e6, most * 1.01 / 1e6)
