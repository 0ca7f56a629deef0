"""Where a fault that moves a clock again and again puts it: known beforehand, from what is asked
and a seed, so that hosts, simulator and report mean the same path.
"""

import hashlib
import itertools
import random
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

WANDER_EACH_NS = 1_000_000_000
"""How long a wandering clock keeps its rate."""
TURN_SHARE = 2
"""At each turn the rate changes by its bound divided by this at most."""
BILLION = 1_000_000_000


class Stay(NamedTuple):
    """From begin_ns (since the fault began) to the next one's: offset at the begin, and rate."""

    begin_ns: int
    offset_ns: int
    drift_ppb: int

    def offset_at(self, after_ns: int) -> int:
        """Return the clock's offset at a moment of this stay."""
        return self.offset_ns + (after_ns - self.begin_ns) * self.drift_ppb // BILLION


def path(asked: Mapping[str, Any], seed: int) -> Iterator[Stay]:
    """Yield, without end, the stays of a fault of which that is asked, of one host."""
    if asked.get("every_ns"):
        return strobe(int(asked["by_ns"]), int(asked["every_ns"]))
    return wander(int(asked["by_ppb"]), seed)


def strobe(by_ns: int, every_ns: int) -> Iterator[Stay]:
    """Yield steps to and fro: off by by_ns, then right again, each for every_ns."""
    for n in itertools.count():
        yield Stay(n * every_ns, 0 if n % 2 else by_ns, 0)


def wander(most_ppb: int, seed: int) -> Iterator[Stay]:
    """Yield rates of a random walk within most_ppb either way; the clock never jumps."""
    rng = random.Random(seed)
    drift_ppb = offset_ns = 0
    for n in itertools.count():
        turn = rng.randint(-most_ppb // TURN_SHARE, most_ppb // TURN_SHARE)
        drift_ppb = max(-most_ppb, min(most_ppb, drift_ppb + turn))
        stay = Stay(n * WANDER_EACH_NS, offset_ns, drift_ppb)
        yield stay
        offset_ns = stay.offset_at(stay.begin_ns + WANDER_EACH_NS)


def seed_of(trial_seed: int, fault_id: str, host: str) -> int:
    """Return the seed of what is drawn for a fault on a host in a trial."""
    digest = hashlib.sha256(f"{trial_seed}/{fault_id}/{host}".encode()).digest()
    return int.from_bytes(digest[:6], "big")
