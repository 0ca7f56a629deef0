"""A host's clock as its events show it: wall time against the raw monotonic clock, and true time.

No other host is needed to see a clock move. A process that is held up between its two readings puts
one stamp far off, so medians of many are read, never one.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

import numpy as np

from metrics.fault_checks import fault_records
from metrics.fault_checks.effect_gaps import STEP_NS, Stretch
from metrics.fault_checks.probe_bursts import MARGIN_NS
from metrics.intake.trial import TrialData
from metrics.model.arrays import Floats, Ints
from metrics.model.plan import PlannedFault

BEFORE_NS = 20_000_000_000
BINS = 20
FEWEST = 4
KINDS = ("slot_due", "probe", "clock", "process")
"""Events whose two stamps tell of the clock: they come at all times."""


@dataclass(frozen=True, slots=True)
class Stamps:
    """A host's clock readings in a window, by raw monotonic time: when they were made (since T0),
    wall minus raw, and how far wall time is ahead of true time, between lo and hi.
    """

    mono: Ints
    t: Floats
    gap: Ints
    lo: Floats
    hi: Floats

    def middle(self) -> dict[str, float]:
        """Return the median offset from true time and the medians of its bounds, in ns."""
        p50 = (np.median(self.lo) + np.median(self.hi)) / 2
        return {"p50": float(p50), "lo": float(np.median(self.lo)), "hi": float(np.median(self.hi))}

    def part(self, chosen: Any) -> Stamps:
        """Return the readings chosen by a mask or by indexes."""
        return Stamps(
            self.mono[chosen], self.t[chosen], self.gap[chosen], self.lo[chosen], self.hi[chosen]
        )

    def steps(self, start_ns: float) -> list[Ints]:
        """Return the indexes of the readings of each measuring step from start_ns on, if any."""
        number = ((self.t - start_ns) // STEP_NS).astype(np.int64)
        return [np.flatnonzero(number == step) for step in np.unique(number)]


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line through readings: (mono, gap) on it, its rate and that rate's error, and how
    far the medians that it was drawn through lie off it at most, in ns.
    """

    mono: int
    gap: int
    slope: float
    slope_error: float
    scatter: float

    def above(self, stamps: Stamps) -> Floats:
        """Return how far each reading lies above the line, in ns."""
        found: Floats = (stamps.gap - self.gap) - self.slope * (stamps.mono - self.mono)
        return found

    def margin_ns(self, mono: int) -> float:
        """Return how far off the line a clock may be at mono by what was seen of its noise."""
        return self.scatter + self.slope_error * abs(mono - self.mono)


def before(data: TrialData, fault: PlannedFault, host: str) -> Stamps:
    """Return the host's stamps right before the fault, behind any other fault of its clock."""
    ends = [
        other.end_ns + 2 * MARGIN_NS
        for other in data.planned.faults
        if other.kind.moves_clock and host in other.targets and other.at_ns < fault.at_ns
    ]
    start_ns = max([fault.at_ns - BEFORE_NS, *ends])
    return stamps(data, host, (start_ns, fault.at_ns - MARGIN_NS))


def stamps(data: TrialData, host: str, window: Stretch) -> Stamps:
    """Return the host's clock readings in a window, all of one boot."""
    start_ns, end_ns = window
    own = [
        event
        for kind in KINDS
        for event in data.events(kind)
        if event.host == host and start_ns <= event.t_ns < end_ns
    ]
    own = sorted((e for e in own if e.boot == own[0].boot), key=lambda event: event.mono_ns)
    since = [event.wall_ns - data.file.t0_wall_ns for event in own]
    pairs = list(zip(since, own, strict=True))
    return Stamps(
        mono=np.asarray([event.mono_ns for event in own], dtype=np.int64),
        t=np.asarray([event.t_ns for event in own], dtype=np.float64),
        gap=np.asarray([event.wall_ns - event.mono_ns for event in own], dtype=np.int64),
        lo=np.asarray([t_ns - event.hi_ns for t_ns, event in pairs], dtype=np.float64),
        hi=np.asarray([t_ns - event.lo_ns for t_ns, event in pairs], dtype=np.float64),
    )


def judged_window(data: TrialData, fault: PlannedFault) -> Stretch:
    """Return the time in which the targets' clocks, or what they are told, must be as asked.

    A daemon needs a while to be led astray: it is judged by the last third of the fault.
    """
    start_ns, end_ns = fault_records.in_force_ns(data, fault)
    if fault.asked.get("level") == "daemon":
        start_ns = max(start_ns, fault.at_ns + 2 * (fault.end_ns - fault.at_ns) // 3)
    return start_ns + MARGIN_NS, min(end_ns, data.end_ns) - MARGIN_NS


def fit(found: Stamps) -> Line | None:
    """Return the line through the medians of up to 20 stretches; None with too few readings."""
    if len(found.mono) < FEWEST:
        return None
    parts = np.array_split(np.arange(len(found.mono)), min(BINS, len(found.mono) // 2))
    base_mono, base_gap = int(found.mono[0]), int(found.gap[0])
    x = np.asarray([np.median(found.mono[part] - base_mono) for part in parts])
    y = np.asarray([np.median(found.gap[part] - base_gap) for part in parts])
    spread = float(((x - x.mean()) ** 2).sum())
    if len(parts) < 2 or spread <= 0:
        return None
    slope = float(((x - x.mean()) * (y - y.mean())).sum()) / spread
    rest = y - y.mean() - slope * (x - x.mean())
    freedom = max(len(parts) - 2, 1)
    error = 3 * float(np.sqrt((rest**2).sum() / freedom / spread))
    mono, gap = base_mono + round(float(x.mean())), base_gap + round(float(y.mean()))
    return Line(mono, gap, slope, error, float(np.abs(rest).max()))


def offset(offsets: list[dict[str, float]]) -> dict[str, Any]:
    """Return {offset_ns: the clocks' offsets from true time}, widest over the targets."""
    if not offsets:
        return {}
    p50 = statistics.median(found["p50"] for found in offsets)
    low, high = min(found["lo"] for found in offsets), max(found["hi"] for found in offsets)
    return {"offset_ns": {"p50": round(p50), "lo": round(low), "hi": round(high)}}


def offset_text(found: dict[str, int]) -> str:
    """Return such an offset in words."""
    low, high = found["lo"] / 1e6, found["hi"] / 1e6
    return f"{found['p50'] / 1e6:+.1f} ms (within {low:+.1f} to {high:+.1f})"
