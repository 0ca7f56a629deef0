"""A value that changes in steps, as a recorded trace says. Pure."""

from bisect import bisect_right
from collections.abc import Sequence

Steps = Sequence[tuple[int, int]]
"""Since when (ns since the begin, the first is 0) it has which value."""


def value_at(steps: Steps, at_ns: float) -> int:
    """Return the value at a time; before the first step that of the first."""
    return steps[max(0, bisect_right(steps, at_ns, key=lambda step: step[0]) - 1)][1]


def values_within(steps: Steps, first_ns: float, last_ns: float) -> tuple[int, int]:
    """Return the least and the greatest value that it has from the one time to the other."""
    inside = [value for at_ns, value in steps if first_ns < at_ns <= last_ns]
    every = [value_at(steps, first_ns), *inside]
    return min(every), max(every)
