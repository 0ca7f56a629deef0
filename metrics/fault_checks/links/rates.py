"""Rates that were limited: what a probe's own bits took longer, and what holders let pass."""

import statistics
from typing import Any

from faults.model.fault import SECOND_NS
from metrics.fault_checks import effect_gaps, fault_records, probe_bursts
from metrics.fault_checks.fault_check import AS_ASKED, FaultCheck, Found
from metrics.fault_checks.path_exchanges import unprobed
from metrics.fault_checks.probe_bursts import Burst, Pair
from metrics.intake.trial import TrialData
from metrics.model.number_text import number
from metrics.model.plan import PlannedFault
from node.events.record import PROBE_PACKET_BITS

ERROR_NS, ERROR_SHARE = 2_000_000, 0.1
PASSED_SHARE = 1.02


def rate(data: TrialData, fault: PlannedFault, found: list[Burst]) -> Found:
    """Return the rate that the fastest probes met one way, and the most that a holder let pass.

    Waiting behind others only adds, so a probe's own bits are what its fastest answers took longer.
    """
    pairs = probe_bursts.pairs_of(fault)
    between = [burst for burst in found if burst.pair in pairs]
    beside = probe_bursts.beside(data, fault, between, lambda kind: kind.slows)
    before, during = _fastest(beside.before), _fastest(beside.during)
    asked = float(fault.asked.get("rate_bps", 0)) or 1.0
    own_ns = PROBE_PACKET_BITS * SECOND_NS / asked
    longer = [(during[pair] - before[pair]) / 2 for pair in during if pair in before]
    passed = _passed(data, fault)
    measured: dict[str, Any] = {"own_ms": round(own_ns / 1e6, 3), "passed_bps": passed}
    if not longer:
        return measured, "no path probes to measure the rate with"
    longer_ns = statistics.median(longer)
    measured["longer_ms"] = round(longer_ns / 1e6, 3)
    if passed is not None and passed > asked * PASSED_SHARE:
        return measured, f"{passed} bit/s passed"
    if own_ns < ERROR_NS:
        measured["judged"] = effect_gaps.too_small(f"{_largest() / 1e3:.0f} kbit/s")
        return measured, ""
    if longer_ns < own_ns * (1 - ERROR_SHARE) - ERROR_NS / 2:
        return measured, "probes did not take the time that their bits take"
    as_asked = longer_ns <= own_ns * (1 + ERROR_SHARE) + ERROR_NS
    word = AS_ASKED if as_asked else "even the fastest probes waited behind others"
    wrong = unprobed(data, fault, found, pairs)
    return measured | ({} if wrong else {"judged": word}), wrong


def _largest() -> float:
    """Return the largest rate of which a probe's own bits can be seen."""
    return PROBE_PACKET_BITS * SECOND_NS / ERROR_NS


def _fastest(bursts: list[Burst]) -> dict[Pair, int]:
    found: dict[Pair, int] = {}
    for burst in bursts:
        if burst.rtts_ns:
            found[burst.pair] = min(min(burst.rtts_ns), found.get(burst.pair, 1 << 62))
    return found


def _passed(data: TrialData, fault: PlannedFault) -> int | None:
    """Return the most bits a second that a holder let pass from one peer, None where none says."""
    start_ns, end_ns = fault_records.in_force_ns(data, fault)
    most = None
    for said in fault_records.last_read_back(data, fault, "healed").values():
        holder = said.get("holder")
        if isinstance(holder, dict) and "bits_max" in holder:
            each = round(int(holder["bits_max"]) * SECOND_NS / max(end_ns - start_ns, 1))
            most = each if most is None else max(most, each)
    return most


def _words(found: dict[str, Any]) -> list[str]:
    parts = []
    if "longer_ms" in found:
        own, longer = number(found["own_ms"]), number(found["longer_ms"])
        parts.append(f"the fastest probes took {longer} ms longer one way, of {own} ms due")
    if found["passed_bps"] is not None:
        parts.append(f"at most {found['passed_bps']} bit/s passed")
    return parts


CHECKS = (
    FaultCheck(
        kinds=("rate",),
        measure=rate,
        words=_words,
        name="Rate measured",
        formula="Median over pairs of (fastest round trip during − of the baseline) / 2, beside "
        f"the time that the {PROBE_PACKET_BITS} bits of a probe take; the most bits a second that "
        "a queue's holder let pass from one peer.",
        left_out="Probes while other faults slow them, but for pairs that always had others. "
        f"Rates above {_largest() / 1e3:.0f} kbit/s are too large to see by probes.",
        assumes="Some probe of each pair met an empty queue.",
    ),
)
