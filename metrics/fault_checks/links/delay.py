"""Delays, by how much longer round trips took than before."""

import statistics
from collections.abc import Callable
from typing import Any

from faults.model import distribution
from metrics.fault_checks import effect_gaps, fault_records, probe_bursts
from metrics.fault_checks.fault_check import AS_ASKED, FaultCheck, Found
from metrics.fault_checks.links import each_way
from metrics.fault_checks.links.each_way import FORTH
from metrics.fault_checks.links.traced import traced
from metrics.fault_checks.links.traced import words as traced_words
from metrics.fault_checks.path_exchanges import unprobed
from metrics.fault_checks.probe_bursts import Burst, Pair
from metrics.intake.trial import TrialData
from metrics.model.number_text import number
from metrics.model.plan import PlannedFault

Rtts = dict[Pair, list[int]]
DELAY_ERROR_NS, DELAY_ERROR_SHARE = 2_000_000, 0.02
ABSENT_SHARE = 0.25
GONE_BURSTS = 2
"""So many bursts of one pair without the delay are no stray."""
JITTER_RESOLUTION_NS = 2_000_000
WANDERS = 50
"""Jitter wanders over eight times itself, so six of its points are drawn in a window this long."""
TENTHS = 10
_WAYS = ("one way", "half of both ways")
_READ_BY = {"fastest": "fastest answers", "median": "median answers"}


def delay(data: TrialData, fault: PlannedFault, found: list[Burst]) -> Found:
    """Return the median over pairs of (RTT during - RTT baseline)/2; no clock is involved.

    A constant delay is read from the fastest answers of both windows: waiting for a busy host only
    adds, and a single packet that was not delayed shows. A jittered one has no fastest answer, so
    there the medians count. A layer on top of others is held against these alone. `median_ms` is
    what medians say of either; what of it exceeds a constant delay was waiting. Too long, of
    either, is what even the fastest answers took. A distribution that leans to one side has its
    median beside the delay asked.
    """
    in_force = fault_records.in_force_ns(data, fault)
    beside = probe_bursts.beside(data, fault, found, lambda kind: kind.slows)
    before = _rtts(beside.before)
    lasting_bursts = [burst for burst in beside.during if burst.inside(*in_force)]
    lasting = _rtts(lasting_bursts)
    wanted = probe_bursts.pairs_of(fault)
    medians = _added(statistics.median, before, lasting, wanted)
    fastest = _added(min, before, lasting, wanted)
    jitter_ns = float(fault.asked.get("jitter_ns", 0))
    by_median = bool(jitter_ns) or _jitters(data, beside.others)
    each = medians if by_median else fastest
    spread = str(fault.asked.get("distribution", "uniform"))
    asked_ns = _one_way_ns(fault)
    least_ns = max(0.0, asked_ns + distribution.least(spread) * jitter_ns)
    if spread != "uniform":
        asked_ns += distribution.of_two(spread, 0.5) / 2 * jitter_ns
    if not each:
        return {"delay_ms": None, "pairs": {}}, "no path probes to measure the delay with"
    value = statistics.median(each.values())
    off = (value / asked_ns - 1) * 100 if asked_ns else 0.0
    small = asked_ns < DELAY_ERROR_NS
    measured: dict[str, Any] = {
        "delay_ms": round(value / 1e6, 3),
        "difference_percent": None if small else round(off, 2),
        "pairs": {f"{a}-{b}": round(ns / 1e6, 3) for (a, b), ns in each.items()},
        "by": "median" if by_median else "fastest",
        "probes": sum(len(lasting[pair]) for pair in each),
        "median_ms": round(statistics.median(medians.values()) / 1e6, 3),
        "judged": effect_gaps.too_small(f"{DELAY_ERROR_NS / 1e6:g} ms")
        if small
        else _jitter_word(_delay_word(each, asked_ns), jitter_ns),
    }
    slack_ns = max(DELAY_ERROR_NS + DELAY_ERROR_SHARE * asked_ns, ABSENT_SHARE * asked_ns)
    if spread != "uniform":
        measured["expected_ms"] = round(asked_ns / 1e6, 3)
    if beside.under:
        measured["under"] = beside.others
    off_mark = value < asked_ns - slack_ns or (
        value > asked_ns + slack_ns
        if spread != "uniform"
        else statistics.median(fastest.values()) > least_ns + slack_ns
    )
    if off_mark:
        return measured, f"measured delay is off by {off:.0f} %"
    if small:
        return measured, ""
    bursts = [burst for burst in lasting_bursts if burst.pair in each]
    wrong = _undelayed(bursts, before, least_ns)
    wrong = wrong or _no_jitter({pair: lasting[pair] for pair in each}, jitter_ns, in_force)
    return measured, wrong or unprobed(data, fault, found, wanted or set(each))


