"""Cuts a trial's time into phases and says, for each stretch, who can reach finality. Pure."""

import itertools
from collections.abc import Iterator, Mapping, Sequence

from metrics.model.plan import BASELINE, WARMUP, Phase, PlannedFault, Quorum
from metrics.model.sides import between


def cut(
    faults: Sequence[PlannedFault], *, warmup_ns: int, settle_ns: int, end_ns: int
) -> list[Phase]:
    """Return the phases of a trial, without gaps, in order.

    warmup (unless it has no length), baseline (up to the first fault), one a fault id (`a+b` where
    they overlap), recovery in each gap and for settle_ns after the last fault, then after.
    """
    phases = [Phase(name=WARMUP, start_ns=0, end_ns=warmup_ns)] if warmup_ns else []
    last_ns = max((fault.end_ns for fault in faults), default=0)
    first_ns = min((fault.at_ns for fault in faults), default=end_ns)
    marks = {warmup_ns, end_ns, last_ns + settle_ns}
    for fault in faults:
        marks |= {fault.at_ns, fault.end_ns}
    for start_ns, stop_ns in _stretches(marks, warmup_ns, end_ns):
        active = [fault.id for fault in faults if _active(fault, start_ns)]
        if active:
            name = "+".join(active)
        elif start_ns < first_ns:
            name = BASELINE
        else:
            name = "recovery" if start_ns < last_ns + settle_ns else "after"
        if phases and phases[-1].name == name:
            start_ns = phases.pop().start_ns
        phases.append(Phase(name=name, start_ns=start_ns, end_ns=stop_ns))
    return phases


def quorum(
    faults: Sequence[PlannedFault],
    weights: Mapping[str, int],
    *,
    needed: int,
    clock_limit_ns: int,
    end_ns: int,
) -> list[Quorum]:
    """Return, for each stretch between changes, the hosts whose producers can act together.

    A stretch ends where one of them leaves or another joins. weights maps host to its number of
    producers, needed is how many of them finality takes. A host whose injected clock error is
    beyond the limit abstains: it still confirms nothing, so it does not count.
    """
    marks = {0, end_ns}
    for fault in faults:
        marks |= {fault.at_ns, fault.end_ns}
    result: list[Quorum] = []
    for start_ns, stop_ns in _stretches(marks, 0, end_ns):
        active = [fault for fault in faults if _active(fault, start_ns)]
        mute = _mute(active, clock_limit_ns)
        groups = [
            [host for host in group if weights[host] and host not in mute]
            for group in components(active, list(weights))
        ]
        able = max(groups, key=lambda group: sum(weights[host] for host in group))
        # As many others are no continuation: who comes back is not connected at once.
        if result and result[-1].hosts == able:
            start_ns = result.pop().from_ns
        live = sum(weights[host] for host in able)
        result.append(Quorum(
            from_ns=start_ns, to_ns=stop_ns, hosts=able, live=live, needed=needed,
            finality_expected=live >= needed,
        ))  # fmt: skip
    return result


def unreachable_max(
    faults: Sequence[PlannedFault], hosts: Sequence[str], end_ns: int
) -> tuple[int, str]:
    """Return the most hosts ever down or cut off from the largest group at once, and when (ids)."""
    worst = (0, "")
    marks = {fault.at_ns for fault in faults} | {0}
    for start_ns, _ in _stretches(marks, 0, end_ns):
        active = [fault for fault in faults if _active(fault, start_ns)]
        down = _down(active)
        largest = max(len(set(group) - down) for group in components(active, hosts))
        worst = max(worst, (len(hosts) - largest, "+".join(fault.id for fault in active)))
    return worst


def components(active: Sequence[PlannedFault], hosts: Sequence[str]) -> list[list[str]]:
    """Return hosts in groups that the active faults leave able to talk to each other.

    Blocks travel over third hosts. A pair cut one way counts as cut: its connection needs both.
    """
    severed = {pair for fault in active for pair in _severed(fault, hosts)}
    groups: list[list[str]] = []
    left = list(hosts)
    while left:
        group = [left.pop(0)]
        for one in group:
            near = [host for host in left if frozenset((one, host)) not in severed]
            group += near
            left = [host for host in left if host not in near]
        groups.append([host for host in hosts if host in group])
    return groups


def _severed(fault: PlannedFault, hosts: Sequence[str]) -> set[frozenset[str]]:
    """Return the pairs of hosts between which nothing passes while the fault is active."""
    if not fault.kind.cuts(fault.asked):
        return set()
    if fault.kind.targets == "hosts":
        return {frozenset((a, b)) for a in fault.targets for b in hosts if a != b}
    return {frozenset(pair) for pair in between(fault)}


def _down(active: Sequence[PlannedFault]) -> set[str]:
    return {host for fault in active if fault.kind.stops for host in fault.targets}


def _mute(active: Sequence[PlannedFault], clock_limit_ns: int) -> set[str]:
    skewed = {
        host
        for fault in active
        if fault.kind.clock_error_ns(fault.asked, fault.for_ns or 0) >= clock_limit_ns
        for host in fault.targets
    }
    absent = {host for fault in active if fault.kind.abstains for host in fault.targets}
    return skewed | absent | _down(active)


def _active(fault: PlannedFault, at_ns: int) -> bool:
    return fault.at_ns <= at_ns < fault.end_ns


def _stretches(marks: set[int], from_ns: int, to_ns: int) -> Iterator[tuple[int, int]]:
    inside = sorted(mark for mark in {*marks, from_ns, to_ns} if from_ns <= mark <= to_ns)
    return itertools.pairwise(inside)
