"""Exchanges of path probes, which share the data's fate, between the pairs that a fault names.

A path probe is a question and an answer: it tells that a pair's exchange failed, not on which way.
Which way packets were dropped is known from the counters of the host they arrived at.
"""

import itertools
import statistics

from metrics.fault_checks import effect_gaps, fault_records, probe_bursts
from metrics.fault_checks.probe_bursts import Burst, Pair
from metrics.intake.trial import TrialData
from metrics.model.plan import PlannedFault

DISTURBED = "Probes while other faults lose them; those not sure to fall within the fault."
"""What measures of lost probes leave out."""
FEW = 5
"""So many hosts are told one by one."""


def exchanges(data: TrialData, fault: PlannedFault, found: list[Burst]) -> list[Burst]:
    """Return the bursts of path probes between the fault's pairs while it lasted."""
    wanted = probe_bursts.pairs_of(fault)
    own = [burst for burst in found if burst.pair in wanted]
    return probe_bursts.during(data, fault, own, lambda kind: kind.loses)


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


def failed(found: dict[str, int]) -> str:
    """Return how many exchanges failed, in words."""
    return f"{found['lost']} of {found['sent']} exchanges failed (each needs both ways)"
