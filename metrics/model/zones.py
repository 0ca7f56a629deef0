"""The zones of a trial's hosts, and the round trips and losses between them, all through it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Annotated, Literal

import msgspec

RoundTrip = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
LossPpm = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Dealt = Literal["by the campaign", "by the inventory", "in order"]
"""Who says which host stands where; in order: nobody did."""


class PlannedZones(msgspec.Struct, frozen=True, kw_only=True):
    """Who stands in which zone, and how far the zones are apart.

    matrix, losses: the files that say so; source: where these have their figures from. rtt_ns: by
    zone and zone, the same both ways; what is not there is not touched. loss_ppm: likewise, of each
    way. how: what will do it.
    """

    matrix: str
    source: str
    dealt: Dealt
    hosts: dict[str, str]
    rtt_ns: dict[str, dict[str, RoundTrip]]
    losses: str = ""
    loss_ppm: dict[str, dict[str, LossPpm]] = {}
    how: str = ""

    def between(self, one: str, other: str) -> int | None:
        """Return the round trip asked of two hosts, None where it is left as it is."""
        return self.rtt_ns[self.hosts[one]].get(self.hosts[other])

    def lost_ppm(self, one: str, other: str) -> int:
        """Return how many packets in a million are lost each way between two hosts."""
        return self.loss_ppm.get(self.hosts[one], {}).get(self.hosts[other], 0)

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield each pair of hosts of which a round trip or a loss is asked."""
        for pair in combinations(self.hosts, 2):
            if self.between(*pair) is not None or self.lost_ppm(*pair):
                yield pair
