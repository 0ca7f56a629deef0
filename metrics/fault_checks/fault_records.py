"""What the agents' journals say of a fault: whether it was installed, when it began and ended.

Lateness is counted on each host's own schedule. How far the hosts were apart is counted on the
common time line, where the clocks' bound belongs to it.
"""

from itertools import permutations
from typing import Any, NamedTuple

import numpy as np

from faults.model.record import Record
from metrics.intake.clock_pairs import Epoch
from metrics.intake.trial import TrialData
from metrics.model.plan import PlannedFault

EARLY_NS = 50_000_000
"""A host's own record of the end, made on the clock of its schedule, may not be earlier by more."""
LATE_NS = 1_000_000_000
"""A begin that is later makes the fault doubtful; an end that is later is said."""
ON_TIME_REASONS = ("", "dead_man")
"""Why an agent ends a fault at its own deadline: itself, or by the timer that outlives it."""
BAD_STATES = ("failed", "indeterminate")
GONE = "ended_early"
"""How an agent's reason begins when it found a fault gone that should have been in force."""
BEGAN, ENDED = "installed", "healed"


class Change(NamedTuple):
    """One host's begin or end of a fault: it happened in [first_ns, last_ns] since its own T0."""

    epoch: Epoch
    first_ns: int
    last_ns: int
    mono_ns: int


def of_fault(data: TrialData, fault: PlannedFault) -> list[Record]:
    """Return the records of a fault, by time."""
    return [record for record in data.agents if record.fault_id == fault.id]


def last_read_back(data: TrialData, fault: PlannedFault, state: str) -> dict[str, dict[str, Any]]:
    """Return by host what its agent read back when the fault came into that state."""
    return {
        record.acted_on: record.read_back
        for record in of_fault(data, fault)
        if record.state == state and record.read_back
    }


def reported(data: TrialData, fault: PlannedFault) -> tuple[str, str, str]:
    """Return (state, reason, how) as the agents that act on its hosts report."""
    records = of_fault(data, fault)
    how = next((record.how for record in records if record.how), "")
    for record in records:
        if record.state in BAD_STATES:
            return "indeterminate", f"{record.acted_on}: {record.reason or record.state}", how
    for record in records:
        if record.state == "skipped":
            return "skipped", f"{record.acted_on}: {record.reason or 'skipped'}", how
    installed = {record.acted_on for record in records if record.state == BEGAN}
    missing = sorted(set(fault.acting) - installed)
    if missing or not installed:
        who = ", ".join(missing) or "any host"
        return "indeterminate", f"no proof of installation from {who}", how
    return "installed", "", how


def in_force_ns(data: TrialData, fault: PlannedFault) -> tuple[int, int]:
    """Return the stretch (since T0) in which the fault was in force on every host that had it."""
    began = [change.last_ns for change in _changes(data, fault, BEGAN)]
    ended = [change.first_ns for change in _changes(data, fault, ENDED)]
    return max([fault.at_ns, *began]), min([fault.end_ns, *ended])


def timing(data: TrialData, fault: PlannedFault) -> tuple[bool, dict[str, Any]]:
    """Return (ended early, what was measured of begin and end).

    start_error_ms, end_error_ms: the worst host against the plan. apply, heal: {late_ms: [least,
    most], spread_ms: last minus first host on the common time line, bound_ms: the error of that}.
    """
    found: dict[str, Any] = {}
    early = _taken_back(data, fault)
    began, ended = _changes(data, fault, BEGAN), _changes(data, fault, ENDED)
    if began:
        errors = [change.last_ns - fault.at_ns for change in began]
        found["start_error_ms"] = round(max(errors, key=abs) / 1e6, 3)
        found["apply"] = _spread(data, began, fault.at_ns)
    if ended and not fault.open:
        errors = [change.last_ns - fault.end_ns for change in ended]
        found["end_error_ms"] = round(max(errors, key=abs) / 1e6, 3)
        found["healed_late"] = max(errors) > LATE_NS
        found["heal"] = _spread(data, ended, fault.end_ns)
        if min(errors) < -EARLY_NS:
            early = True
            found["early_ms"] = round(-min(errors) / 1e6, 3)
    return early, found


