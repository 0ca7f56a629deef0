"""I7 and I8: finality goes on while a quorum is there, and no block comes before its time; pure."""

import bisect
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from metrics.intake.intervals import Intervals
from metrics.model import number_text
from metrics.model.plan import Plan
from metrics.model.run_folder import Violation
from metrics.safety.invariants import Line, seconds

RECONNECT_NS = 2_000_000_000
"""After a heal, links take up to this long to be back; blocks before that do not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Time in which enough correct producers are connected.

    Finality may stall for limit_blocks blocks, and for limit_slots slots however few blocks there
    are in them: a chain that makes no block at all stands still as well.
    """

    from_ns: float
    to_ns: float
    limit_blocks: int
    limit_slots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standstill:
    """Time in which nothing became final: how long, how many slots and blocks, within what."""

    from_ns: float
    for_ns: float
    blocks: int
    slots: int
    stretch: Stretch

    @property
    def share(self) -> float:
        """Return how much of what is allowed it took, in blocks or in slots."""
        return max(self.blocks / self.stretch.limit_blocks, self.slots / self.stretch.limit_slots)

    @property
    def text(self) -> str:
        """Return how long it was, and what was allowed, in words."""
        return (
            f"finality stood still for {self.for_ns / 1e9:.3f} s from {seconds(self.from_ns)} on:"
            f" {number_text.many(self.slots, 'slots')} (at most {self.stretch.limit_slots}) and"
            f" {number_text.many(self.blocks, 'blocks')} (at most {self.stretch.limit_blocks})"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What I7 found: breaches, stretches judged, and the standstill closest to its limit."""

    violations: list[Violation]
    judged: int
    worst: Standstill | None


def stall_limit(plan: Plan) -> int:
    """Return the most blocks finality may stand still while a quorum is connected.

    Two stages: 2(Q-1)r blocks for the oldest block and one turn more. One stage: a block is final
    once a quorum has built on it, which two rounds always hold.
    """
    if plan.two_stage:
        return (2 * (plan.quorum - 1) + 1) * plan.blocks_per_turn
    return 2 * plan.round_blocks


def slots_for(blocks: int, plan: Plan, *, live: int) -> int:
    """Return the most slots that so many blocks take while `live` of the producers sign.

    Each round of all producers has live turns; it may begin and end in the middle of one.
    """
    rounds = math.ceil(blocks / (max(live, 1) * plan.blocks_per_turn)) + 1
    return rounds * plan.round_blocks


def progress(
    stretches: Iterable[Stretch],
    blocks_ns: Sequence[float],
    advances: Iterable[tuple[float, int]],
    intervals: Intervals,
) -> Progress:
    """Return whether the network's last irreversible block stalled in any stretch.

    blocks_ns: nominal times of the blocks of the chain, sorted. advances: (time, number) of each
    irreversible block at each host, in any order. intervals: by which slots that somebody has are
    counted. A stretch without an advance that is too short
    to tell, in blocks and in slots, is not judged.
    """
    steps = _rising(advances)
    times = [t for t, _ in steps]
    worst: list[Standstill] = []
    for stretch in stretches:
        begin, end = (bisect.bisect_left(times, t) for t in (stretch.from_ns, stretch.to_ns))
        marks = [stretch.from_ns, *times[begin:end], stretch.to_ns]
        still = [
            Standstill(
                from_ns=a,
                for_ns=b - a,
                blocks=bisect.bisect_left(blocks_ns, b) - bisect.bisect_left(blocks_ns, a),
                slots=intervals.count(a, b),
                stretch=stretch,
            )
            for a, b in itertools.pairwise(marks)
        ]
        longest = max(still, key=lambda each: each.share)
        if begin < end or longest.share > 1:
            worst.append(longest)
    return Progress(
        violations=[_breach(each, steps) for each in worst if each.share > 1],
        judged=len(worst),
        worst=max(worst, key=lambda each: each.share, default=None),
    )


def _breach(found: Standstill, steps: Sequence[tuple[float, int]]) -> Violation:
    num = max((n for t, n in steps if t <= found.from_ns), default=0)
    return Violation(f"{found.text}, with a quorum connected", (num,), (), (), (found.from_ns,))


def early_blocks(
    made: Iterable[Line], slot_time_ns: Callable[[int], float], tolerance_ns: float
) -> list[Violation]:
    """Return I8's breaches: blocks signed before their slot by more than the tolerance.

    slot_time_ns: the nominal time of a slot since T0. A line's hi_ns: when it was written at the
    latest.
    """
    found = []
    for block in made:
        ahead_ns = slot_time_ns(block.slot) - block.hi_ns
        if ahead_ns > tolerance_ns:
            text = (
                f"{block.producer} on {block.host} signed block {block.num} at least"
                f" {ahead_ns / 1e6:.1f} ms before its slot (tolerance {tolerance_ns / 1e6:g} ms)"
            )
            found.append(Violation(text, (block.num,), (block.id,), (block.host,), (block.hi_ns,)))
    return found


def _rising(advances: Iterable[tuple[float, int]]) -> list[tuple[float, int]]:
    """Return the steps that raised the highest number anybody held, by time; nan is left out."""
    top = 0
    steps = []
    for t, num in sorted(pair for pair in advances if pair[0] == pair[0]):
        if num > top:
            top = num
            steps.append((t, num))
    return steps
