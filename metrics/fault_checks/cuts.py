"""Partitions and cuts of one way: nothing may get through, and what is left must be whole."""

from typing import Any

from metrics.fault_checks import effect_gaps, fault_records, probe_bursts, resets
from metrics.fault_checks.fault_check import AS_ASKED, FaultCheck, Found
from metrics.fault_checks.path_exchanges import DISTURBED, FEW, exchanges, failed, unprobed
from metrics.fault_checks.probe_bursts import Burst
from metrics.intake.trial import TrialData
from metrics.model.plan import PlannedFault


def partition(data: TrialData, fault: PlannedFault, found: list[Burst]) -> Found:
    """Return path probes sent and received across the cut and between all others."""
    apart = probe_bursts.pairs_of(fault)
    across: list[Burst] = []
    within: list[Burst] = []
    for burst in probe_bursts.during(data, fault, found, lambda kind: kind.loses):
        (across if burst.pair in apart else within).append(burst)
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
    told, wrong = resets.measured(data, fault)
    measured |= told
    wrong = wrong or unprobed(data, fault, found, apart)
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
    told, wrong = resets.measured(data, fault)
    measured |= told
    wrong = wrong or unprobed(data, fault, found, probe_bursts.pairs_of(fault))
    return measured | ({} if wrong else {"judged": AS_ASKED}), wrong


def _passed(found: list[Burst]) -> str:
    """Return between whom, first, and when something passed that should not have."""
    through = sorted((burst.pair, burst.sent_ns[1]) for burst in found if burst.received)
    (a, b), _ = through[0]
    when = effect_gaps.words(t for pair, t in through if pair == (a, b))
    return f", between {a} and {b} {when}"


def _crossed(found: dict[str, Any]) -> list[str]:
    return [
        f"{found['across_received']} of {found['across_sent']} probes crossed; "
        f"{found['within_received']} of {found['within_sent']} arrived between others",
        *resets.words(found),
    ]


def _dropped(found: dict[str, Any]) -> list[str]:
    """Return what failed, and what the receivers' kernels dropped, by host where these are few."""
    counts = sorted(found["dropped"].items())
    parts = [failed(found)]
    if len(counts) > FEW:
        least, most = min(n for _, n in counts), max(n for _, n in counts)
        parts.append(f"{len(counts)} hosts dropped {least:,} to {most:,} packets that arrived")
    elif counts:
        each = ", ".join(f"{n:,} at {host}" for host, n in counts)
        parts.append(f"dropped on arrival: {each}")
    return [*parts, *resets.words(found)]


CHECKS = (
    FaultCheck(
        kinds=("partition",),
        measure=partition,
        words=_crossed,
        name="Partition measured",
        formula="Path probes sent and answered across the cut, which none may be, and between "
        f"others. {resets.FORMULA}",
        left_out=DISTURBED,
        assumes="Path probes share the fate of the data.",
    ),
    FaultCheck(
        kinds=("cut",),
        measure=cut,
        words=_dropped,
        name="Cut measured",
        formula="Exchanges of path probes between the pairs, of which none may be answered, "
        f"and packets that the kernels of the receivers dropped. {resets.FORMULA}",
        left_out=DISTURBED,
        assumes="An exchange needs both ways; which of them is dead, the kernels tell.",
    ),
)
