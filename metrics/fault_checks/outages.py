"""What was seen of nodes and hosts that were killed, stopped, cut off or kept from producing: from
their own events, and from the probes of the others.
"""

import itertools
from typing import Any

from metrics.fault_checks import effect_gaps, fault_records
from metrics.fault_checks.fault_check import AS_ASKED, FaultCheck, Found
from metrics.fault_checks.probe_bursts import MARGIN_NS, Burst
from metrics.intake.trial import SLOT_DUE, TrialData
from metrics.model.plan import PlannedFault

STARTED = "role resumed_num resumed_lib"
OWN_SIGNS = ("slot_due", "probe", "clock", "started")
"""Events that show a host to be alive."""
NODE_SIGNS = (
    "slot_due", "process", "clock", "produced", "abstained", "peer", "started", "received",
    "applied", "irreversible", "txs",
)  # fmt: skip
"""Events that show its node to be alive: some of them come in every slot and second."""
SURE_NS = 1_000_000_000
"""Events right after a clock stood still cannot be placed: before or after it."""


def kill(data: TrialData, fault: PlannedFault, _: list[Burst]) -> Found:
    """Return how long each target was silent, and where it resumed.

    Wrong is any line that a node wrote in its down time, half a second off either end: the dead
    write nothing, and one that is back before its time was not down for as long as asked.
    """
    down: dict[str, float] = {}
    resumed = starts_of(data, fault)
    for host in fault.targets:
        last = max(
            (e.t_ns for e in data.events("slot_due", SLOT_DUE)
             if e.host == host and e.t_ns <= fault.at_ns + MARGIN_NS
             and e.t_ns / 1e9 < resumed.get(host, {}).get("t_s", float("inf"))),
            default=None,
        )  # fmt: skip
        if host in resumed and last is not None:
            down[host] = round(resumed[host]["t_s"] - max(last, fault.at_ns) / 1e9, 3)
    measured = {"down_s": down, "resumed": resumed}
    alive = [text for host in fault.targets for text in _wrote(data, fault, host)]
    if alive:
        return measured, "; ".join(alive)
    if fault.asked.get("restart_after_ns") and len(resumed) < len(fault.targets):
        return measured, "the killed node was not seen again"
    return measured | {"judged": AS_ASKED}, ""


def pause(data: TrialData, fault: PlannedFault, found: list[Burst]) -> Found:
    """Return the longest time without a slot that each target wrote around the fault, in s, and
    how many of the others' clock probes its host answered meanwhile: the host itself goes on.

    Wrong is any line that the node wrote in its pause, half a second off either end.
    """
    frozen: dict[str, float] = {}
    asked = [] if data.plan.simulated else [
        b for b in found
        if b.flow == "clock" and b.peer in fault.targets and b.inside(fault.at_ns, fault.end_ns)
    ]  # fmt: skip
    answers = {"answered": sum(b.received for b in asked), "sent": sum(b.sent for b in asked)}
    for host in fault.targets:
        times = [
            e.t_ns
            for e in data.events("slot_due", SLOT_DUE)
            if e.host == host and e.t_ns <= fault.end_ns + 4 * MARGIN_NS
        ]
        gaps = [b - a for a, b in itertools.pairwise(times) if b > fault.at_ns]
        frozen[host] = round(max(gaps, default=0.0) / 1e9, 3)
    measured = {"frozen_s": frozen, "host": answers}
    awake = [text for host in fault.targets for text in _wrote(data, fault, host)]
    if awake:
        return measured, "; ".join(awake)
    # A running node may be silent for so long, too: a slot, or the second between two figures.
    shortest_ns = effect_gaps.GONE_STEPS * max(data.plan.slot_ns, effect_gaps.STEP_NS)
    if min(fault.end_ns, data.end_ns) - fault.at_ns < shortest_ns:
        return measured | {"judged": effect_gaps.too_small(f"{shortest_ns / 1e9:g} s")}, ""
    return measured | {"judged": AS_ASKED}, ""


