"""What was seen of hosts whose processors, memory or disk somebody else used: what the agents
counted, and what the nodes had left.
"""

from typing import Any

import numpy as np

from metrics.fault_checks import fault_records, outages
from metrics.fault_checks.fault_check import AS_ASKED, FaultCheck, Found
from metrics.fault_checks.probe_bursts import MARGIN_NS, Burst
from metrics.intake.trial import SLOT_DUE, TrialData
from metrics.model.number_text import number, size_text
from metrics.model.plan import PlannedFault

SHARE_ERROR = 0.1
"""Burned may differ from asked by so much of all processors, and writes by so much of those asked.
"""
HELD_SHARE = 0.95
BEFORE_NS = 20_000_000_000
DISK_FAILED = "disk_failed"


def cpu(data: TrialData, fault: PlannedFault, _: list[Burst]) -> Found:
    """Return the share of the processors that was burned, and how late nodes woke for their slots.

    Wrong is less than half of what was asked.
    """
    asked = float(fault.asked["share"])
    burned = _counted(data, fault, "burned_share")
    measured: dict[str, Any] = {
        "burned_share": burned,
        "wake_late_ms": _beside(data, fault, "slot_due", "wake_error_ns", SLOT_DUE),
    }
    if missing := _missing(fault, burned):
        return measured, missing
    off = max((share - asked for share in burned.values()), key=abs)
    if off < -asked / 2:
        return measured, f"{100 * (asked + off):.0f} % of the processors were burned"
    word = AS_ASKED if abs(off) <= SHARE_ERROR else f"off by {100 * off:+.0f} points"
    return measured | {"judged": word}, ""


def memory(data: TrialData, fault: PlannedFault, _: list[Burst]) -> Found:
    """Return the bytes held at the begin and at the end, beside those that were to be held."""
    begun, ended = (
        {host: int(found["held_bytes"]) for host, found in told.items() if "held_bytes" in found}
        for told in (
            fault_records.last_read_back(data, fault, state) for state in ("installed", "healed")
        )
    )
    asked = {
        record.acted_on: int(record.asked["amount_bytes"])
        for record in fault_records.of_fault(data, fault)
        if record.asked.get("amount_bytes")
    }
    measured = {"held_bytes": ended, "asked_bytes": asked}
    if missing := _missing(fault, ended):
        return measured, missing
    short = [
        f"{host} held {size_text(least)} of {size_text(asked[host])}"
        for host in sorted(asked.keys() & begun.keys() & ended.keys())
        if (least := min(begun[host], ended[host])) < HELD_SHARE * asked[host]
    ]
    return measured | ({} if short else {"judged": AS_ASKED}), "; ".join(short)


def io(data: TrialData, fault: PlannedFault, _: list[Burst]) -> Found:
    """Return how many writes a second each host took, and how long a node's own fsync did."""
    writes, lived = _counted(data, fault, "writes"), _counted(data, fault, "lived_s")
    rate = {host: round(writes[host] / s, 2) for host, s in lived.items() if s and host in writes}
    measured: dict[str, Any] = {
        "writes_a_s": rate,
        "fsync_ms": _beside(data, fault, "produced", "fsync_ns", "fsync_ns"),
    }
    if missing := _missing(fault, rate):
        return measured, missing
    return measured | {"judged": AS_ASKED}, ""


def slow_disk(data: TrialData, fault: PlannedFault, _: list[Burst]) -> Found:
    """Return how many writes a second each node's disk took, and how long a node's own fsync did.

    Wrong is more than was asked.
    """
    most = int(fault.asked["writes"])
    begun, ended = (
        fault_records.last_read_back(data, fault, state) for state in ("installed", "healed")
    )
    rate = {
        host: round((told["writes"] - begun[host]["writes"]) / lasted_s, 2)
        for host, told in ended.items()
        if host in begun and (lasted_s := told["uptime_s"] - begun[host]["uptime_s"]) > 0
    }
    measured: dict[str, Any] = {
        "writes_a_s": rate,
        "fsync_ms": _beside(data, fault, "produced", "fsync_ns", "fsync_ns"),
    }
    if missing := _missing(fault, rate):
        return measured, missing
    over = [host for host, found in rate.items() if found > most * (1 + SHARE_ERROR)]
    wrong = "; ".join(f"{host}'s disk took {rate[host]:g} writes a second" for host in over)
    return measured | ({} if wrong else {"judged": AS_ASKED}), wrong


def disk_full(data: TrialData, fault: PlannedFault, _: list[Burst]) -> Found:
    """Return the room left at the end, when each node said that its disk failed, and where it
    resumed. Wrong is a node that signed on after it had said so.
    """
    free = _counted(data, fault, "free_bytes")
    measured, wrong = _failed_disk(data, fault, free)
    return {"free_bytes": free} | measured | ({} if wrong else {"judged": AS_ASKED}), wrong


def read_only(data: TrialData, fault: PlannedFault, _: list[Burst]) -> Found:
    """Return how soon each node said that its disk failed, and where it resumed. Wrong is one that
    did not say so, or that signed on after it had.
    """
    measured, wrong = _failed_disk(data, fault, _counted(data, fault, "read_only"))
    on = [host for host in fault.targets if host not in measured["failed_after_s"]]
    wrong = "; ".join([*filter(None, [wrong]), *(f"{host}'s node did not end" for host in on)])
    return measured | ({} if wrong else {"judged": AS_ASKED}), wrong


