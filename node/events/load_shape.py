"""The shape of a load, as plans and nodes' files have it, and when each transaction is due.

A rule that clients, the simulator, plans and reports share: pure, in whole nanoseconds. It stands
beside the events, which are all that reports know of a node: what was asked beside what was told.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from math import isqrt
from typing import Annotated, Literal

import msgspec

_RATE_UNIT_NS = 1000 * 1_000_000_000
"""rate_milli counts transactions per 1,000 s."""
GATHER_NS = 20_000_000
"""What is due so soon after the last request waits, to go in one; what comes alone goes at once.

So often a client also looks for answers, and tries again while the node does not take what is due.
"""
HOT_ACCOUNT = "hot"
MILLION = 1_000_000
MIXABLE = {"eosio": ("transfer_tokens", "vote"), "bitshares": ("propose", "vote")}
"""Operations by system of which no field follows from the chain's state: they can be drawn."""
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
_Positive = Annotated[int, msgspec.Meta(gt=0, le=2**62)]


class Ramp(msgspec.Struct, frozen=True, kw_only=True):
    """The rate goes evenly to to_milli within over_ns of the start, and stays there."""

    to_milli: _Count
    over_ns: _Positive


class Burst(msgspec.Struct, frozen=True, kw_only=True):
    """Each every_ns, the first time after every_ns, the rate is this one instead, for lasts_ns."""

    rate_milli: _Count
    lasts_ns: _Positive
    every_ns: _Positive


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """No rate: so many transactions are under way, and the next begins when one is `until`.

    turn_ns: none is sooner by what is predicted.
    """

    in_flight: _Count
    until: Literal["accepted", "irreversible"]
    turn_ns: _Positive


class LoadShape(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a load is beside a steady rate."""

    ramp: Ramp | None = None
    burst: Burst | None = None
    closed: Closed | None = None
    hot_ppm: Annotated[int, msgspec.Meta(ge=0, le=MILLION)] | None = None
    """How many of a million transfers go to the hot account; null: there is none."""
    mix: dict[str, Annotated[int, msgspec.Meta(ge=0, le=MILLION)]] = {}
    """How many of a million transactions are other operations than transfers, by their words."""

    def share(self, index: int, count: int) -> LoadShape:
        """Return what a host has of it, by its place among so many."""
        ramp, burst, closed = self.ramp, self.burst, self.closed
        if ramp:
            ramp = msgspec.structs.replace(ramp, to_milli=share_of(ramp.to_milli, index, count))
        if burst:
            milli = share_of(burst.rate_milli, index, count)
            burst = msgspec.structs.replace(burst, rate_milli=milli)
        if closed:
            in_flight = share_of(closed.in_flight, index, count)
            closed = msgspec.structs.replace(closed, in_flight=in_flight)
        return msgspec.structs.replace(self, ramp=ramp, burst=burst, closed=closed)


STEADY = LoadShape()


def share_of(whole: int, index: int, count: int) -> int:
    """Return what a host has of a whole that all share evenly, by its place among so many."""
    return whole // count + (index < whole % count)


@dataclass(frozen=True, slots=True)
class _Piece:
    """From from_ns on the rate is `rate`, and grows by slope each nanosecond; both are in the unit
    of their pace. before: twice the sum of the rate until then.
    """

    from_ns: int
    rate: int
    slope: int
    before: int

    def sum(self, until_ns: int) -> int:
        """Return twice the sum of the rate until then."""
        ns = until_ns - self.from_ns
        return self.before + (2 * self.rate + self.slope * ns) * ns

    def reaches_ns(self, total: int) -> int | None:
        """Return the time at which twice the sum of the rate comes to total; None for never."""
        more, rate, slope = total - self.before, self.rate, self.slope
        if slope:
            square = rate * rate + slope * more
            # The root is rounded so that the quotient is rounded down, whichever way it goes.
            root = isqrt(square) if slope > 0 or not square else isqrt(square - 1) + 1
            return self.from_ns + (root - rate) // slope
        return self.from_ns + more // (2 * rate) if rate else None


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Transaction n is due when the rate, summed up from start_ns on, comes to n, before end_ns.

    rate_milli is the rate at the start. Where nothing is due for a while, as between bursts, what
    is next is due when that ends.
    """

    rate_milli: int
    start_ns: int
    end_ns: int
    shape: LoadShape = STEADY

    @property
    def peak_milli(self) -> int:
        """Return the highest rate there may be."""
        ramp, burst, closed = self.shape.ramp, self.shape.burst, self.shape.closed
        if closed:
            return closed.in_flight * _RATE_UNIT_NS // closed.turn_ns
        return max(self.rate_milli, ramp.to_milli if ramp else 0, burst.rate_milli if burst else 0)

    def due_ns(self, n: int) -> int:
        """Return the time at which transaction n is due; end_ns where that is never."""
        total = n * self._one
        place = bisect_right(self._pieces, total, key=lambda piece: piece.before) - 1
        after_ns = self._pieces[place].reaches_ns(total)
        return self.end_ns if after_ns is None else self.start_ns + after_ns

    def first_from(self, now_ns: int) -> int:
        """Return the number of the first transaction due at now_ns or later."""
        return -(-self._sum(now_ns) // self._one)

    def asked(self, from_ns: int, to_ns: int) -> int:
        """Return how many transactions are due from one time on until another."""
        return self.first_from(min(to_ns, self.end_ns)) - self.first_from(min(from_ns, self.end_ns))

    def _sum(self, now_ns: int) -> int:
        """Return twice the sum of the rate until now_ns."""
        after_ns = max(0, now_ns - self.start_ns)
        place = bisect_right(self._pieces, after_ns, key=lambda piece: piece.from_ns) - 1
        return self._pieces[place].sum(after_ns)

    @property
    def _over_ns(self) -> int:
        """The unit of rates, so that those of a ramp are whole: its length."""
        return self.shape.ramp.over_ns if self.shape.ramp else 1

    @cached_property
    def _one(self) -> int:
        """Twice the sum of the rate that is one transaction."""
        return 2 * self._over_ns * _RATE_UNIT_NS

    @cached_property
    def _pieces(self) -> list[_Piece]:
        """The rate as straight lines, one after another; the last one goes on."""
        ramp, burst = self.shape.ramp, self.shape.burst
        times = {0, ramp.over_ns} if ramp else {0}
        if burst:
            for at_ns in range(burst.every_ns, self.end_ns - self.start_ns, burst.every_ns):
                times |= {at_ns, at_ns + burst.lasts_ns}
        pieces: list[_Piece] = []
        for at_ns in sorted(times):
            before = pieces[-1].sum(at_ns) if pieces else 0
            pieces.append(_Piece(at_ns, *self._rate(at_ns), before))
        return pieces

    def _rate(self, at_ns: int) -> tuple[int, int]:
        """The rate from then on, and by how much it grows each nanosecond."""
        ramp, burst, over_ns = self.shape.ramp, self.shape.burst, self._over_ns
        if burst and at_ns >= burst.every_ns and at_ns % burst.every_ns < burst.lasts_ns:
            return burst.rate_milli * over_ns, 0
        if ramp is None:
            return self.rate_milli, 0
        if at_ns >= over_ns:
            return ramp.to_milli * over_ns, 0
        slope = ramp.to_milli - self.rate_milli
        return self.rate_milli * over_ns + slope * at_ns, slope
