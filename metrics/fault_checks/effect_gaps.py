"""Stretches of a fault's window: where its effect was gone, and where nobody looked.

One measuring step is the second in which probes and stamps come. An effect that was gone in two of
them is no stray of a busy host: it vanished for a substantial part.
"""

import itertools
from collections.abc import Iterable

from metrics.intake.trial import TrialData
from metrics.model.plan import PlannedFault

Stretch = tuple[float, float]
"""From when to when, in ns since T0."""
STEP_NS = 1_000_000_000
GONE_STEPS = 2
"""So many measuring steps without the effect are no stray."""


def words(times: Iterable[float]) -> str:
    """Return `from 24.0 to 28.0 s` of the first and the last of some moments in ns since T0."""
    ordered = sorted(times)
    return f"from {ordered[0] / 1e9:.1f} to {ordered[-1] / 1e9:.1f} s"


def too_small(resolution: str) -> str:
    """Return the word for an effect that is below what can be seen of it."""
    return f"too small to see (resolution {resolution})"


def inside(times: Iterable[float], window: Stretch, margin_ns: float) -> list[float]:
    """Return the moments within the window, less a margin that is at most a quarter of it."""
    start, end = window
    off = min(margin_ns, max(end - start, 0.0) / 4)
    return sorted(t for t in times if start + off < t < end - off)


def unseen(times: Iterable[float], window: Stretch, longest_ns: float) -> Stretch | None:
    """Return the longest stretch of the window without any of the moments, None if none is
    longer than longest_ns.
    """
    start, end = window
    marks = [start, *sorted(t for t in times if start < t < end), end]
    gaps = list(itertools.pairwise(marks))
    worst = max(gaps, key=lambda gap: gap[1] - gap[0])
    return worst if worst[1] - worst[0] > longest_ns else None


def stopped(data: TrialData, fault: PlannedFault, host: str) -> bool:
    """Return whether another planned fault stops the whole host while this one lasts."""
    return any(
        other.kind.stops_host
        and host in other.targets
        and other.at_ns < fault.end_ns
        and fault.at_ns < (data.plan.end_ns if other.kind.reboots else other.end_ns)
        for other in data.planned.faults
        if other.id != fault.id
    )
