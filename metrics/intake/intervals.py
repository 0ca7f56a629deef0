"""How far apart blocks are on the branch that won: the plan's interval, until blocks change it.

Then whatever is counted in slots that somebody has is counted by what was in force.
Times are ns since T0.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Set
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from metrics.intake.trial import Event, TrialData
from metrics.model.arrays import Floats


class Step(NamedTuple):
    """From from_ns on, blocks come every_ns apart, in each slots-th slot, of which grid is one."""

    from_ns: float
    every_ns: int
    slots: int
    grid: int


@dataclass(frozen=True, slots=True)
class Intervals:
    """The intervals of a branch in order of time; the first is in force from ever.

    empty_ns: times, sorted, of slots of theirs that the rules leave to nobody, as far as whoever
    counts cares; only `count` and `after` leave them out.
    """

    steps: tuple[Step, ...]
    empty_ns: tuple[float, ...] = ()

    def at(self, t_ns: float) -> Step:
        """Return what is in force at a time; of a slot's time, what its block put in force."""
        return self.steps[max(bisect_right(self.steps, t_ns, key=attrgetter("from_ns")) - 1, 0)]

    def count(self, from_ns: float, to_ns: float) -> int:
        """Return how many whole intervals lie between two times."""
        parts = self._parts(from_ns, to_ns)
        empty = self._empty(from_ns, to_ns)
        if len(parts) == 1:
            ((length_ns, step),) = parts
            return max(int(length_ns // step.every_ns) - empty, 0)
        return max(int(sum(length_ns / step.every_ns for length_ns, step in parts)) - empty, 0)

    def after(self, t_ns: float, blocks: int) -> float:
        """Return the time so many intervals after another."""
        over_ns, empty = self._after(t_ns, blocks), 0
        while (found := self._empty(t_ns, over_ns)) > empty:
            over_ns, empty = self._after(t_ns, blocks + found), found
        return over_ns

    def _after(self, t_ns: float, blocks: int) -> float:
        left: float = blocks
        for step, end_ns in zip(self.steps, self._ends(), strict=True):
            over_ns = t_ns + left * step.every_ns
            if over_ns <= end_ns:
                return over_ns
            if t_ns < end_ns:
                left -= (end_ns - t_ns) / step.every_ns
                t_ns = end_ns
        raise AssertionError("the last interval has no end")

    def before(self, t_ns: float, blocks: int) -> float:
        """Return the time so many intervals before another."""
        left: float = blocks
        for step in reversed(self.steps):
            over_ns = t_ns - left * step.every_ns
            if over_ns >= step.from_ns:
                return over_ns
            if t_ns > step.from_ns:
                left -= (t_ns - step.from_ns) / step.every_ns
                t_ns = step.from_ns
        raise AssertionError("the first interval has no begin")

    def positions(self, t_ns: Floats) -> Floats:
        """Return how many intervals each of some times is after the first interval's T0."""
        edges = np.asarray([step.from_ns for step in self.steps[1:]])
        rates = np.asarray([1 / step.every_ns for step in self.steps])
        found: Floats = t_ns * rates[0]
        for edge_ns, before, rate in zip(edges, rates, rates[1:], strict=False):
            found = found + np.maximum(t_ns - edge_ns, 0.0) * (rate - before)
        return found

    def within(self, from_ns: float, to_ns: float) -> tuple[int, int]:
        """Return the shortest and the longest interval in force between two times."""
        every = [step.every_ns for _, step in self._parts(from_ns, to_ns)]
        return min(every), max(every)

    def _empty(self, from_ns: float, to_ns: float) -> int:
        return bisect_left(self.empty_ns, to_ns) - bisect_left(self.empty_ns, from_ns)

    def _ends(self) -> list[float]:
        return [*(step.from_ns for step in self.steps[1:]), math.inf]

    def _parts(self, from_ns: float, to_ns: float) -> list[tuple[float, Step]]:
        """Return the parts of a stretch, one at least: how long, and what was in force."""
        if to_ns <= from_ns:
            return [(to_ns - from_ns, self.at(from_ns))]
        return [
            (min(to_ns, end_ns) - max(from_ns, step.from_ns), step)
            for step, end_ns in zip(self.steps, self._ends(), strict=True)
            if step.from_ns < to_ns and from_ns < end_ns
        ]


def steady(every_ns: int, *, slots: int = 1, grid: int = 0) -> Intervals:
    """Return one interval that is in force for ever."""
    return Intervals((Step(-math.inf, every_ns, slots, grid),))


def of_branch(data: TrialData, branch: Set[str]) -> Intervals:
    """Return the intervals that the blocks of a branch, by id, put in force.

    A node tells of parameters right after the block that it executed.
    """
    plan, lines = data.plan, defaultdict[str, list[Event]](list)
    first = steady(plan.interval_ns, slots=plan.interval_slots, grid=data.file.genesis_slot + 1)
    told = data.events("parameters", "num slot block_interval_s")
    if not told:
        return first
    applied = data.events("applied", "num id slot")
    for event in (*applied, *told):
        if event.host not in data.planned.liars and event.node == event.host:
            lines[event.node].append(event)
    found: dict[int, int] = {}
    for own in lines.values():
        block = ""
        for line in sorted(own, key=attrgetter("seq")):
            if line.kind == "applied":
                block = line.id
            elif block in branch:
                found[line.slot] = line.block_interval_s  # A slot is a second of that chain.
    filled = sorted({event.slot for event in applied if event.id in branch})
    steps = list(first.steps)
    for slot, slots in sorted(found.items()):
        if slots != steps[-1].slots:
            steps.append(_step(data, filled, slot, slots))
    return Intervals(tuple(steps))


def _step(data: TrialData, filled: list[int], slot: int, slots: int) -> Step:
    """Return what the block of a slot put in force; its own slot need not lie on the new grid."""
    later = bisect_right(filled, slot)
    grid = filled[later] if later < len(filled) else slot
    return Step(data.slot_time_ns(slot), slots * data.plan.slot_ns, slots, grid)