def _failed_disk(
    data: TrialData, fault: PlannedFault, counted: dict[str, Any]
) -> tuple[dict[str, Any], str]:
    """Return how soon each node said that its disk failed, where it resumed, and what was wrong."""
    ended: dict[str, float] = {}
    wrong: list[str] = []
    started = outages.starts_of(data, fault)
    for host in fault.targets:
        said = [
            event.t_ns for event in data.events("stopped", "reason")
            if event.host == host and event.node == host and event.reason == DISK_FAILED
            and fault.at_ns - MARGIN_NS <= event.t_ns <= fault.end_ns
        ]  # fmt: skip
        if not said:
            continue
        ended[host] = round((said[0] - fault.at_ns) / 1e9, 3)
        until_ns = started.get(host, {}).get("t_s", data.end_ns / 1e9) * 1e9
        signed = [e for e in data.events("produced", "num")
                  if e.host == host and said[0] < e.t_ns < until_ns]  # fmt: skip
        wrong += [f"{host}'s node signed {len(signed)} blocks on a failed disk"] * bool(signed)
    if not data.plan.simulated and (missing := _missing(fault, counted)):
        wrong.append(missing)
    return {"failed_after_s": ended, "resumed": started}, "; ".join(wrong)


def _counted(data: TrialData, fault: PlannedFault, key: str) -> dict[str, float]:
    """Return by host what its agent counted over the fault's life."""
    told = fault_records.last_read_back(data, fault, "healed")
    return {host: found[key] for host, found in told.items() if key in found}


def _missing(fault: PlannedFault, counted: dict[str, Any]) -> str:
    silent = sorted(set(fault.targets) - set(counted))
    return f"{', '.join(silent)} did not count what it did" if silent else ""


def _beside(
    data: TrialData, fault: PlannedFault, kind: str, key: str, columns: str
) -> dict[str, list[float | None]]:
    """Return by target the 95th percentile of a node's figure before and during the fault, in
    ms; None where there is none.
    """
    windows = (fault.at_ns - BEFORE_NS, fault.at_ns), fault_records.in_force_ns(data, fault)
    events = [event for event in data.events(kind, columns) if event.host in fault.targets]

    def mark(host: str, start_ns: float, end_ns: float) -> float | None:
        own = [getattr(e, key) for e in events if e.host == host and start_ns <= e.t_ns < end_ns]
        return round(float(np.percentile(own, 95)) / 1e6, 3) if own else None

    return {host: [mark(host, *window) for window in windows] for host in fault.targets}


def _words(found: dict[str, Any]) -> list[str]:
    parts = []
    for host, share in found.get("burned_share", {}).items():
        parts.append(f"{100 * share:.0f} % of {host}'s processors burned")
    for host, held in found.get("held_bytes", {}).items():
        parts.append(f"{host} held {size_text(held)}")
    for host, rate in found.get("writes_a_s", {}).items():
        parts.append(f"{number(rate)} writes a second at {host}")
    for host, left in found.get("free_bytes", {}).items():
        parts.append(f"{size_text(left)} free at {host}")
    for host, after_s in found.get("failed_after_s", {}).items():
        parts.append(f"{host}'s node ended after {after_s:.2f} s: its disk failed")
    for what, key in (("slots woken for", "wake_late_ms"), ("own fsync", "fsync_ms")):
        for host, (before, during) in found.get(key, {}).items():
            if before is not None and during is not None:
                parts.append(f"{host}: p95 of {what} {before:.1f} ms before, {during:.1f} during")
    return parts


CHECKS = (
    FaultCheck(
        kinds=("cpu",),
        measure=cpu,
        words=_words,
        name="Processors burned measured",
        formula="Time that the burning shells computed, of all processors' since the first began; "
        f"as asked: within {SHARE_ERROR:.0%} of all. Beside it the 95th percentile of how late "
        f"the node woke for slots, in the {BEFORE_NS / 1e9:g} s before and during.",
        left_out="Whoever else computes there.",
        assumes="The host's kernel tells what its processes computed.",
    ),
    FaultCheck(
        kinds=("memory",),
        measure=memory,
        words=_words,
        name="Memory held measured",
        formula="Resident and swapped bytes of what holds them, at begin and end; as asked: "
        f"{HELD_SHARE:.0%} at both.",
        left_out="What lies between.",
        assumes="The host's kernel tells what its processes hold.",
    ),
    FaultCheck(
        kinds=("io",),
        measure=io,
        words=_words,
        name="Disk kept busy measured",
        formula="Writes, each waited for, by the time they went on; and the 95th percentile of "
        f"the node's own fsyncs, in the {BEFORE_NS / 1e9:g} s before and during.",
        left_out="Whoever else writes there.",
        assumes="An fsync waits for the disk.",
    ),
    FaultCheck(
        kinds=("slow_disk",),
        measure=slow_disk,
        words=_words,
        name="Slow disk measured",
        formula="Writes of the node's that its cgroup counted, by the time between begin and end, "
        f"at most {SHARE_ERROR:.0%} more than asked; and the 95th percentile of the node's own "
        f"fsyncs, in the {BEFORE_NS / 1e9:g} s before and during.",
        left_out="What the kernel writes on its own account: the file system's journal.",
        assumes="The kernel counts what it let pass.",
    ),
    FaultCheck(
        kinds=("disk_full",),
        measure=disk_full,
        words=_words,
        name="Full disk measured",
        formula="Room left when it ended; when the node said that its disk failed, after which "
        "it may sign nothing; where it resumed. In the simulator it ends at once.",
        left_out="A node that found room to write on.",
        assumes="A node's events are on another file system.",
    ),
    FaultCheck(
        kinds=("read_only",),
        measure=read_only,
        words=_words,
        name="Read-only disk measured",
        formula="When the node said that its disk failed, which it must, and after which it may "
        "sign nothing; where it resumed. In the simulator it ends at once.",
        left_out="What the node had open, which the kernel lets it write.",
        assumes="A node's events are on another file system, and it looks once a second.",
    ),
)
