"""Faults of links beside what probes of the data's fate, and the kernels' counters, saw of them.

A path probe is a question and an answer: it tells that a pair's exchange failed, not on which way.
Which way packets were dropped is known from the counters of the host they arrived at.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable
from typing import Any

from metrics.fault_checks import effect_gaps, fault_records, jitter, probe_bursts
from metrics.fault_checks.probe_bursts import Burst, loses, slows
from metrics.intake.trial import TrialData
from metrics.model.method import Method
from metrics.model.plan import PlannedFault

Found = tuple[dict[str, Any], str]
"""What was measured, and what is plainly wrong with it (nothing: empty)."""
Pair = tuple[str, str]
Rtts = dict[Pair, list[int]]
AS_ASKED = "as asked"
DELAY_ERROR_NS, DELAY_ERROR_SHARE = 2_000_000, 0.02
ABSENT_SHARE = 0.25
GONE_BURSTS = 2
"""So many bursts of one pair without the delay are no stray."""


def delay(data: TrialData, fault: PlannedFault, found: list[Burst]) -> Found:
    """Return the median over pairs of (RTT during - RTT baseline)/2; no clock is involved.

    A constant delay is read from the fastest answers of both windows: waiting for a busy host only
    adds, and a single packet that was not delayed shows. A jittered one has no fastest answer, so
    there the medians count. `median_ms` is what these say of either; what of it exceeds a constant
    delay was waiting. Too long, of either, is what even the fastest answers took.
    """
    before = _rtts([b for b in found if b.flow == "path" and b.inside(*_quiet(data))])
    in_force = fault_records.in_force_ns(data, fault)
    during = probe_bursts.during(data, fault, found, slows)
    lasting_bursts = [burst for burst in during if burst.inside(*in_force)]
    lasting = _rtts(lasting_bursts)
    wanted = probe_bursts.pairs_of(fault)
    medians = _added(statistics.median, before, lasting, wanted)
    fastest = _added(min, before, lasting, wanted)
    jitter_ns = float(fault.asked.get("jitter_ns", 0))
    each = medians if jitter_ns else fastest
    asked_ns = float(fault.asked.get("delay_ns", 0))
    if not each:
        return {"delay_ms": None, "pairs": {}}, "no path probes to measure the delay with"
    value = statistics.median(each.values())
    off = (value / asked_ns - 1) * 100 if asked_ns else 0.0
    small = asked_ns < DELAY_ERROR_NS
    measured = {
        "delay_ms": round(value / 1e6, 3),
        "difference_percent": None if small else round(off, 2),
        "pairs": {f"{a}-{b}": round(ns / 1e6, 3) for (a, b), ns in each.items()},
        "by": "median" if jitter_ns else "fastest",
        "probes": sum(len(lasting[pair]) for pair in each),
        "median_ms": round(statistics.median(medians.values()) / 1e6, 3),
        "judged": effect_gaps.too_small(f"{DELAY_ERROR_NS / 1e6:g} ms")
        if small
        else jitter.word(_delay_word(each, asked_ns), jitter_ns),
    }
    slack_ns = max(DELAY_ERROR_NS + DELAY_ERROR_SHARE * asked_ns, ABSENT_SHARE * asked_ns)
    off_mark = value < asked_ns - slack_ns or (
        statistics.median(fastest.values()) > asked_ns - jitter_ns + slack_ns
    )
    if off_mark:
        return measured, f"measured delay is off by {off:.0f} %"
    if small:
        return measured, ""
    bursts = [burst for burst in lasting_bursts if burst.pair in each]
    wrong = _undelayed(bursts, before, asked_ns - jitter_ns)
    wrong = wrong or jitter.absent({pair: lasting[pair] for pair in each}, jitter_ns, in_force)
    return measured, wrong or unprobed(data, fault, found, wanted or set(each))


def partition(data: TrialData, fault: PlannedFault, found: list[Burst]) -> Found:
    """Return path probes sent and received across the cut and within the groups."""
    side = {host: i for i, group in enumerate(fault.groups or []) for host in group}
    across: list[Burst] = []
    within: list[Burst] = []
    for burst in probe_bursts.during(data, fault, found, loses):
        same = side.get(burst.host, -1) == side.get(burst.peer, -1)
        (within if same else across).append(burst)
    measured = {
        "across_sent": sum(burst.sent for burst in across),
        "across_received": sum(burst.received for burst in across),
        "within_sent": sum(burst.sent for burst in within),
        "within_received": sum(burst.received for burst in within),
    }
    if measured["across_received"]:
        count = measured["across_received"]
        return measured, f"{count} path probes crossed the partition{_passed(across)}"
    if not across:
        return measured, "no path probes to measure the partition with"
    pairs = set(probe_bursts.split_pairs(fault.groups or []))
    wrong = unprobed(data, fault, found, pairs)
    return measured | ({} if wrong else {"judged": AS_ASKED}), wrong


def cut(data: TrialData, fault: PlannedFault, found: list[Burst]) -> Found:
    """Return the exchanges lost between the pairs, and the packets dropped where they arrived.

    A dead way kills every exchange of its pair. `dropped` is the count of the receivers' kernels;
    hosts that only send were left alone, and `also` names any that say otherwise.
    """
    chosen = exchanges(data, fault, found)
    sent, received = sum(b.sent for b in chosen), sum(b.received for b in chosen)
    dropped, also = {}, []
    for host, counted in fault_records.last_read_back(data, fault, "healed").items():
        chains = counted.get("dropped")
        if isinstance(chains, dict):
            dropped[host] = int(chains.get("input", 0))
            also += [host] * (host not in fault.acting or bool(chains.get("output")))
    measured = {"sent": sent, "lost": sent - received, "dropped": dropped, "also": also}
    idle = sorted(host for host, count in dropped.items() if not count)
    if received:
        return measured, f"{received} exchanges got through the cut{_passed(chosen)}"
    if not sent:
        return measured, "no path probes to measure the cut with"
    if idle or also:
        who = ", ".join(idle or also)
        return measured, f"{who} dropped {'nothing' if idle else 'the other way, too'}"
    wrong = unprobed(data, fault, found, probe_bursts.pairs_of(fault))
    return measured | ({} if wrong else {"judged": AS_ASKED}), wrong


def exchanges(data: TrialData, fault: PlannedFault, found: list[Burst]) -> list[Burst]:
    """Return the bursts of path probes between the fault's pairs while it lasted."""
    wanted = probe_bursts.pairs_of(fault)
    return probe_bursts.during(data, fault, [b for b in found if b.pair in wanted], loses)


