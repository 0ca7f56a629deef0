"""Links between hosts: when a message that is sent now arrives, if it does, and how often.

A shape acts on one direction. Shapes of several faults add up: delays are summed, one cut is
enough. Messages of one direction stay in order, as on TCP, unless a shape reorders them. A lost
message stays lost: nothing is sent again but by the nodes themselves.
"""

import random
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from faults.model.bursts import LossBursts
from faults.model.distribution import quantile
from faults.model.fault import SECOND_NS
from harness.sim.host.clock import Times


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What happens to messages of one direction: shares are 0..1; jitter is spread as the
    distribution says, uniformly plus or minus; what is lost is lost in bursts of that mean length.

    The reordered share is late by reorder_ns more, and younger messages overtake it. Of a bit rate
    (0: no limit) each message takes its own time, behind those before it.
    """

    delay_ns: int = 0
    jitter_ns: int = 0
    distribution: str = "uniform"
    loss: float = 0.0
    burst: int = 1
    duplicate: float = 0.0
    reorder: float = 0.0
    reorder_ns: int = 0
    bit_rate: int = 0
    cut: bool = False
    resets: bool = False
    """Whether who sends over a cut is told so."""


LAN = Shape(delay_ns=200_000, jitter_ns=50_000)
"""A switch: 0.2 ms one way."""


class Draws(Protocol):
    """A stream of numbers between 0 and 1."""

    def random(self) -> float:
        """Return the next one."""


class Links:
    """Mutable: the shapes in force by direction, and the last arrival of each."""

    __slots__ = ("_base", "_bursts", "_free", "_last", "_rng", "_shapes", "limited")

    def __init__(self, rng: random.Random, base: Shape = LAN) -> None:
        self._rng = rng
        self._base = base
        self._shapes: dict[tuple[str, str], dict[str, Shape]] = {}
        self._last: dict[tuple[str, str], int] = {}
        self._bursts: dict[tuple[str, str, str, bool], LossBursts] = {}
        self._free: dict[tuple[str, str, str], int] = {}
        self.limited = False
        """Whether any rate is limited, so that it counts how long messages are."""

    @property
    def shaped(self) -> bool:
        """Return whether any fault acts on any link."""
        return bool(self._shapes)

    @property
    def soonest_ns(self) -> int:
        """Return how long a message takes at least, whatever faults there are."""
        return max(0, self._base.delay_ns - self._base.jitter_ns)

    def add(self, fault: str, source: str, target: str, shape: Shape) -> None:
        """Let shape act on messages from source to target until fault is cleared."""
        self._shapes.setdefault((source, target), {})[fault] = shape
        self.limited = self.limited or bool(shape.bit_rate)

    def clear(self, fault: str) -> None:
        """Take back whatever fault did."""
        for pair in [pair for pair, shapes in self._shapes.items() if fault in shapes]:
            del self._shapes[pair][fault]
            if not self._shapes[pair]:
                del self._shapes[pair]
        self._bursts = {key: kept for key, kept in self._bursts.items() if key[0] != fault}
        self._free = {key: kept for key, kept in self._free.items() if key[0] != fault}
        every = (shape for shapes in self._shapes.values() for shape in shapes.values())
        self.limited = any(shape.bit_rate for shape in every)

    def is_cut(self, source: str, target: str) -> bool:
        """Return whether nothing gets from source to target."""
        shapes = self._shapes.get((source, target))
        return shapes is not None and any(shape.cut for shape in shapes.values())

    def resets(self, source: str, target: str) -> bool:
        """Return whether what source sends is answered: nothing gets to target."""
        return any(shape.resets for shape in self._shapes.get((source, target), {}).values())

    def arrivals(
        self, source: str, target: str, now_ns: int, size_bytes: int = 0
    ) -> tuple[int, ...]:
        """Return the times a message sent now arrives at: none when lost, two when doubled."""
        pair = source, target
        shapes = self._shapes.get(pair)
        base = self._base
        if shapes is None and not base.loss and not base.duplicate:
            jitter_ns = int((self._rng.random() * 2 - 1) * base.jitter_ns)
            first_ns = now_ns + base.delay_ns + jitter_ns
            last_ns = self._last.get(pair, 0)
            if first_ns < last_ns:
                first_ns = last_ns
            self._last[pair] = first_ns
            return (first_ns,)
        taken_ns = self.sample_ns(source, target, self._rng)
        if taken_ns is None:
            return ()
        waited_ns = self._waited_ns(source, target, now_ns, 8 * size_bytes)
        first_ns, late_ns = now_ns + waited_ns + taken_ns, 0
        every = (base, *(shapes or {}).values())
        for shape in every:
            if shape.reorder and self._rng.random() < shape.reorder:
                late_ns += shape.reorder_ns
        if late_ns:
            first_ns += late_ns
        else:
            first_ns = max(first_ns, self._last.get(pair, 0))
            self._last[pair] = first_ns
        if any(shape.duplicate and self._rng.random() < shape.duplicate for shape in every):
            return (first_ns, first_ns + base.delay_ns)
        return (first_ns,)

    def sample_ns(self, source: str, target: str, rng: Draws) -> int | None:
        """Return how long one packet takes, None when it is lost."""
        total_ns = 0
        shapes = self._shapes.get((source, target), {})
        for fault, shape in (("", self._base), *shapes.items()):
            if shape.cut or (shape.loss and self._loses(fault, source, target, shape, rng)):
                return None
            total_ns += shape.delay_ns
            if shape.jitter_ns:
                total_ns += int(quantile(shape.distribution, rng.random()) * shape.jitter_ns)
        return max(total_ns, 0)

    @property
    def all_plain(self) -> bool:
        """Return whether all packets take what plain ones do."""
        base = self._base
        odd = base.loss or base.cut or not 0 < base.jitter_ns <= base.delay_ns
        return not odd and not self._shapes

    def probe_ns(self, source: str, target: str, rng: Draws, bits: int) -> int | None:
        """Return how long a probe takes, None when it is lost: late ones and the time that its own
        bits take included, but no waiting for others.
        """
        taken_ns = self.sample_ns(source, target, rng)
        if taken_ns is None:
            return None
        for shape in self._shapes.get((source, target), {}).values():
            if shape.reorder and rng.random() < shape.reorder:
                taken_ns += shape.reorder_ns
            if shape.bit_rate:
                taken_ns += bits * SECOND_NS // shape.bit_rate
        return taken_ns

    def _loses(self, fault: str, source: str, target: str, shape: Shape, rng: Draws) -> bool:
        """Return whether a shape loses the next packet; nodes and probes have bursts of their own,
        as whether anybody probes does not change what the nodes do.
        """
        if shape.burst == 1:
            return rng.random() < shape.loss
        key = fault, source, target, rng is self._rng
        found = self._bursts.get(key)
        if found is None:
            found = self._bursts[key] = LossBursts(shape.loss, shape.burst)
        return found.lost(rng.random)

    def _waited_ns(self, source: str, target: str, now_ns: int, bits: int) -> int:
        """Return how long a message takes to be sent at limited rates, behind those before it."""
        start_ns = now_ns
        for fault, shape in self._shapes.get((source, target), {}).items():
            if shape.bit_rate:
                key = fault, source, target
                now_ns = max(now_ns, self._free.get(key, 0)) + bits * SECOND_NS // shape.bit_rate
                self._free[key] = now_ns
        return now_ns - start_ns

    def is_plain(self, source: str, target: str) -> bool:
        """Return whether packets from source to target take what plain ones do."""
        base = self._base
        odd = base.loss or base.cut or not 0 < base.jitter_ns <= base.delay_ns
        return not odd and (source, target) not in self._shapes

    def plain_ns(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Times:
        """Return how long packets take on a path no fault acts on."""
        base = self._base
        jitter_ns: Times = ((rng.random(shape) * 2 - 1) * base.jitter_ns).astype(np.int64)
        return base.delay_ns + jitter_ns
