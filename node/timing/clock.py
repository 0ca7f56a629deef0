"""The node's two clocks, and the judge that says whether its wall clock may be trusted with a slot.

`NodeClock` reads: wall_ns is the machine's wall clock plus the skew a fault injected, mono_ns is
CLOCK_MONOTONIC_RAW, which no clock fault touches. `ClockJudge` decides, without reading anything:
it is told samples and wakes and answers with a `ClockVerdict`. `ntp` asks the servers.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from node.timing.ntp_rules import HOLDOVER_PPM, clock_refusal
from node.timing.skew_file import SkewFile, skewed

STEP_NS = 10_000_000
"""wall - mono moving by more than this between two wakes is a step of the clock."""
LIMIT_NS_MAX = 2_500_000_000
SAMPLES_KEPT = 8

_PAIR_APART_NS = 100_000
_PAIR_ATTEMPTS = 5


class NodeClock:
    """The clocks as this node sees them. One object belongs to one thread."""

    __slots__ = ("_skew_file", "_skew_path")

    def __init__(self, skew_file: str | None = None) -> None:
        self._skew_path = skew_file
        self._skew_file = SkewFile(None if skew_file is None else Path(skew_file))

    def wall_ns(self) -> int:
        """Return nanoseconds since 1970 as the node believes, injected skew included."""
        mono_ns = self.mono_ns()
        return skewed(time.time_ns(), mono_ns, self._skew_file.read(mono_ns))

    def mono_ns(self) -> int:
        """Return CLOCK_MONOTONIC_RAW."""
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)

    def pair(self) -> tuple[int, int]:
        """Return (wall_ns, mono_ns) of one instant, for judging wall - mono.

        Read as mono, wall, mono until the two are within 100 us; after five attempts the tightest
        counts. Two plain calls would show a step whenever the scheduler came in between.
        """
        best: tuple[int, int, int] | None = None
        for _ in range(_PAIR_ATTEMPTS):
            before_ns = self.mono_ns()
            wall_ns = self.wall_ns()
            apart_ns = self.mono_ns() - before_ns
            if best is None or apart_ns < best[0]:
                best = apart_ns, wall_ns, before_ns + apart_ns // 2
            if apart_ns < _PAIR_APART_NS:
                break
        assert best is not None
        return best[1], best[2]

    def twin(self) -> NodeClock:
        """Return a clock that shows the same, for another thread."""
        return NodeClock(self._skew_path)

    def skew_ns(self) -> int:
        """Return how far the node's wall clock is ahead of the machine's (0 without a fault)."""
        mono_ns = self.mono_ns()
        return skewed(0, mono_ns, self._skew_file.read(mono_ns))


def majority(intervals: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """Return the ends of all that lies in more than half of the intervals; None: nothing does.

    When more than half of them hold the truth, so does what comes back. Source: the intersection
    algorithm of NTP (RFC 5905, section 11.2.1), without its search for the number of liars.
    """
    needed = len(intervals) // 2 + 1
    edges = sorted([(low, -1) for low, _ in intervals] + [(high, 1) for _, high in intervals])
    inside, found = 0, list[int]()
    for place, kind in edges:
        if kind > 0 and inside == needed:
            found.append(place)
        inside -= kind
        if kind < 0 and inside == needed:
            found.append(place)
    return (found[0], found[-1]) if found else None


def limit_for_slot(slot_ns: int) -> int:
    """Return the clock error at which a node stops producing: min(slot/4, 2.5 s)."""
    return min(slot_ns // 4, LIMIT_NS_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class NtpSample:
    """One exchange with a server.

    offset_ns = node's wall clock - the server's; bound_ns the error of that at the time (root
    dispersion + root delay/2 + rtt/2). mono_ns and wall_minus_mono_ns: the node's clocks meanwhile.
    """

    source: str
    offset_ns: int
    bound_ns: int
    rtt_ns: int
    stratum: int
    mono_ns: int
    wall_minus_mono_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockVerdict:
    """Whether the wall clock may be trusted.

    reason is "" when it may, else clock_unverified (no sample yet), clock_stepped (moved, not
    checked since), ntp_disagreement (no majority of the servers can be right together),
    clock_offset (too far off) or clock_bound (cannot tell well enough). offset_ns and bound_ns are
    what a majority of the servers says, aged to now; bound_ns is None when nobody can tell.
    """

    offset_ns: int
    bound_ns: int | None
    reason: str

    @property
    def verified(self) -> bool:
        """Return whether it may be trusted."""
        return not self.reason


class ClockJudge:
    """Decides on samples and wakes. Times are arguments; nothing is read here."""

    __slots__ = ("_last_mono_ns", "_last_wall_minus_mono_ns", "_limit_ns", "_samples", "_stepped")

    def __init__(self, limit_ns: int) -> None:
        self._limit_ns = limit_ns
        self._samples: dict[str, deque[NtpSample]] = {}
        self._last_mono_ns: int | None = None
        self._last_wall_minus_mono_ns = 0
        self._stepped: int | None = None

    def wake(self, wall_ns: int, mono_ns: int) -> bool:
        """Return True when the clock stepped since the last wake: all samples are void, check."""
        last_mono_ns, before_ns = self._last_mono_ns, self._last_wall_minus_mono_ns
        self._last_mono_ns, self._last_wall_minus_mono_ns = mono_ns, wall_ns - mono_ns
        moved_ns = wall_ns - mono_ns - before_ns
        if last_mono_ns is None or abs(moved_ns) <= STEP_NS:
            return False
        self._stepped = self.verdict(last_mono_ns).offset_ns + moved_ns
        self._samples.clear()
        return True

    def sample(self, sample: NtpSample) -> bool:
        """Return whether the sample counts: not when the clock has stepped since it was taken.

        Tell the judge a wake first, so that it compares with the clock of now. A server that says
        something else than it did is taken at its last word: it or this clock has changed.
        """
        moved_ns = sample.wall_minus_mono_ns - self._last_wall_minus_mono_ns
        if self._last_mono_ns is None or abs(moved_ns) > STEP_NS:
            return False
        kept = self._samples.setdefault(sample.source, deque(maxlen=SAMPLES_KEPT))
        if kept and not self._agree(kept, sample):
            kept.clear()
        kept.append(sample)
        self._stepped = None
        return True

    def verdict(self, mono_ns: int) -> ClockVerdict:
        """Return the verdict at mono_ns: what a majority of the servers agrees on.

        Each server counts by the tightest of its last 8 samples. A sample's bound grows 50 ppm with
        age, and by whatever wall - mono has moved since (slewed or drifting: which of the two is
        right is not known, so the bound covers both).
        """
        if self._stepped is not None:
            return ClockVerdict(offset_ns=self._stepped, bound_ns=None, reason="clock_stepped")
        if not self._samples:
            return ClockVerdict(offset_ns=0, bound_ns=None, reason="clock_unverified")
        agreed = majority([self._interval(kept, mono_ns) for kept in self._samples.values()])
        if agreed is None:
            return ClockVerdict(offset_ns=0, bound_ns=None, reason="ntp_disagreement")
        offset_ns = (agreed[0] + agreed[1]) // 2
        bound_ns = agreed[1] - offset_ns
        reason = clock_refusal(offset_ns, bound_ns, self._limit_ns)
        return ClockVerdict(offset_ns=offset_ns, bound_ns=bound_ns, reason=reason)

    def _agree(self, kept: deque[NtpSample], newest: NtpSample) -> bool:
        low_ns, high_ns = self._interval(kept, newest.mono_ns)
        return low_ns <= newest.offset_ns + newest.bound_ns and (
            newest.offset_ns - newest.bound_ns <= high_ns
        )

    def _interval(self, samples: deque[NtpSample], mono_ns: int) -> tuple[int, int]:
        """Return the lowest and highest offset one server allows."""
        bound_ns, offset_ns = min(
            (self._aged_bound_ns(sample, mono_ns), sample.offset_ns) for sample in samples
        )
        return offset_ns - bound_ns, offset_ns + bound_ns

    def _aged_bound_ns(self, sample: NtpSample, mono_ns: int) -> int:
        age_ns = max(0, mono_ns - sample.mono_ns)
        moved_ns = abs(self._last_wall_minus_mono_ns - sample.wall_minus_mono_ns)
        return sample.bound_ns + age_ns * HOLDOVER_PPM // 10**6 + moved_ns