def _one_way_ns(fault: PlannedFault) -> float:
    """Return half of what was asked of both ways together."""
    forth_ns: int = fault.asked.get("delay_ns", 0)
    back_ns: int = fault.asked.get("back_ns", forth_ns)
    return (forth_ns + back_ns) / 2


def there_and_back(data: TrialData, fault: PlannedFault, found: list[Burst]) -> Found:
    """Return what was measured of a delay that is another on the way back: as of any other, half of
    both ways, and each way by itself.
    """
    measured, wrong = delay(data, fault, found)
    if measured["delay_ms"] is None:
        return measured, wrong
    in_force = fault_records.in_force_ns(data, fault)
    beside = probe_bursts.beside(data, fault, found, lambda kind: kind.slows)
    lasting = [burst for burst in beside.during if burst.inside(*in_force)]
    ways = each_way.gains(data, fault, lasting, beside.before)
    measured |= each_way.measured(ways)
    if off := each_way.off(ways, fault, DELAY_ERROR_NS, DELAY_ERROR_SHARE):
        measured["judged"] = off
    off = each_way.off(ways, fault, DELAY_ERROR_NS, ABSENT_SHARE)
    return measured, wrong or (off and f"measured delay is {off}")


def either(data: TrialData, fault: PlannedFault, found: list[Burst]) -> Found:
    """Return what was measured of a delay, of what follows a trace over time."""
    if "back_ns" in fault.asked:
        return there_and_back(data, fault, found)
    return (traced if "steps" in fault.asked else delay)(data, fault, found)


def _delay_word(each: dict[tuple[str, str], float], asked_ns: float) -> str:
    """Return whether every pair's delay is within 2 ms and 2 % of what was asked."""
    (a, b), worst = max(each.items(), key=lambda item: abs(item[1] - asked_ns))
    if abs(worst - asked_ns) <= DELAY_ERROR_NS + DELAY_ERROR_SHARE * asked_ns:
        return AS_ASKED
    return f"off by {(worst - asked_ns) / 1e6:+.1f} ms between {a} and {b}"


def _jitter_word(word: str, jitter_ns: float) -> str:
    """Return the word for a delay, with what cannot be said of a jitter below the resolution."""
    if not 0 < jitter_ns < JITTER_RESOLUTION_NS:
        return word
    return f"{word}, its jitter {effect_gaps.too_small(f'{JITTER_RESOLUTION_NS / 1e6:g} ms')}"


def _no_jitter(rtts: Rtts, jitter_ns: float, window: effect_gaps.Stretch) -> str:
    """Return between whom there was no jitter, "" where there was, or where that cannot be told.

    Two ways of jitter j spread the middle eight tenths of the round trips over about 2 j (measured:
    1.9 to 2.5 j); less than a quarter of that is none. More proves nothing: waiting spreads, too.
    """
    if jitter_ns < JITTER_RESOLUTION_NS or window[1] - window[0] < WANDERS * jitter_ns:
        return ""
    for (a, b), own in sorted(rtts.items()):
        if len(own) < TENTHS:
            continue
        edges = statistics.quantiles(own, n=TENTHS)
        if edges[-1] - edges[0] < jitter_ns / 2:
            return f"no jitter between {a} and {b} {effect_gaps.words(window)}"
    return ""


