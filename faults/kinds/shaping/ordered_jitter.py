"""Jitter as a wandering line: what both ways of holding packets add to the delay asked."""

import math
import random
from dataclasses import dataclass

from faults.model.distribution import quantile


@dataclass(slots=True)
class OrderedJitter:
    """A jitter that swaps no packets, and is spread as its distribution says at any moment.

    Drawing each packet's jitter alone and then forbidding overtaking makes dense traffic wait for
    its slowest packet. Here the jitter moves along a line between drawn points. Bounded jitter
    falls slower than time goes by, so order is kept by itself; of the others only the way back from
    a far value has to be held up by whoever keeps the order.
    """

    jitter_ns: int
    step_ns: int
    """From one drawn point to the next; more than 2.8 * jitter_ns, or packets would be swapped."""
    seed: str
    distribution: str = "uniform"
    _left: tuple[int, float] = (-2, 0.0)
    _right: tuple[int, float] = (-1, 0.0)

    def at(self, time_ns: int) -> int:
        """Return the jitter at time_ns since the start; times must not go back."""
        index, within_ns = divmod(time_ns, self.step_ns)
        if self._left[0] != index:
            self._left = self._right if self._right[0] == index else self._point(index)
            self._right = self._point(index + 1)
        left, right = self._left[1], self._right[1]
        share = evened(left + (right - left) * within_ns / self.step_ns)
        return round(quantile(self.distribution, share) * self.jitter_ns)

    def _point(self, index: int) -> tuple[int, float]:
        return index, random.Random(f"{self.seed}/{index}").random()


def evened(value: float) -> float:
    """Return the share of all moments at which a line between points drawn evenly from 0..1 is
    lower: the line itself is near the middle more often.
    """
    if not 0 < value < 1:
        return min(max(value, 0.0), 1.0)
    rest = 1 - value
    return value + rest * rest * math.log(rest) - value * value * math.log(value)
