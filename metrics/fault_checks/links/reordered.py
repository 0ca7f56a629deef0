"""Packets that were late, so that younger ones overtook them: how many, and by how much."""

import statistics
from typing import Any

from metrics.fault_checks import effect_gaps, probe_bursts
from metrics.fault_checks.fault_check import AS_ASKED, FaultCheck, Found
from metrics.fault_checks.path_exchanges import unprobed
from metrics.fault_checks.probe_bursts import Burst, Pair
from metrics.fault_checks.shares import OUTSIDE, Z_95, Z_CERTAIN, holds, one_way, wilson
from metrics.intake.trial import TrialData
from metrics.model.number_text import number
from metrics.model.plan import PlannedFault

LATE_ERROR_NS, LATE_ERROR_SHARE = 2_000_000, 0.02
SMALLEST_NS = 5_000_000
"""Waiting on a busy host is easily as long as less than that."""


def reorder(data: TrialData, fault: PlannedFault, found: list[Burst]) -> Found:
    """Return the share of packets that were late one way, with its 95 % interval, and by how long.

    Late is a round trip that took longer than the median of those without the fault by half of
    what was asked, at least; how long is told by those of which one way was late.
    """
    pairs = probe_bursts.pairs_of(fault)
    between = [burst for burst in found if burst.pair in pairs]
    beside = probe_bursts.beside(data, fault, between, lambda kind: kind.slows)
    asked, by_ns = float(fault.asked.get("share", 0.0)), float(fault.asked.get("by_ns", 0))
    usual = _medians(beside.before)
    longer = [
        rtt_ns - usual[burst.pair]
        for burst in beside.during
        if burst.pair in usual
        for rtt_ns in burst.rtts_ns
    ]
    late = [each for each in longer if each > by_ns / 2]
    measured: dict[str, Any] = {"answered": len(longer), "late": len(late)}
    if not longer:
        return measured, "no path probes to measure the reordering with"
    if by_ns < SMALLEST_NS:
        return measured | {"judged": effect_gaps.too_small(f"{SMALLEST_NS / 1e6:g} ms")}, ""
    edges = _edges(len(late), len(longer), Z_95)
    measured["share"] = round(one_way(len(late) / len(longer)), 5)
    measured["share_ci"] = [round(edge, 5) for edge in edges]
    once = [each for each in late if each < 1.5 * by_ns]
    if once:
        measured["by_ms"] = round(statistics.median(once) / 1e6, 3)
    if not holds(asked, _edges(len(late), len(longer), Z_CERTAIN)):
        return measured, f"{100 * measured['share']:.3g} % of the packets were late"
    off_ns = abs(statistics.median(once) - by_ns) if once else 0.0
    if off_ns > LATE_ERROR_NS + LATE_ERROR_SHARE * by_ns:
        return measured, f"packets were late by {measured['by_ms']:g} ms"
    wrong = unprobed(data, fault, found, pairs)
    word = AS_ASKED if holds(asked, edges) else OUTSIDE
    return measured | ({} if wrong else {"judged": word}), wrong


def _edges(late: int, answered: int, z: float) -> tuple[float, float]:
    low, high = wilson(late, answered, z)
    return one_way(low), one_way(high)


def _medians(before: list[Burst]) -> dict[Pair, float]:
    rtts: dict[Pair, list[int]] = {}
    for burst in before:
        rtts.setdefault(burst.pair, []).extend(burst.rtts_ns)
    return {pair: statistics.median(own) for pair, own in rtts.items() if own}


def _words(found: dict[str, Any]) -> list[str]:
    parts = []
    if "share" in found:
        low, high = (100 * edge for edge in found["share_ci"])
        parts.append(f"{100 * found['share']:.3g} % late one way ({low:.3g} to {high:.3g} %)")
    if "by_ms" in found:
        parts.append(f"by {number(found['by_ms'])} ms")
    return [*parts, f"{found['late']} of {found['answered']} answers came late"]


CHECKS = (
    FaultCheck(
        kinds=("reorder",),
        measure=reorder,
        words=_words,
        name="Reordering measured",
        formula="1 − √(answers in time / answers), with Wilson's 95 % interval; late is a round "
        "trip longer than the baseline's median by half of what was asked. By how long: the median "
        "of those of which one way was late.",
        left_out="Probes while other faults slow them, but for pairs that always had others; what "
        f"is late by less than {SMALLEST_NS / 1e6:g} ms.",
        assumes="Both ways are reordered alike, and packets independently of each other.",
        source="Wilson 1927, JASA 22",
    ),
)