def _wrote(data: TrialData, fault: PlannedFault, host: str) -> list[str]:
    """Return a finding where the host's node wrote although the fault was in force.

    Where another fault of the host takes its node's death back, the time up to then counts.
    """
    start_ns, end_ns = fault_records.in_force_ns(data, fault)
    ends = [
        other.end_ns
        for other in data.planned.faults
        if other.id != fault.id
        and other.kind.victim == "dead"
        and host in other.targets
        and start_ns < other.end_ns
    ]
    window = start_ns, min([end_ns, *ends])
    times = [
        event.t_ns
        for kind in NODE_SIGNS
        for event in data.events(kind, SLOT_DUE if kind == "slot_due" else "")
        if event.host == host and event.node == host
    ]
    signs = effect_gaps.inside(times, window, MARGIN_NS)
    return [f"{host}'s node wrote {effect_gaps.words(signs)}"] if signs else []


def silent(data: TrialData, fault: PlannedFault, _: list[Burst]) -> Found:
    """Return how many slots each target left empty on request while the fault lasted."""
    left = dict.fromkeys(fault.targets, 0)
    for event in data.events("abstained", "reason"):
        inside = fault.at_ns <= event.t_ns < fault.end_ns
        if inside and event.host in left and event.reason == "silent":
            left[event.host] += 1
    return {"left_empty": left}, ""


def stands_still(data: TrialData, fault: PlannedFault, found: list[Burst]) -> Found:
    """Return how long each target was silent, as [at least, at most] s, as others saw it.

    Host and node alike; a host that lost its power comes back with another boot id, else it
    keeps its own. Simulated hosts have no power and no boot of their own: only their nodes stop.
    """
    if data.plan.simulated and fault.kind.stops_host:
        return kill(data, fault, found) if fault.kind.reboots else pause(data, fault, found)
    silent: dict[str, list[float | None]] = {}
    wrong = []
    in_force = fault_records.in_force_ns(data, fault)
    for host in fault.targets:
        least_ns, most_ns = silence_of(data, fault, host, found)
        alive = effect_gaps.inside(_life_of(data, fault, host, found), in_force, MARGIN_NS)
        silent[host] = [round(least_ns / 1e9, 3), None if most_ns is None else
                        round(most_ns / 1e9, 3)]  # fmt: skip
        lasted_ns = min(fault.end_ns, data.end_ns) - fault.at_ns
        if alive:
            wrong.append(f"{host} was alive {effect_gaps.words(alive)}")
        elif most_ns is None:
            wrong.append(f"{host} was not seen again by the end")
        elif most_ns < lasted_ns - 2 * MARGIN_NS:
            wrong.append(f"{host} was silent for {most_ns / 1e9:.1f} s at most")
        elif fault.kind.reboots and not booted(data, fault, host):
            wrong.append(f"{host} did not boot again")
        elif not fault.kind.reboots and data.boots(host) > 1:
            wrong.append(f"{host} rebooted")
    measured: dict[str, Any] = {"silent_s": silent}
    if fault.kind.reboots:
        measured["resumed"] = starts_of(data, fault)
    return measured | ({} if wrong else {"judged": AS_ASKED}), "; ".join(wrong)


def booted(data: TrialData, fault: PlannedFault, host: str) -> bool:
    """Return whether the host booted: a new boot id, or, where machines are shared and have one,
    its prober anew, which nothing but a boot starts again.
    """
    starts = data.events("started", STARTED)
    again = any(e.host == host and e.role == "probe" and e.t_ns > fault.at_ns for e in starts)
    return again or data.boots(host) > 1


def silence_of(
    data: TrialData, fault: PlannedFault, host: str, found: list[Burst]
) -> tuple[float, float | None]:
    """Return (least, most) ns of the host's longest silence around the fault.

    It was silent at least from the first to the last probe that it left unanswered, at most from
    the last answer before to the first one after; most is None when none came after. A link that
    is down leaves the host writing, so its own events count for the other two faults only.
    """
    asked = _asked(data, host, found)
    alive = _life_of(data, fault, host, found)
    latest_ns = fault.end_ns + 4 * MARGIN_NS
    gaps = [(a, b) for a, b in itertools.pairwise(alive) if a < latest_ns and b > fault.at_ns]
    last_ns = alive[-1] if alive else 0.0
    if not alive or last_ns < latest_ns:
        gaps.append((last_ns, float("inf")))
    begin, end = max(gaps, key=lambda gap: gap[1] - gap[0])
    # A first probe may be a little older than it seems; what counts is sure to be in between.
    lost = [b.sent_ns for b in asked if not b.received]
    inside = [(first, last) for first, last in lost if begin < last and first < end]
    least_ns = (
        max(first for first, _ in inside) - min(last for _, last in inside) if inside else 0.0
    )
    return max(least_ns, 0.0), None if end == float("inf") else end - begin


