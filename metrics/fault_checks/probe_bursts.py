"""Bursts of probes between hosts on the time line, and which of them another fault disturbs."""

from collections.abc import Callable
from typing import NamedTuple

from faults.model.columns import Kind
from metrics.fault_checks import fault_records
from metrics.intake.trial import TrialData
from metrics.model.plan import BASELINE, PlannedFault
from metrics.model.sides import between

MARGIN_NS = 500_000_000
PROBE_WAIT_NS = 2_500_000_000
"""A burst of which something is missing is written this long after its last probe."""
BURST_NS = 200_000_000
"""From a burst's first probe to its last, at most, and to its being written once due."""
COLUMNS = "peer flow sent received t1_ns t4_ns rtts_ns"


Pair = tuple[str, str]


class Burst(NamedTuple):
    """One burst: when it was sent (since T0), when its best answer was back, and what came back.

    exact: t_ns is a stamp of the burst itself; else it is when the burst was given up.
    """

    host: str
    peer: str
    flow: str
    t_ns: float
    answered_ns: float
    exact: bool
    sent: int
    received: int
    rtts_ns: list[int]

    @property
    def pair(self) -> Pair:
        """Return both ends in order."""
        return min(self.host, self.peer), max(self.host, self.peer)

    @property
    def sent_ns(self) -> tuple[float, float]:
        """Return the interval in which its first probe was sent."""
        if self.exact:
            return self.t_ns - BURST_NS, self.t_ns
        return self.t_ns - PROBE_WAIT_NS - BURST_NS, self.t_ns - PROBE_WAIT_NS

    def inside(self, start_ns: float, end_ns: float) -> bool:
        """Return whether the whole burst, answers included, is in the window, margins taken off."""
        first, last = self.sent_ns
        back_ns = last + max(self.rtts_ns, default=0)
        return start_ns + MARGIN_NS <= first and back_ns <= end_ns - MARGIN_NS


def bursts(data: TrialData) -> list[Burst]:
    """Return every burst that can be placed on the time line."""
    found = []
    for e in data.events("probe", COLUMNS):
        if e.t_ns == e.t_ns:
            t_ns = e.t_ns - (e.mono_ns - e.t1_ns) if e.t1_ns else e.t_ns
            back_ns = e.t_ns - (e.mono_ns - e.t4_ns) if e.t4_ns else t_ns
            found.append(
                Burst(e.host, e.peer, e.flow, t_ns, back_ns, bool(e.t1_ns), e.sent, e.received,
                      list(e.rtts_ns))
            )  # fmt: skip
    return found


def during(
    data: TrialData, fault: PlannedFault, found: list[Burst], disturbs: Callable[[Kind], bool]
) -> list[Burst]:
    """Return the path bursts of a fault's window that no other fault that disturbs them touches.

    The window begins when the slowest host had the fault in force. Where the others leave nothing,
    all of the window's.
    """
    begun_ns, _ = fault_records.in_force_ns(data, fault)
    own = [b for b in found if b.flow == "path" and b.inside(begun_ns, fault.end_ns)]
    others = [f for f in data.planned.faults if f.id != fault.id and disturbs(f.kind)]
    clear = [burst for burst in own if _clear(others, burst, data.end_ns)]
    return clear or own


class Beside(NamedTuple):
    """Path bursts of the time in which a fault was in force, and what to hold them against.

    under: by pair that was never without others, the faults that were in force at both.
    """

    during: list[Burst]
    before: list[Burst]
    under: dict[Pair, list[str]]

    @property
    def others(self) -> list[str]:
        """Return all of those faults."""
        return sorted({each for names in self.under.values() for each in names})


def beside(
    data: TrialData, fault: PlannedFault, found: list[Burst], disturbs: Callable[[Kind], bool]
) -> Beside:
    """Return the bursts with a fault and those without it, all else being equal for each pair.

    Where no other fault that disturbs touched a pair: those of the baseline. Where one always did:
    those under the very same others, before it began or after it ended.
    """
    others = [f for f in data.planned.faults if f.id != fault.id and disturbs(f.kind)]
    own = during(data, fault, found, disturbs)
    if not any(_clear(others, burst, data.end_ns) for burst in own) and _stacked(others):
        own = []
    reached = {burst.pair for burst in own}
    rest = [b for b in found if b.flow == "path" and b.pair not in reached]
    before = [b for b in found if b.flow == "path" and b.inside(*quiet_ns(data))]
    under: dict[Pair, list[str]] = {}
    for pair in sorted({burst.pair for burst in rest}):
        sides = _sides(data, fault, [burst for burst in rest if burst.pair == pair], others)
        if sides is not None:
            own = own + sides.during
            before = [burst for burst in before if burst.pair != pair] + sides.before
            under |= sides.under
    return Beside(own, before, under)


def _sides(
    data: TrialData, fault: PlannedFault, found: list[Burst], others: list[PlannedFault]
) -> Beside | None:
    """Return a pair's bursts with and without the fault under those others that leave most of both,
    None where none leave any.
    """
    begun_ns, _ = fault_records.in_force_ns(data, fault)
    by_under: dict[frozenset[str], tuple[list[Burst], list[Burst]]] = {}
    for burst in found:
        under = _under(others, burst, data.end_ns)
        with_it = burst.inside(begun_ns, fault.end_ns)
        if under and (with_it or _clear([fault], burst, data.end_ns)):
            by_under.setdefault(under, ([], []))[not with_it].append(burst)
    both = {under: sides for under, sides in by_under.items() if all(sides)}
    if not both:
        return None
    under = max(both, key=lambda each: (min(map(len, both[each])), sorted(each)))
    during, before = both[under]
    return Beside(during, before, {found[0].pair: sorted(under)})


def quiet_ns(data: TrialData) -> tuple[int, int]:
    """Return the window of the baseline (else of everything before the first fault)."""
    for phase in data.planned.phases:
        if phase.name == BASELINE:
            return phase.start_ns, phase.end_ns
    return 0, min((fault.at_ns for fault in data.planned.faults), default=data.end_ns)


def _stacked(others: list[PlannedFault]) -> bool:
    return any(fault.kind.stacks for fault in others)


def _clear(others: list[PlannedFault], burst: Burst, end_ns: int) -> bool:
    """Return whether none of the others touches the burst."""
    return not any(_touches(fault, burst, end_ns) for fault in others)


def _under(others: list[PlannedFault], burst: Burst, end_ns: int) -> frozenset[str]:
    """Return which of the others that add up were surely in force; none where any is in doubt."""
    touching = [f for f in others if _touches(f, burst, end_ns)]
    sure = all(f.kind.stacks and burst.inside(f.at_ns, f.end_ns) for f in touching)
    return frozenset(f.id for f in touching) if sure else frozenset()


def pairs_of(fault: PlannedFault) -> set[Pair]:
    """Return the pairs a fault acts between, each in order; none when it is one of hosts."""
    return {(min(pair), max(pair)) for pair in between(fault)}


def _touches(fault: PlannedFault, burst: Burst, end_ns: int) -> bool:
    over_ns = end_ns if fault.kind.reboots else fault.end_ns
    first, last = burst.sent_ns
    if last < fault.at_ns - MARGIN_NS or first > over_ns + MARGIN_NS:
        return False
    if fault.kind.targets != "hosts":
        return burst.pair in pairs_of(fault)
    return bool(set(fault.targets) & set(burst.pair))
