"""What was seen of hosts that were killed, frozen or kept from producing, from their own events."""

from __future__ import annotations

import itertools
from typing import Any

from metrics.run_files import PlannedFault
from metrics.trial import TrialData

MARGIN_NS = 500_000_000
SLOT_DUE = "slot head_num lib_num"


def kill(data: TrialData, fault: PlannedFault) -> tuple[dict[str, Any], str]:
    """Return how long each target was silent, and where it resumed."""
    down: dict[str, float] = {}
    resumed: dict[str, Any] = {}
    for host in fault.targets:
        last = max(
            (e.t_ns for e in data.events("slot_due", SLOT_DUE)
             if e.host == host and e.t_ns <= fault.at_ns + MARGIN_NS),
            default=None,
        )  # fmt: skip
        for event in data.events("started", "role resumed_num resumed_lib"):
            role, num, lib = event.fields
            if event.host == host and role == "node" and event.t_ns > fault.at_ns:
                resumed[host] = {"t_s": round(event.t_ns / 1e9, 3), "head": num, "lib": lib}
                if last is not None:
                    down[host] = round((event.t_ns - max(last, fault.at_ns)) / 1e9, 3)
                break
    measured = {"down_s": down, "resumed": resumed}
    if fault.asked.get("restart_after_ns") and len(resumed) < len(fault.targets):
        return measured, "the killed node was not seen again"
    return measured, ""


def pause(data: TrialData, fault: PlannedFault) -> tuple[dict[str, Any], str]:
    """Return the longest time without a slot that each target wrote around the fault, in s."""
    frozen: dict[str, float] = {}
    for host in fault.targets:
        times = [
            e.t_ns
            for e in data.events("slot_due", SLOT_DUE)
            if e.host == host and fault.at_ns - MARGIN_NS <= e.t_ns <= fault.end_ns + 4 * MARGIN_NS
        ]
        gaps = [b - a for a, b in itertools.pairwise(times)]
        frozen[host] = round(max(gaps, default=0.0) / 1e9, 3)
    lasted_s = (min(fault.end_ns, data.end_ns) - fault.at_ns) / 1e9
    awake = [host for host, gap in frozen.items() if gap < lasted_s / 2]
    wrong = f"{', '.join(awake)} went on working" if awake else ""
    return {"frozen_s": frozen}, wrong


def silent(data: TrialData, fault: PlannedFault) -> tuple[dict[str, Any], str]:
    """Return how many slots each target left empty on request while the fault lasted."""
    end_ns = fault.end_ns if fault.end_ns > fault.at_ns else data.end_ns
    left = dict.fromkeys(fault.targets, 0)
    for event in data.events("abstained", "slot reason"):
        inside = fault.at_ns <= event.t_ns < end_ns
        if inside and event.host in left and event.fields[1] == "silent":
            left[event.host] += 1
    return {"left_empty": left}, ""