def _asked(data: TrialData, host: str, found: list[Burst]) -> list[Burst]:
    """Return the others' bursts to the host that tell whether it lives."""
    # Simulated probers of the clock flow are never disturbed: there the path flow tells.
    flow = "path" if data.plan.simulated else "clock"
    return [b for b in found if b.peer == host and b.flow == flow]


def _life_of(data: TrialData, fault: PlannedFault, host: str, found: list[Burst]) -> list[float]:
    """Return the moments at which the host is known to have lived, in order.

    A link that is down leaves the host writing: there only its answers count.
    """
    alive = [b.answered_ns for b in _asked(data, host, found) if b.received]
    if fault.kind.stops_host:
        alive += [e.t_ns for kind in OWN_SIGNS for e in data.events(kind)
                  if e.host == host and e.hi_ns - e.lo_ns < SURE_NS]  # fmt: skip
    return sorted(alive)


def starts_of(data: TrialData, fault: PlannedFault) -> dict[str, Any]:
    """Return by target when its node started again, and at which head and final block."""
    resumed: dict[str, Any] = {}
    for event in data.events("started", STARTED):
        if event.host in fault.targets and event.role == "node" and event.t_ns > fault.at_ns:
            at_s = round(event.t_ns / 1e9, 3)
            entry = {"t_s": at_s, "head": event.resumed_num, "lib": event.resumed_lib}
            resumed.setdefault(event.host, entry)
    return resumed


def _words(found: dict[str, Any]) -> list[str]:
    parts = []
    resumed = found.get("resumed", {})
    for host, value in found.get("down_s", {}).items():
        parts.append(f"{host} silent for {value:.2f} s")
    for host, (least, most) in found.get("silent_s", {}).items():
        until = "s at least, not seen again" if most is None else f"to {most:.2f} s"
        parts.append(f"{host} silent for {least:.2f} {until}")
    for host, entry in resumed.items():
        parts.append(f"{host} resumed at block {entry['head']} (final up to {entry['lib']})")
    for host, value in found.get("frozen_s", {}).items():
        parts.append(f"{host}'s node wrote nothing for {value:.2f} s")
    if found.get("host", {}).get("sent"):
        own = found["host"]
        parts.append(f"the host answered {own['answered']} of {own['sent']} probes meanwhile")
    for host, count in found.get("left_empty", {}).items():
        parts.append(f"{host} left {count} slots empty")
    return parts


CHECKS = (
    FaultCheck(
        kinds=("kill", "crash"),
        measure=kill,
        words=_words,
        name="Kill measured",
        formula="From the node's last slot told (the kill, if that is later) to its next "
        "start, and at which blocks it resumed.",
        left_out="A node that is not started again.",
        assumes="A node tells every slot while it lives.",
    ),
    FaultCheck(
        kinds=("pause",),
        measure=pause,
        words=_words,
        name="Pause measured",
        formula="Longest time without a slot told around the fault, which must be half of it "
        "at least, and the clock probes that the host answered meanwhile.",
        left_out="Nothing.",
        assumes="A node tells every slot while it runs.",
    ),
    FaultCheck(
        kinds=("power_cut", "freeze_host", "link_down"),
        measure=stands_still,
        words=_words,
        name="Power cut, frozen host, link down measured",
        formula="Silence: at least from the first to the last probe it left unanswered, at most "
        "from the last sign of life before to the first after. A power cut must show a new boot, "
        "the others none. In the simulator only the node stops, and its slots told tell how long.",
        left_out="Of a link that is down the host's own events, as it goes on writing.",
        assumes="A host that lives answers clock probes, which nothing else disturbs.",
    ),
    FaultCheck(
        kinds=("silent",),
        measure=silent,
        words=_words,
        name="Silent producer measured",
        formula="Slots the node left empty on request while the fault lasted.",
        left_out="Nothing.",
        assumes="The simulated node tells why it left a slot.",
    ),
)
