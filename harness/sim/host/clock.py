"""A host's clocks as functions of true time: a disciplined wall clock and a raw monotonic one.

The wall clock has an offset, a drift and a wander of its own; a fault adds a skew, kept apart so
that taking it back leaves nothing. The monotonic clock drifts too and knows no fault.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from node.timing.ntp_rules import HOLDOVER_PPM, clock_refusal

BILLION = 1_000_000_000
Times: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSpec:
    """How far a host's clocks are off by themselves.

    wander_ppb: how much the wall clock's drift may change at each turn of ten seconds (a bounded
    random walk). bound_ns: the error that an NTP check of this host admits.
    """

    offset_ns: int = 0
    drift_ppb: int = 0
    wander_ppb: int = 0
    mono_ppb: int = 0
    bound_ns: int = 200_000


GOOD_CLOCK = ClockSpec()


class HostClock:
    """Mutable: a piecewise linear wall clock.

    before_turn is called before it runs otherwise: whoever reads past times must do that then.
    """

    __slots__ = (
        "_mono_base_ns", "_mono_ppb", "_offset_ns", "_ppb", "_served_ns", "_since_ns", "_skew_ns",
        "_skew_ppb", "_skew_since_ns", "_start_ns", "_unserved_since_ns", "before_turn", "spec",
    )  # fmt: skip

    def __init__(self, spec: ClockSpec, *, start_ns: int, mono_base_ns: int) -> None:
        self.spec = spec
        self.before_turn: Callable[[], None] = lambda: None
        self._start_ns = self._since_ns = self._skew_since_ns = start_ns
        self._offset_ns, self._ppb = spec.offset_ns, spec.drift_ppb
        self._skew_ns = self._skew_ppb = self._served_ns = 0
        self._unserved_since_ns: int | None = None
        self._mono_base_ns, self._mono_ppb = mono_base_ns, spec.mono_ppb

    def wall_ns(self, now_ns: int) -> int:
        """Return what the host's wall clock shows at true time now_ns."""
        shown_ns = now_ns + self._offset_ns + (now_ns - self._since_ns) * self._ppb // BILLION
        if not self._skew_ns and not self._skew_ppb:
            return shown_ns
        skew_ns = self._skew_ns + (now_ns - self._skew_since_ns) * self._skew_ppb // BILLION
        return shown_ns + skew_ns

    def offset_ns(self, now_ns: int) -> int:
        """Return how far the wall clock is ahead of true time."""
        return self.wall_ns(now_ns) - now_ns

    def shown_ns(self, now_ns: Times) -> tuple[Times, Times]:
        """Return what wall and monotonic clock show at many true times, as it runs now."""
        wall_ns = now_ns + self._offset_ns + _gained(now_ns - self._since_ns, self._ppb)
        if self._skew_ns or self._skew_ppb:
            wall_ns += self._skew_ns + _gained(now_ns - self._skew_since_ns, self._skew_ppb)
        passed_ns = now_ns - self._start_ns
        return wall_ns, self._mono_base_ns + passed_ns + _gained(passed_ns, self._mono_ppb)

    def mono_ns(self, now_ns: int) -> int:
        """Return the raw monotonic clock at true time now_ns."""
        passed_ns = now_ns - self._start_ns
        return self._mono_base_ns + passed_ns + passed_ns * self._mono_ppb // BILLION

    def true_ns(self, wall_ns: int, now_ns: int) -> int:
        """Return the time from now_ns on when the wall clock first shows wall_ns, now if past."""
        missing_ns = wall_ns - self.wall_ns(now_ns)
        if missing_ns <= 0:
            return now_ns
        rate = BILLION + self._ppb + self._skew_ppb
        found_ns = now_ns + missing_ns * BILLION // rate
        while self.wall_ns(found_ns) < wall_ns:
            found_ns += 1
        return found_ns

    def skew(self, now_ns: int, *, offset_ns: int = 0, drift_ppb: int = 0) -> None:
        """Put an injected skew in place of the one before; all zero takes it back."""
        self.before_turn()
        self._skew_ns, self._skew_ppb, self._skew_since_ns = offset_ns, drift_ppb, now_ns

    def serve(self, now_ns: int, *, offset_ns: int = 0, answer: bool = True) -> None:
        """Let the host's time servers answer that much ahead of true time, or not at all."""
        self._served_ns = offset_ns
        self._unserved_since_ns = None if answer else now_ns

    @property
    def served(self) -> bool:
        """Return whether the host's time servers answer."""
        return self._unserved_since_ns is None

    def checked(self, now_ns: int) -> tuple[int, int]:
        """Return the offset that an NTP check finds, and the error it admits.

        Without an answer the bound of the last one grows.
        """
        bound_ns = self.spec.bound_ns
        if self._unserved_since_ns is not None:
            bound_ns += (now_ns - self._unserved_since_ns) * HOLDOVER_PPM // 10**6
        return self.wall_ns(now_ns) - now_ns - self._served_ns, bound_ns

    def turn(self, now_ns: int, drift_ppb: int) -> None:
        """Let the wall clock drift otherwise from now on, without a jump."""
        self.before_turn()
        self._offset_ns += (now_ns - self._since_ns) * self._ppb // BILLION
        self._ppb, self._since_ns = drift_ppb, now_ns

    @property
    def drift_ppb(self) -> int:
        """Return the wall clock's own drift now."""
        return self._ppb


class Stamps:
    """The monotonic clocks of several hosts, read many times at once."""

    def __init__(self, clocks: Sequence[HostClock]) -> None:
        fields = [(clock._start_ns, clock._mono_base_ns, clock._mono_ppb) for clock in clocks]
        self._start_ns, self._base_ns, self._ppb = np.array(fields, dtype=np.int64).T

    def mono_ns(self, now_ns: Times) -> Times:
        """Return what the clocks show at true times, whose second axis is the clock.

        One clock shows all times. The same to the nanosecond as each clock says.
        """
        axes = (-1, *(1,) * (now_ns.ndim - 2))
        start_ns, base_ns, ppb = (
            one.reshape(axes) for one in (self._start_ns, self._base_ns, self._ppb)
        )
        passed_ns = now_ns - start_ns
        shown_ns: Times = base_ns + passed_ns + _gained(passed_ns, ppb)
        return shown_ns


def _gained(passed_ns: Times, ppb: Times | int) -> Times:
    """What clocks that drift so gain in that time; seconds apart, so that 64 bits hold it."""
    whole = passed_ns // BILLION
    gained: Times = whole * ppb + (passed_ns - whole * BILLION) * ppb // BILLION
    return gained


def refusal(offset_ns: int, bound_ns: int, limit_ns: int | None) -> str | None:
    """Return why a node with that clock must not produce.

    A model of the NTP check, by the node's own rule: the check answers at once and knows the
    offset exactly, within its bound.
    """
    return None if limit_ns is None else clock_refusal(offset_ns, bound_ns, limit_ns) or None
