"""Each fault asked beside what was measured while it lasted, from probes and events alone.

State is decided by the agents' journals (read back on the host) and may only get worse by
measurement: an effect that is plainly not there makes the fault indeterminate.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from metrics import outages
from metrics.run_files import PlannedFault
from metrics.trial import TrialData

MARGIN_NS = 500_000_000
PROBE_WAIT_NS = 3_000_000_000
"""A burst of which nothing came back is written this long after it was sent, at most."""
EARLY_NS = 250_000_000
LATE_NS = 1_000_000_000
ON_TIME_REASONS = ("", "dead_man")
"""Why an agent ends a fault at its own deadline: itself, or by the timer that outlives it."""
BAD_STATES = ("failed", "indeterminate")


@dataclass(frozen=True, slots=True)
class FaultResult:
    """A fault of one trial: what was asked, what was measured, and what became of it."""

    id: str
    kind: str
    trial: int
    asked: dict[str, Any]
    measured: dict[str, Any]
    state: str
    how: str
    reason: str
    targets: list[str]
    groups: list[list[str]] | None
    start_ns: int
    end_ns: int
    ended_early: bool


class Burst(NamedTuple):
    """One burst of path probes: when it was sent (since T0), and what came back."""

    host: str
    peer: str
    t_ns: float
    exact: bool
    sent: int
    received: int
    rtts_ns: list[int]


def measure(data: TrialData) -> list[FaultResult]:
    """Return the planned faults of the trial with their evidence, in the plan's order."""
    bursts = list(_bursts(data))
    return [_result(data, fault, bursts) for fault in data.planned.faults]


def _result(data: TrialData, fault: PlannedFault, bursts: list[Burst]) -> FaultResult:
    state, reason, how = _reported(data, fault)
    match fault.fault:
        case "delay":
            measured, wrong = _delay(data, fault, bursts)
        case "partition":
            measured, wrong = _partition(fault, bursts)
        case "clock_step":
            measured, wrong = _clock_step(data, fault)
        case "kill" | "crash":
            measured, wrong = outages.kill(data, fault)
        case "pause":
            measured, wrong = outages.pause(data, fault)
        case "silent":
            measured, wrong = outages.silent(data, fault)
        case _:
            measured, wrong = {}, ""
    early, timing = _timing(data, fault)
    measured |= timing
    if wrong and state == "installed":
        state, reason = "indeterminate", wrong
    return FaultResult(
        id=fault.id,
        kind=fault.fault,
        trial=data.file.n,
        asked=fault.asked,
        measured=measured,
        state=state,
        how=how or fault.how,
        reason=reason,
        targets=fault.targets,
        groups=fault.groups,
        start_ns=fault.at_ns,
        end_ns=fault.end_ns,
        ended_early=early,
    )


def _reported(data: TrialData, fault: PlannedFault) -> tuple[str, str, str]:
    """Return (state, reason, how) as the agents of its targets report."""
    records = [record for record in data.agents if record.fault == fault.id]
    how = next((record.how for record in records if record.how), "")
    for record in records:
        if record.state in BAD_STATES:
            return "indeterminate", f"{record.host}: {record.reason or record.state}", how
    for record in records:
        if record.state == "skipped":
            return "skipped", f"{record.host}: {record.reason or 'skipped'}", how
    installed = {record.host for record in records if record.state == "installed"}
    missing = sorted(set(fault.targets) - installed)
    if missing or not installed:
        who = ", ".join(missing) or "any host"
        return "indeterminate", f"no proof of installation from {who}", how
    return "installed", "", how


def _timing(data: TrialData, fault: PlannedFault) -> tuple[bool, dict[str, Any]]:
    """Return (ended early, {start_error_ms, end_error_ms}): the worst host against the plan."""
    timing: dict[str, Any] = {}
    ended_early = _taken_back(data, fault)
    errors: dict[str, list[float]] = {"installed": [], "healed": []}
    for record in data.agents:
        if record.fault == fault.id and record.state in errors and record.t_ns is not None:
            planned = fault.at_ns if record.state == "installed" else fault.end_ns
            done = record.between_ns[1] if record.between_ns else record.t_ns
            errors[record.state].append(done - planned)
    if errors["installed"]:
        timing["start_error_ms"] = round(max(errors["installed"], key=abs) / 1e6, 3)
    if errors["healed"] and fault.end_ns > fault.at_ns:
        timing["end_error_ms"] = round(max(errors["healed"], key=abs) / 1e6, 3)
        ended_early = ended_early or min(errors["healed"]) < -EARLY_NS
        timing["healed_late"] = max(errors["healed"]) > LATE_NS
    return ended_early, timing


def _taken_back(data: TrialData, fault: PlannedFault) -> bool:
    """Return whether a host ended the fault for another reason than its deadline, before that.

    `heal`, `disarmed`, `lease_expired` and `agent_stopped` end it whatever the plan says; `failed`
    means that nobody knows how it ended. A fault without a deadline lasts to the plan's end.
    """
    due_ns = fault.end_ns if fault.end_ns > fault.at_ns else data.plan.end_ns
    for record in data.agents:
        if record.fault != fault.id:
            continue
        if record.state == "failed":
            return True
        if record.state == "healed" and record.reason not in ON_TIME_REASONS:
            done = record.between_ns[1] if record.between_ns else record.t_ns
            if done is None or done < due_ns:
                return True
    return False


