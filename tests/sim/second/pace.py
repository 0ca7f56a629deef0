"""How often somebody is due: as the plan says, until a block of the chain says otherwise.

A line of time in slots that somebody has, bent where that changes. Times are seconds since T0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple


class Bend(NamedTuple):
    """From a time on: how long from one such slot to the next, how many slots, one of them."""

    since: float
    every_s: float
    many: int
    grid: int


@dataclass(frozen=True, slots=True)
class Pace:
    """The bends in order; what the first says was so before T0, too."""

    bends: tuple[Bend, ...]

    def at(self, t: float) -> Bend:
        """Return what holds at a time; at that of a block which says something, what it says."""
        return [bend for bend in self.bends if bend.since <= t + 1e-9 or bend is self.bends[0]][-1]

    def place(self, t: float) -> float:
        """Return how many such slots lie between T0 and a time."""
        place = 0.0
        for bend, until in zip(self.bends, self._ends(), strict=True):
            if t < until:
                return place + (t - bend.since) / bend.every_s
            place += (until - bend.since) / bend.every_s
        raise AssertionError("the last bend has no end")

    def later(self, t: float, many: float) -> float:
        """Return the time so many such slots later."""
        left, place = self.place(t) + many, 0.0
        for bend, until in zip(self.bends, self._ends(), strict=True):
            whole = (until - bend.since) / bend.every_s
            if left < place + whole:
                return bend.since + (left - place) * bend.every_s
            place += whole
        raise AssertionError("the last bend has no end")

    def _ends(self) -> list[float]:
        return [*(bend.since for bend in self.bends[1:]), math.inf]


def steady(slot_s: float, many: int, grid: int) -> Pace:
    """Return the pace of a chain that nobody changes; slot_s: of any slot."""
    return Pace((Bend(0.0, slot_s * many, many, grid),))


def told(lines: dict[str, list[dict[str, Any]]], whole: set[str]) -> dict[int, int]:
    """Return by the slot of a block of the chain how many slots apart blocks are from it on."""
    found = {}
    for host, own in lines.items():
        block: dict[str, Any] = {}
        for line in own:
            if line["node"] == host and line["kind"] == "applied":
                block = line
            elif line["kind"] == "parameters" and block["id"] in whole:
                found[block["slot"]] = line["block_interval_s"]
    return found