def unprobed(data: TrialData, fault: PlannedFault, found: list[Burst], pairs: set[Pair]) -> str:
    """Return which of the pairs nobody probed for a part of the fault and when, "" if none.

    A part: longer than three seconds, and than three of the pair's own intervals. Pairs of which a
    host was stopped by another fault meanwhile are not asked about.
    """
    start_ns, end_ns = fault_records.in_force_ns(data, fault)
    # What is lost is written late: at the very end of a trial it is not written at all.
    window = start_ns, min(end_ns, data.end_ns - probe_bursts.PROBE_WAIT_NS - probe_bursts.BURST_NS)
    sent: dict[Pair, dict[str, list[float]]] = {pair: {} for pair in pairs}
    for burst in found:
        if burst.flow == "path" and burst.pair in sent:
            sent[burst.pair].setdefault(burst.host, []).append(burst.sent_ns[1])
    for pair, by_host in sorted(sent.items()):
        if any(effect_gaps.stopped(data, fault, host) for host in pair):
            continue
        longest_ns = 3 * max([effect_gaps.STEP_NS, *map(_interval, by_host.values())])
        times = (t for own in by_host.values() for t in own)
        gap = effect_gaps.unseen(times, window, longest_ns)
        if gap is not None:
            return f"no path probes between {pair[0]} and {pair[1]} {effect_gaps.words(gap)}"
    return ""


def _interval(times: list[float]) -> float:
    """Return the median time from one burst to the next."""
    ordered = sorted(times)
    return statistics.median([b - a for a, b in itertools.pairwise(ordered)] or [0.0])


def _passed(found: list[Burst]) -> str:
    """Return between whom, first, and when something passed that should not have."""
    through = sorted((burst.pair, burst.sent_ns[1]) for burst in found if burst.received)
    (a, b), _ = through[0]
    when = effect_gaps.words(t for pair, t in through if pair == (a, b))
    return f", between {a} and {b} {when}"


def _delay_word(each: dict[tuple[str, str], float], asked_ns: float) -> str:
    """Return whether every pair's delay is within 2 ms and 2 % of what was asked."""
    (a, b), worst = max(each.items(), key=lambda item: abs(item[1] - asked_ns))
    if abs(worst - asked_ns) <= DELAY_ERROR_NS + DELAY_ERROR_SHARE * asked_ns:
        return AS_ASKED
    return f"off by {(worst - asked_ns) / 1e6:+.1f} ms between {a} and {b}"


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


def _quiet(data: TrialData) -> tuple[int, int]:
    """Return the window of the baseline (else of everything before the first fault)."""
    for phase in data.planned.phases:
        if phase.name == "baseline":
            return phase.start_ns, phase.end_ns
    return 0, min((fault.at_ns for fault in data.planned.faults), default=data.end_ns)


_DISTURBED = "Probes while other faults lose them; those not sure to fall within the fault."
METHODS = (
    Method(
        name="Delay measured",
        figures=("faults.delay",),
        formula="Median over pairs of (round trip during − round trip of the baseline) / 2, by the "
        "fastest answers of each pair; of a jittered delay by the medians, as it has no fastest. "
        f"As asked: every pair within {DELAY_ERROR_NS / 1e6:g} ms and {DELAY_ERROR_SHARE:.0%}.",
        left_out="Probes while other faults lose or slow them; those not sure to fall within the "
        f"fault. A delay below {DELAY_ERROR_NS / 1e6:g} ms is too small to see.",
        assumes="Path probes share the fate of the data; both ways got the delay alike. No clock.",
    ),
    Method(
        name="Partition measured",
        figures=("faults.partition",),
        formula="Path probes sent and answered across the cut, which none may be, and within the "
        "groups.",
        left_out=_DISTURBED,
        assumes="Path probes share the fate of the data.",
    ),
    Method(
        name="Cut measured",
        figures=("faults.cut",),
        formula="Exchanges of path probes between the pairs, of which none may be answered, and "
        "packets that the kernels of the receivers dropped.",
        left_out=_DISTURBED,
        assumes="An exchange needs both ways; which of them is dead, the kernels tell.",
    ),
    Method(
        name="Loss measured",
        figures=("faults.loss",),
        formula="1 − √(answered / sent) of the exchanges between the pairs, with Wilson's 95 % "
        "interval, within which a loss is as asked; at each receiver, packets dropped of those "
        "that arrived, by its kernel.",
        left_out=_DISTURBED,
        assumes="Both ways lose alike, and packets independently of each other.",
        source="Wilson 1927, JASA 22",
    ),
)