def unended(data: TrialData, fault: PlannedFault) -> str:
    """Return why nobody can say when the fault ended, "" when every host that acted told it.

    Of a fault that lasts to the end of the trial, or beyond what was observed, none is asked.
    """
    if fault.open or fault.end_ns >= data.end_ns:
        return ""
    told = {record.acted_on for record in of_fault(data, fault) if record.state == ENDED}
    silent = sorted(set(fault.acting) - told)
    return f"no record of its end from {', '.join(silent)}" if silent else ""


def late_end(data: TrialData, fault: PlannedFault) -> str:
    """Return how late a fault ended, "" when its last host began to end it at most LATE_NS late."""
    if fault.open:
        return ""
    late_ns = max((c.first_ns - fault.end_ns for c in _changes(data, fault, ENDED)), default=0)
    return f"ended {late_ns / 1e9:.1f} s late" if late_ns > LATE_NS else ""


def late_begin(found: dict[str, Any]) -> str:
    """Return how late a fault began by its timing, "" when that was at most LATE_NS."""
    most_ms: float = found["apply"]["late_ms"][1] if "apply" in found else 0.0
    return f"began {most_ms / 1e3:.1f} s late" if most_ms * 1e6 > LATE_NS else ""


def when(data: TrialData, fault: PlannedFault, host: str, state: str) -> Change | None:
    """Return the change of a fault into a state on a host; None where it told nothing of that."""
    own = (each for each in _changes(data, fault, state) if each.epoch.host == host)
    return next(own, None)


def _changes(data: TrialData, fault: PlannedFault, state: str) -> list[Change]:
    found = []
    for record in of_fault(data, fault):
        if record.state == state and record.t_ns is not None:
            first_ns, last_ns = record.between_ns or (record.t_ns, record.t_ns)
            mono_ns = record.mono_ns - (record.t_ns - (first_ns + last_ns) // 2)
            found.append(Change(data.epoch_of(record), first_ns, last_ns, mono_ns))
    return found


def _spread(data: TrialData, changes: list[Change], due_ns: int) -> dict[str, Any]:
    late = [(change.first_ns + change.last_ns) // 2 - due_ns for change in changes]
    found: dict[str, Any] = {"late_ms": [round(edge(late) / 1e6, 3) for edge in (min, max)]}
    placed: list[tuple[float, float, float]] = []
    for change in changes:
        stamp = np.asarray([change.mono_ns], dtype=np.int64)
        related = data.timeline.to_reference(change.epoch, stamp)
        if related is None:
            return found
        low, high = int(related[0][0]), int(related[1][0])
        half_ns = (change.last_ns - change.first_ns) // 2
        placed.append(((low + high) / 2, low - half_ns, high + half_ns))
    if len(placed) > 1:
        middles = [middle for middle, _, _ in placed]
        spread = max(middles) - min(middles)
        # The first and the last may be others than those whose middles are: any two may be.
        most = max(high - low for (_, low, _), (_, _, high) in permutations(placed, 2))
        found["spread_ms"] = round(spread / 1e6, 3)
        found["bound_ms"] = round((most - spread) / 1e6, 3)
    return found


def _taken_back(data: TrialData, fault: PlannedFault) -> bool:
    """Return whether a host ended the fault for another reason than its deadline, before that.

    `heal`, `disarmed`, `lease_expired` and `agent_stopped` end it whatever the plan says. A fault
    without a deadline lasts to the plan's end.
    """
    for record in of_fault(data, fault):
        if record.state == "failed" and record.reason.startswith(GONE):
            return True
        if record.state == ENDED and record.reason not in ON_TIME_REASONS:
            done = record.between_ns[1] if record.between_ns else record.t_ns
            if done is None or done < fault.end_ns:
                return True
    return False
