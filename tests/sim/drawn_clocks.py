"""Raw clocks of hosts as drawn functions of true time: rates, bursts, boots; and ways between them.

Times are true ns since T0 unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from metrics.intake.clock_pairs import CRYSTAL_PPM

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Span = tuple[float, float]
SECOND = 1_000_000_000
BASE_PPM = 100.0
"""How far a crystal's rate may be off for good."""
BEFORE_NS = -10 * SECOND
"""When the drawn lives begin: before the first event."""


@dataclass(frozen=True, slots=True)
class Burst:
    """A stretch in which a crystal runs by ppm otherwise, as when it warms up."""

    start_ns: float
    end_ns: float
    ppm: float


@dataclass(frozen=True, slots=True)
class Boot:
    """A boot of a host: from when on, its id, and what its raw clock would show at T0."""

    from_ns: float
    id: str
    origin_ns: int


@dataclass(frozen=True, slots=True)
class Clock:
    """A host's raw clock in all its boots."""

    ppm: float
    bursts: tuple[Burst, ...]
    boots: tuple[Boot, ...]

    def gained_ns(self, true_ns: Floats) -> Floats:
        """Return how far the crystal is ahead of true time, from 0 at T0."""
        gained = self.ppm * true_ns
        for burst in self.bursts:
            inside = np.clip(true_ns, burst.start_ns, burst.end_ns) - burst.start_ns
            gained = gained + burst.ppm * inside
        found: Floats = gained / 1e6
        return found

    def mono(self, true_ns: Floats) -> Ints:
        """Return what the clock shows, in the boot of each time."""
        which = self.boot_at(true_ns)
        origins = np.asarray([boot.origin_ns for boot in self.boots], dtype=np.int64)
        read: Ints = origins[which] + np.round(true_ns + self.gained_ns(true_ns)).astype(np.int64)
        return read

    def boot_at(self, true_ns: Floats) -> Ints:
        """Return the index of the boot of each time."""
        edges = np.asarray([boot.from_ns for boot in self.boots[1:]])
        found: Ints = np.searchsorted(edges, true_ns, side="right").astype(np.int64)
        return found

    def edges(self) -> list[float]:
        """Return the moments at which the rate changes."""
        return [edge for burst in self.bursts for edge in (burst.start_ns, burst.end_ns)]

    def rate_ppm(self, at_ns: float) -> float:
        """Return the rate's error at a time."""
        return self.ppm + sum(b.ppm for b in self.bursts if b.start_ns <= at_ns < b.end_ns)


@dataclass(frozen=True, slots=True)
class Lab:
    """The clocks of all hosts, the least extra delay of each way, and when ways lose all probes."""

    clocks: Mapping[str, Clock]
    ways_ns: Mapping[tuple[str, str], float]
    lost: Mapping[tuple[str, str], Span]
    jitter_ns: float

    def worst_rate_ppm(self) -> float:
        """Return how far any clock's rate is off at most."""
        return max(
            abs(clock.rate_ppm(at))
            for clock in self.clocks.values()
            for at in (-1.0, *clock.edges())
        )

    def worst_wander_ppm(self, end_ns: float) -> float:
        """Return how far the rate between two clocks leaves its mean over the trial at most."""
        worst = 0.0
        for a, b in combinations(self.clocks.values(), 2):
            ends = np.asarray([0.0, end_ns])
            gained = a.gained_ns(ends) - b.gained_ns(ends)
            mean = float(gained[1] - gained[0]) / end_ns * 1e6
            for at in (-1.0, *a.edges(), *b.edges()):
                worst = max(worst, abs(a.rate_ppm(at) - b.rate_ppm(at) - mean))
        return worst


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What is drawn: the bursts' strength, how many, how far ways may differ, lost probes."""

    burst_ppm: float = 90.0
    bursts: int = 3
    slowest_way_ns: float = 20e6
    jitter_ns: float = 50e3
    loses: bool = True


def draw(
    rng: np.random.Generator,
    hosts: list[str],
    end_ns: float,
    down: Mapping[str, Span],
    weather: Weather,
) -> Lab:
    """Return a drawn lab; down: when a host has no power, after which it boots anew."""
    bursts = _bursts(rng, hosts, end_ns, weather)
    clocks = {}
    for host in hosts:
        own = bursts.get(host, [])
        up, below = (max([s * ppm for _, _, ppm in own], default=0.0) for s in (1, -1))
        most = CRYSTAL_PPM if weather.burst_ppm <= CRYSTAL_PPM else np.inf
        high, low = min(BASE_PPM, most - up), max(-BASE_PPM, below - most)
        boots = [Boot(BEFORE_NS, _boot_id(rng), int(rng.integers(20, 10**6)) * SECOND)]
        if host in down:
            again_ns = down[host][1]
            boots.append(Boot(again_ns, _boot_id(rng), round(5 * SECOND - again_ns)))
        clocks[host] = Clock(
            float(rng.uniform(low, high)), tuple(Burst(*found) for found in own), tuple(boots)
        )
    pairs = [(a, b) for a in hosts for b in hosts if a != b]
    steps = np.log(weather.slowest_way_ns / 1e3)
    ways = {pair: 1e3 * float(np.exp(rng.uniform(0, steps))) for pair in pairs}
    lost = {}
    for pair in pairs:
        if weather.loses and rng.random() < 0.3:
            start = float(rng.uniform(0, end_ns))
            lost[pair] = (start, start + float(rng.uniform(1, 10)) * SECOND)
    return Lab(clocks, ways, lost, weather.jitter_ns)


def _bursts(
    rng: np.random.Generator, hosts: list[str], end_ns: float, weather: Weather
) -> dict[str, list[tuple[float, float, float]]]:
    """Return bursts by host, no two at once, so that a pair parts by one burst at most."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    share = end_ns / max(weather.bursts, 1)
    for i in range(weather.bursts):
        lasts = float(rng.uniform(2, 6)) * SECOND
        start = i * share + float(rng.uniform(0, share - lasts))
        ppm = weather.burst_ppm * float(rng.choice([-1, 1]))
        found.setdefault(str(rng.choice(hosts)), []).append((start, start + lasts, ppm))
    return found


def _boot_id(rng: np.random.Generator) -> str:
    return rng.bytes(16).hex()