def _undelayed(found: list[Burst], before: Rtts, least_ns: float) -> str:
    """Return which pair was without the delay although it was in force, and when; "" for none.

    A burst whose fastest answer gained less than half of the least delay was not delayed.
    """
    free: dict[Pair, list[float]] = {}
    for burst in found:
        if not burst.rtts_ns or burst.pair not in before:
            continue
        if min(burst.rtts_ns) - min(before[burst.pair]) < least_ns:
            free.setdefault(burst.pair, []).append(burst.t_ns / 1e9)
    for (a, b), times in sorted(free.items()):
        if len(times) >= GONE_BURSTS:
            return f"no delay between {a} and {b} from {min(times):.1f} to {max(times):.1f} s"
    return ""


def _added(
    mark: Callable[[list[int]], float], before: Rtts, lasting: Rtts, wanted: set[Pair]
) -> dict[Pair, float]:
    """Return by pair what a way grew by: half of what the mark of its round trips did."""
    return {
        pair: (mark(lasting[pair]) - mark(before[pair])) / 2
        for pair in sorted(wanted or set(lasting))
        if lasting.get(pair) and before.get(pair)
    }


def _rtts(found: list[Burst]) -> Rtts:
    rtts: Rtts = {}
    for burst in found:
        rtts.setdefault(burst.pair, []).extend(burst.rtts_ns)
    return rtts


def _jitters(data: TrialData, under: list[str]) -> bool:
    """Return whether any of those faults has a jitter."""
    return any(f.asked.get("jitter_ns") for f in data.planned.faults if f.id in under)


def _words(found: dict[str, Any]) -> list[str]:
    if "over_time" in found:
        return traced_words(found)
    if found["delay_ms"] is None:
        return []
    percent = found["difference_percent"]
    off = "" if percent is None else f" ({percent:+.1f} %)"
    parts = [
        f"{number(found['delay_ms'])} ms {_WAYS[FORTH in found]}{off} by the "
        f"{_READ_BY[found['by']]} of {len(found['pairs'])} pairs ({found['probes']:,} in all)"
    ]
    if expected := found.get("expected_ms"):
        parts.append(f"{number(expected)} ms expected by the distribution")
    parts += each_way.words(found)
    if under := found.get("under"):
        parts.append(f"on top of {', '.join(under)}")
    if found["by"] == "fastest":
        parts.append(f"{number(found['median_ms'])} ms by their medians")
    return parts


CHECKS = (
    FaultCheck(
        kinds=("delay",),
        measure=either,
        words=_words,
        name="Delay measured",
        formula="Median over pairs of (round trip during − round trip of the baseline) / 2, by the "
        "fastest answers of each pair; of a jittered delay by the medians, as it has no fastest. "
        f"As asked: every pair within {DELAY_ERROR_NS / 1e6:g} ms and {DELAY_ERROR_SHARE:.0%}. Of "
        "a delay that follows a trace: what each burst gained, by its fastest answer, against the "
        "trace at its time, give or take 0.3 s; as asked: no two bursts of a pair gained less, and "
        "the middle one not more. Of one that is another on the way back also each way: what the "
        "fastest probe took on it, less that of the baseline, between the ends of both clocks.",
        left_out="Probes while other faults slow them, but for pairs that always had others: there "
        "with and without the fault under the very same others. Probes not sure to fall within the "
        f"fault. A delay below {DELAY_ERROR_NS / 1e6:g} ms is too small to see.",
        assumes="Path probes share the fate of the data; both ways got the delay alike, but where "
        "another was asked back. No clock, but for each way.",
    ),
)
