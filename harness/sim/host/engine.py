"""Virtual time: a heap of things to do, and random streams that belong to one purpose each.

Nothing here reads a clock. Two things due at the same nanosecond happen in the order in which they
were put in.
"""

import gc
import heapq
import random
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import numpy as np

RARELY = (200_000, 50, 100)
"""Thresholds of the garbage collector while a simulation runs."""

Action = Callable[..., object]


def stream(seed: int, *labels: str) -> random.Random:
    """Return the random stream of one purpose; another purpose's draws never shift it."""
    text = "/".join((str(seed), *labels))
    return random.Random(int.from_bytes(sha256(text.encode()).digest(), "big"))


def many(rng: random.Random) -> np.random.Generator:
    """Return what draws the numbers between 0 and 1 that rng would draw next, many at once."""
    _, (*key, position), _ = rng.getstate()
    bits = np.random.MT19937()
    bits.state = {"bit_generator": "MT19937", "state": {"key": key, "pos": position}}
    return np.random.Generator(bits)


class Engine:
    """Mutable: true time in ns since 1970, and what is due."""

    __slots__ = ("_heap", "_seq", "now_ns")

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns
        self._seq = 0
        self._heap: list[tuple[int, int, Action, tuple[Any, ...]]] = []

    def at(self, when_ns: int, action: Action, *args: Any) -> None:
        """Do action(*args) at true time when_ns, at once if that is past."""
        self._seq += 1
        due_ns = when_ns if when_ns > self.now_ns else self.now_ns
        heapq.heappush(self._heap, (due_ns, self._seq, action, args))

    def run(self, until_ns: int) -> None:
        """Do everything that is due before until_ns; then it is until_ns."""
        before = gc.get_threshold()
        # Millions of small values live long and form no cycles: looking for some costs a sixth.
        gc.set_threshold(*RARELY)
        heap, pop = self._heap, heapq.heappop
        try:
            while heap and heap[0][0] < until_ns:
                self.now_ns, _, action, args = pop(heap)
                action(*args)
        finally:
            gc.set_threshold(*before)
        self.now_ns = until_ns
