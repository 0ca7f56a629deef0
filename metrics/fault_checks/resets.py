"""Connections that a partition or cut resets: what the kernels answered, and when nodes noticed."""

from typing import Any

from metrics.fault_checks import fault_records, probe_bursts
from metrics.intake.trial import TrialData
from metrics.model.plan import PlannedFault

FORMULA = (
    "Of a reset also the packets of TCP that the kernels answered with one, and how long after the"
    " fault's begin the first and the last node told that it had lost such a link."
)


def measured(data: TrialData, fault: PlannedFault) -> tuple[dict[str, Any], str]:
    """Return what was reset, by the host that did, and when links were lost; and what is wrong.

    Nothing where nothing is to be reset. The simulator has no kernels, and so no counts.
    """
    if fault.asked.get("how") != "reset":
        return {}, ""
    told = fault_records.last_read_back(data, fault, "healed")
    counts = {host: int(each["reset"]) for host, each in told.items() if "reset" in each}
    apart = probe_bursts.pairs_of(fault)
    lost_ns = [
        event.t_ns - fault.at_ns
        for event in data.events("peer", "peer state")
        if event.state == "disconnected"
        and (min(event.host, event.peer), max(event.host, event.peer)) in apart
        and fault.at_ns <= event.t_ns <= fault.end_ns
    ]
    found: dict[str, Any] = {"reset": counts}
    if lost_ns:
        found["lost_after_s"] = [min(lost_ns) / 1e9, max(lost_ns) / 1e9]
    idle = sorted(host for host, count in counts.items() if not count)
    if idle:
        return found, f"{', '.join(idle)} reset no connection"
    return found, "" if counts or lost_ns else "nobody told that a connection was reset"


def words(found: dict[str, Any]) -> list[str]:
    """Return what was reset and when links were lost, where that was asked for."""
    parts = []
    if counts := found.get("reset"):
        parts.append(f"{sum(counts.values()):,} packets answered with a reset")
    if "lost_after_s" in found:
        first, last = found["lost_after_s"]
        parts.append(f"links lost {first:.1f} to {last:.1f} s after the begin")
    return parts
