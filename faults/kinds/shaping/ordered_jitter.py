"""Jitter as a wandering line: what both ways of delaying packets add to the delay asked."""

import random
from dataclasses import dataclass


@dataclass(slots=True)
class OrderedJitter:
    """A jitter that never swaps packets and does not bias the delay.

    Drawing each packet's jitter alone and then forbidding overtaking makes dense traffic wait for
    its slowest packet. Here the jitter is a line between drawn points; it falls slower than time
    goes by, so order is kept by itself and the median stays at the delay asked.
    """

    jitter_ns: int
    step_ns: int
    """From one drawn point to the next; more than 2 * jitter_ns, or packets would be swapped."""
    seed: str
    _left: tuple[int, int] = (-2, 0)
    _right: tuple[int, int] = (-1, 0)

    def at(self, time_ns: int) -> int:
        """Return the jitter at time_ns since the start; times must not go back."""
        index, within_ns = divmod(time_ns, self.step_ns)
        if self._left[0] != index:
            self._left = self._right if self._right[0] == index else self._point(index)
            self._right = self._point(index + 1)
        left, right = self._left[1], self._right[1]
        return left + (right - left) * within_ns // self.step_ns

    def _point(self, index: int) -> tuple[int, int]:
        rng = random.Random(f"{self.seed}/{index}")
        return index, rng.randint(-self.jitter_ns, self.jitter_ns)
