"""The load of a campaign: how many transactions begin when, and what they are."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from harness.campaign.values import Duration, Part, Rate, Size, Strict
from harness.notation.units import text_of_ns
from node.events.load_shape import GATHER_NS, MILLION, MIXABLE, Burst, Closed, LoadShape, Ramp

BURSTS_MAX = 10_000
"""So many a trial has at most."""
IN_FLIGHT_MAX = 10_000


class RampSpec(Strict):
    """A rate that goes evenly from one to another, and stays there."""

    from_: Annotated[Rate, Field(alias="from")]
    """The rate at T0."""
    to: Rate
    """The rate at the end."""
    over: Duration | None = None
    """How long it takes; left out, as long as clients send."""


class BurstSpec(Strict):
    """Now and then, another rate for a while."""

    rate: Rate
    """How many begin in a second of a burst, those of the steady rate or the ramp included."""
    for_: Annotated[Duration, Field(alias="for")]
    """How long a burst is."""
    every: Duration
    """From the begin of a burst to that of the next; the first begins so long after T0."""

    def planned(self) -> Burst:
        """Return it as plans have it."""
        return Burst(rate_milli=self.rate, lasts_ns=self.for_, every_ns=self.every)


class LoadSpec(Strict):
    """Transactions of the whole lab, shared evenly by its hosts."""

    mode: Literal["open", "closed"] = "open"
    """Whether transactions begin at set times, or, closed, each when another one ended."""
    rate: Rate | None = None
    """How many begin in a second; in an open loop, this or a ramp has to be there."""
    size: Size = 256
    """Bytes of each."""
    ramp: RampSpec | None = None
    """A rate that changes, in place of the steady one."""
    burst: BurstSpec | None = None
    """Bursts on top of the steady rate or the ramp."""
    hot: Part | None = None
    """That share of the transfers goes to one account, called `hot`, all others to the rest."""
    mix: dict[str, Part] = Field(default={})
    """Shares of the transactions that are other operations, by their words; their fields are
    drawn, so that an operation whose fields follow from the chain's state cannot be mixed in."""
    in_flight: Annotated[int, Field(ge=1, le=IN_FLIGHT_MAX)] | None = None
    """Of a closed loop, how many are under way at once."""
    until: Literal["accepted", "irreversible"] | None = None
    """Of a closed loop, when one has ended: when its client saw it irreversible, as is meant where
    nothing is said, or as soon as its node took it. One that is refused, expires, or was with a
    node that is gone, has ended, too. Clients look for answers each 20 ms."""

    @model_validator(mode="after")
    def _fits_together(self) -> LoadSpec:
        if self.mode == "closed":
            self._check_closed()
            return self
        for key in ("in_flight", "until"):
            if getattr(self, key) is not None:
                raise ValueError(f"{key} is for a closed loop; write mode: closed, or remove it")
        if (self.rate is None) == (self.ramp is None):
            raise ValueError("give exactly one of rate and ramp")
        burst, ramp = self.burst, self.ramp
        if burst and burst.for_ >= burst.every:
            raise ValueError("burst.for must be less than burst.every; shorten it")
        if burst and burst.rate <= max(self.begins_milli, ramp.to if ramp else 0):
            raise ValueError("burst.rate must be more than the rate outside bursts; raise it")
        return self

    def check_mix(self, profile: str, *, elects: bool) -> None:
        """Check that a chain's clients can draw what is mixed in.

        Raises:
            ValueError: they cannot; begins with the key.
        """
        known = MIXABLE.get(profile, ())
        for word in self.mix:
            if word not in known:
                problem = f"cannot be drawn under {profile}; write {', '.join(known)}"
                raise ValueError(f"load.mix.{word}: {problem}")
            if not elects:
                raise ValueError(f"load.mix.{word}: takes chain.fio; write that, or remove it")
        if sum(self.mix.values()) > 1:
            raise ValueError("load.mix: is more than 100% in all; lower it")

    def _check_closed(self) -> None:
        for key in ("rate", "ramp", "burst"):
            if getattr(self, key) is not None:
                raise ValueError(f"{key} is for an open loop; remove it, or mode: closed")
        if self.in_flight is None:
            raise ValueError("in_flight is missing; write how many are under way at once")

    @property
    def begins_milli(self) -> int:
        """Return the rate at T0."""
        return self.ramp.from_ if self.ramp else self.rate or 0

    def shape(self, lasts_ns: int, final_ns: int) -> LoadShape | None:
        """Return what it is beside a steady rate, where clients send for so long; None: nothing.

        final_ns: no transaction is irreversible sooner, by what is predicted.

        Raises:
            ValueError: a part of it does not fit into that; begins with the key.
        """
        ramp, burst, lasts = self.ramp, self.burst, text_of_ns(lasts_ns)
        mix = {word: round(part * MILLION) for word, part in sorted(self.mix.items())}
        hot_ppm = None if self.hot is None else round(self.hot * MILLION)
        if ramp and (ramp.over or 0) > lasts_ns:
            problem = f"clients send for {lasts} only; write that or less, or leave it out"
            raise ValueError(f"ramp.over: {problem}")
        if burst and burst.every >= lasts_ns:
            problem = f"clients send for {lasts} only, so there is no burst; write less"
            raise ValueError(f"burst.every: {problem}")
        if burst and lasts_ns // burst.every > BURSTS_MAX:
            least = text_of_ns(-(-lasts_ns // BURSTS_MAX))
            problem = f"more than {BURSTS_MAX} bursts in {lasts}; write {least} or more"
            raise ValueError(f"burst.every: {problem}")
        if self.in_flight is not None:
            until = self.until or "irreversible"
            turn_ns = GATHER_NS if until == "accepted" else max(final_ns, GATHER_NS)
            closed = Closed(in_flight=self.in_flight, until=until, turn_ns=turn_ns)
            return LoadShape(closed=closed, hot_ppm=hot_ppm, mix=mix)
        if ramp is None and burst is None and hot_ppm is None and not mix:
            return None
        return LoadShape(
            hot_ppm=hot_ppm,
            mix=mix,
            ramp=Ramp(to_milli=ramp.to, over_ns=ramp.over or lasts_ns) if ramp else None,
            burst=burst.planned() if burst else None,
        )
