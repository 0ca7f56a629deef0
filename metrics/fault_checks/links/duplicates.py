"""Packets sent twice, by what the kernels of their senders counted."""

from typing import Any

from metrics.fault_checks import fault_records
from metrics.fault_checks.fault_check import AS_ASKED, FaultCheck, Found
from metrics.fault_checks.probe_bursts import Burst
from metrics.fault_checks.shares import OUTSIDE, Z_95, Z_CERTAIN, holds, wilson
from metrics.intake.trial import TrialData
from metrics.model.plan import PlannedFault


def duplicate(data: TrialData, fault: PlannedFault, _found: list[Burst]) -> Found:
    """Return the share of packets that were sent twice, with its 95 % interval.

    A copy meets the rules that made it once more, and is counted as the packet is. A simulated
    kernel counts nothing.
    """
    counted = [
        (int(said["seen"]), int(said["twice"]))
        for said in fault_records.last_read_back(data, fault, "healed").values()
        if "twice" in said and "seen" in said
    ]
    seen, twice = sum(each for each, _ in counted), sum(each for _, each in counted)
    measured: dict[str, Any] = {"seen": seen, "twice": twice}
    if not seen:
        return measured, "" if data.plan.simulated else "no packets were counted"
    asked = float(fault.asked.get("share", 0.0))
    low, high = wilson(twice, seen, Z_95)
    measured |= {"share": round(twice / seen, 5), "share_ci": [round(low, 5), round(high, 5)]}
    if not holds(asked, wilson(twice, seen, Z_CERTAIN)):
        return measured, f"{100 * twice / seen:.3g} % of the packets were sent twice"
    return measured | {"judged": AS_ASKED if holds(asked, (low, high)) else OUTSIDE}, ""


def _words(found: dict[str, Any]) -> list[str]:
    if "share" not in found:
        return []
    low, high = (100 * edge for edge in found["share_ci"])
    share = f"{100 * found['share']:.3g} % sent twice ({low:.3g} to {high:.3g} %)"
    return [share, f"{found['twice']} of {found['seen']} packets, as their senders counted"]


CHECKS = (
    FaultCheck(
        kinds=("duplicate",),
        measure=duplicate,
        words=_words,
        name="Duplicates measured",
        formula="Packets sent twice of those sent, by the senders' kernels, with Wilson's 95 % "
        "interval.",
        left_out="What becomes of a copy on its way.",
        assumes="The kernel sends the copies that it counts.",
        source="Wilson 1927, JASA 22",
    ),
)
