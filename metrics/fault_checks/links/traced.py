"""A delay that follows a trace: what each burst of probes gained, beside the trace at its time."""

import statistics
from typing import Any

from faults.model.steps import value_at, values_within
from metrics.fault_checks import effect_gaps, fault_records, probe_bursts
from metrics.fault_checks.fault_check import AS_ASKED, Found
from metrics.fault_checks.path_exchanges import unprobed
from metrics.fault_checks.probe_bursts import Burst, Pair
from metrics.intake.trial import TrialData
from metrics.model.plan import PlannedFault

ERROR_NS, ERROR_SHARE = 2_000_000, 0.02
SURE_NS = 300_000_000
"""A host may be so late with a step; near one a burst may have met either delay."""
GONE_BURSTS = 2
"""So many bursts of one pair with less than the trace has are no stray."""
PARTS = 12


def traced(data: TrialData, fault: PlannedFault, found: list[Burst]) -> Found:
    """Return how far the fastest answer of each burst was from the trace, one way, and both over
    time; no clock is involved. Wrong is a pair that gained less, or all in the middle more.
    """
    begun_ns, ended_ns = fault_records.in_force_ns(data, fault)
    beside = probe_bursts.beside(data, fault, found, lambda kind: kind.slows)
    wanted, before = probe_bursts.pairs_of(fault), _fastest(beside.before)
    steps = [(at_ns, delay_ns) for at_ns, delay_ns in fault.asked["steps"]]
    off: dict[Pair, list[tuple[float, float]]] = {}
    gained: list[tuple[float, float]] = []
    for burst in beside.during:
        known = burst.pair in wanted and burst.pair in before and burst.rtts_ns
        if not known or not burst.inside(begun_ns, ended_ns):
            continue
        added_ns = (min(burst.rtts_ns) - before[burst.pair]) / 2
        first_ns, last_ns = (t_ns - fault.at_ns for t_ns in burst.sent_ns)
        low, high = values_within(steps, first_ns - SURE_NS, last_ns + max(burst.rtts_ns) + SURE_NS)
        slack_ns = ERROR_NS + ERROR_SHARE * high
        beyond_ns = added_ns - min(max(added_ns, low), high)
        off.setdefault(burst.pair, []).append((burst.t_ns, beyond_ns / slack_ns))
        gained.append((burst.t_ns - fault.at_ns, added_ns))
    if not gained:
        return {"over_time": []}, "no path probes to measure the delay with"
    every = [share for own in off.values() for _, share in own]
    middle = statistics.median(every)
    measured: dict[str, Any] = {
        "over_time": _over_time(steps, gained, ended_ns - fault.at_ns),
        "within": round(sum(abs(share) <= 1 for share in every) / len(every), 4),
        "bursts": len(every),
        "pairs": len(off),
    }
    if beside.under:
        measured["under"] = beside.others
    for (a, b), own in sorted(off.items()):
        fast = [t_ns for t_ns, share in own if share < -1]
        if len(fast) >= GONE_BURSTS:
            return measured, f"less than the trace between {a} and {b} {effect_gaps.words(fast)}"
    if middle > 1:
        return measured, "more than half of the bursts took longer than the trace"
    wrong = unprobed(data, fault, found, wanted)
    return measured | ({} if wrong else {"judged": AS_ASKED}), wrong


def words(found: dict[str, Any]) -> list[str]:
    """Return how much of it was as traced, and its extremes beside those asked."""
    if not found["over_time"]:
        return []
    _, asked, got = zip(*found["over_time"], strict=True)
    parts = [
        f"{100 * found['within']:.3g} % of {found['bursts']:,} bursts of {found['pairs']} pairs as"
        f" traced; over time {min(got):.1f} to {max(got):.1f} ms one way, asked {min(asked):.1f} to"
        f" {max(asked):.1f}"
    ]
    return [*parts, *([f"on top of {', '.join(found['under'])}"] if found.get("under") else [])]


def _over_time(
    steps: list[tuple[int, int]], gained: list[tuple[float, float]], lasted_ns: float
) -> list[list[float]]:
    """Return of each part of the time: its middle (s), and what was asked and measured in it (ms),
    each in the middle of its bursts.
    """
    each_ns = max(lasted_ns / PARTS, 1.0)
    parts: dict[int, list[tuple[float, float]]] = {}
    for at_ns, added_ns in gained:
        parts.setdefault(min(int(at_ns // each_ns), PARTS - 1), []).append((at_ns, added_ns))
    return [
        [
            round((part + 0.5) * each_ns / 1e9, 3),
            round(statistics.median(value_at(steps, at_ns) for at_ns, _ in own) / 1e6, 3),
            round(statistics.median(added_ns for _, added_ns in own) / 1e6, 3),
        ]
        for part, own in sorted(parts.items())
    ]


def _fastest(found: list[Burst]) -> dict[Pair, int]:
    fastest: dict[Pair, int] = {}
    for burst in found:
        if burst.rtts_ns:
            least_ns = min(burst.rtts_ns)
            fastest[burst.pair] = min(least_ns, fastest.get(burst.pair, least_ns))
    return fastest