def _bursts(data: TrialData) -> Iterator[Burst]:
    for event in data.events("probe", "peer flow sent received t1_ns rtts_ns"):
        peer, flow, sent, received, t1_ns, rtts = event.fields
        if flow == "path" and event.t_ns == event.t_ns:
            exact = bool(t1_ns)
            t_ns = event.t_ns - (event.mono_ns - t1_ns) if exact else event.t_ns
            yield Burst(event.host, peer, t_ns, exact, sent, received, list(rtts or ()))


def _inside(burst: Burst, start_ns: int, end_ns: int) -> bool:
    """Return whether the whole burst lies within the window, margins taken off."""
    if burst.exact:
        return start_ns + MARGIN_NS <= burst.t_ns <= end_ns - MARGIN_NS
    return start_ns + PROBE_WAIT_NS + MARGIN_NS <= burst.t_ns <= end_ns


def _pair(burst: Burst) -> tuple[str, str]:
    return min(burst.host, burst.peer), max(burst.host, burst.peer)


def _rtts(bursts: list[Burst], start_ns: int, end_ns: int) -> dict[tuple[str, str], list[int]]:
    found: dict[tuple[str, str], list[int]] = {}
    for burst in bursts:
        if _inside(burst, start_ns, end_ns):
            found.setdefault(_pair(burst), []).extend(burst.rtts_ns)
    return found


def _quiet(data: TrialData) -> tuple[int, int]:
    """Return the window of the baseline (else of everything before the first fault)."""
    for phase in data.planned.phases:
        if phase.name == "baseline":
            return phase.start_ns, phase.end_ns
    return 0, min((fault.at_ns for fault in data.planned.faults), default=data.end_ns)


def _delay(data: TrialData, fault: PlannedFault, bursts: list[Burst]) -> tuple[dict[str, Any], str]:
    """Return the median over pairs of (RTT during - RTT baseline)/2; no clock is involved."""
    before = _rtts(bursts, *_quiet(data))
    during = _rtts(bursts, fault.at_ns, fault.end_ns)
    wanted = {(min(p), max(p)) for p in fault.pairs} if fault.pairs else set(during)
    each = {
        pair: (statistics.median(during[pair]) - statistics.median(before[pair])) / 2
        for pair in sorted(wanted)
        if during.get(pair) and before.get(pair)
    }
    asked_ns = float(fault.asked.get("delay_ns", 0))
    if not each:
        return {"delay_ms": None, "pairs": {}}, "no path probes to measure the delay with"
    value = statistics.median(each.values())
    off = (value / asked_ns - 1) * 100 if asked_ns else 0.0
    measured = {
        "delay_ms": round(value / 1e6, 3),
        "difference_percent": round(off, 2),
        "pairs": {f"{a}-{b}": round(ns / 1e6, 3) for (a, b), ns in each.items()},
        "probes": sum(len(during[pair]) for pair in each),
    }
    return measured, (f"measured delay is off by {off:.0f} %" if abs(off) > 25 else "")


def _partition(fault: PlannedFault, bursts: list[Burst]) -> tuple[dict[str, Any], str]:
    """Return path probes sent and received across the cut and within the groups."""
    side = {host: i for i, group in enumerate(fault.groups or []) for host in group}
    across, within = [0, 0], [0, 0]
    for burst in bursts:
        if _inside(burst, fault.at_ns, fault.end_ns):
            same = side.get(burst.host, -1) == side.get(burst.peer, -1)
            into = within if same else across
            into[0] += burst.sent
            into[1] += burst.received
    measured = {
        "across_sent": across[0],
        "across_received": across[1],
        "within_sent": within[0],
        "within_received": within[1],
    }
    if across[1]:
        return measured, f"{across[1]} path probes crossed the partition"
    return measured, "" if across[0] else "no path probes to measure the partition with"


def _clock_step(data: TrialData, fault: PlannedFault) -> tuple[dict[str, Any], str]:
    """Return how far the targets' wall clocks moved against the line, and what NTP checks saw."""
    moved: dict[str, float] = {}
    for host in fault.targets:
        before, during = [], []
        for event in data.events("slot_due", "slot head_num lib_num"):
            if event.host == host:
                gap = event.wall_ns - data.file.t0_wall_ns - event.t_ns
                if fault.at_ns + MARGIN_NS < event.t_ns < fault.end_ns - MARGIN_NS:
                    during.append(gap)
                elif fault.at_ns - 10**10 < event.t_ns < fault.at_ns - MARGIN_NS:
                    before.append(gap)
        if before and during:
            moved[host] = statistics.median(during) - statistics.median(before)
    checks = [
        event.fields
        for event in data.events("clock", "offset_ns bound_ns verified reason source")
        if event.host in fault.targets
        and fault.at_ns < event.t_ns < fault.end_ns
        and event.fields[1]
    ]
    asked_ns = int(fault.asked.get("by_ns", 0))
    measured: dict[str, Any] = {
        "by_ms": {host: round(ns / 1e6, 3) for host, ns in moved.items()},
        "ntp_checks": len(checks),
    }
    if checks:
        offset, bound = max(((c[0], c[1]) for c in checks), key=lambda pair: abs(pair[0]))
        measured["ntp_offset_ms"] = round(offset / 1e6, 3)
        measured["ntp_bound_ms"] = round(bound / 1e6, 3)
    if len(moved) < len(fault.targets):
        return measured, "the target's clock was not seen before and during the fault"
    worst = max((abs(ns - asked_ns) for ns in moved.values()), default=0)
    wrong = worst > 10_000_000 + abs(asked_ns) // 20
    return measured, f"the clock moved {worst / 1e6:.0f} ms otherwise than asked" if wrong else ""
