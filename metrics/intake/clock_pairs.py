"""The offset of each two hosts' raw clocks, bounded by every burst of clock probes between them.

The bounds are as hard as what is assumed of crystals: CRYSTAL_PPM and PAIR_WANDER_PPM.
"""

from collections import defaultdict
from typing import NamedTuple

import duckdb
import numpy as np

from metrics.intake import offset_bounds
from metrics.intake.offset_bounds import BrokenBounds, Ints, OffsetBounds, Wander
from metrics.model.plan import PlannedFault

CRYSTAL_PPM = 160
"""Assumed: how far the rate of a raw monotonic clock may be from true time, at any moment. Crystals
of hosts are specified to 100 ppm at most; the rest is for a burst of 60 ppm, as of warming up."""
PAIR_WANDER_PPM = 100
"""Assumed: how far the rate between two raw clocks may leave its mean over a trial, at any moment.
Counts where probes span band.FIT_NS and tell the mean well."""
UNFITTED_PPM = 2 * CRYSTAL_PPM
"""How fast two raw clocks may part where no mean rate is told, by what is assumed of each."""


_ANSWERED = """
    WITH answered AS (
        SELECT * FROM event_probe
        WHERE trial = ? AND flow = 'clock' AND t1_ns <> 0 AND t4_ns <> 0 AND peer_boot <> ''
    ), pairs AS (
        SELECT host, boot, peer, peer_boot,
            row_number() OVER (ORDER BY min(node), min(seq)) - 1 AS n
        FROM answered GROUP BY host, boot, peer, peer_boot
    )
"""
"""Clock probes that came back, and who asked whom, in the order of the first."""
_STAMPS = """
    SELECT n, t1_ns, t2_ns, t3_ns, t4_ns
    FROM answered JOIN pairs USING (host, boot, peer, peer_boot) ORDER BY n, node, seq, mono_ns
"""


class Epoch(NamedTuple):
    """One boot of one host: the reach of one monotonic clock."""

    host: str
    boot: str


Pairs = dict[tuple[Epoch, Epoch], OffsetBounds | BrokenBounds]
"""The offset of each pair's clocks: broken where a whole host, and its clock, stood still."""


def from_probes(db: duckdb.DuckDBPyConnection, trial: int, faults: list[PlannedFault]) -> Pairs:
    """Return the band of each pair of epochs that answered clock probes in a trial."""
    samples: dict[tuple[Epoch, Epoch], list[Ints]] = defaultdict(list)
    groups = db.execute(f"{_ANSWERED} SELECT * EXCLUDE (n) FROM pairs ORDER BY n", [trial])
    ways = [(Epoch(*way[:2]), Epoch(*way[2:])) for way in groups.fetchall()]
    told = db.execute(f"{_ANSWERED} {_STAMPS}", [trial]).fetchnumpy()
    edges = np.searchsorted(told.pop("n"), np.arange(len(ways) + 1))
    stamps = np.stack([*told.values()]).astype(np.int64)
    for n, (here, there) in enumerate(ways):
        forth, back = both_ways(*stamps[:, edges[n] : edges[n + 1]])
        samples[here, there].append(forth)
        samples[there, here].append(back)
    return related(samples, faults)


def related(samples: dict[tuple[Epoch, Epoch], list[Ints]], faults: list[PlannedFault]) -> Pairs:
    """Return the band of each pair; samples: the rows of `both_ways` of each of its probers.

    Where a pair breaks what is assumed, one of its two clocks did, so that all bands of both give
    way: others may be too wide to show it.
    """
    found = {pair: pair_band(parts, _jumps(faults, pair)) for pair, parts in samples.items()}
    broken_ppm = breaches_ppm(found)
    for pair, parts in samples.items():
        least_ppm = max(broken_ppm[epoch] for epoch in pair)
        if least_ppm:
            found[pair] = pair_band(parts, _jumps(faults, pair), least_ppm)
    return found


def breaches_ppm(pairs: Pairs) -> dict[Epoch, float]:
    """Return by how much the clock of each epoch may break what is assumed of its rate, if at all.

    Of two that part too fast nobody knows which one it is, so it may be either.
    """
    found = defaultdict[Epoch, float](float)
    for (epoch, _), band in pairs.items():
        found[epoch] = max(found[epoch], 2 * band.shown_ppm)
    return found


def both_ways(t1: Ints, t2: Ints, t3: Ints, t4: Ints) -> tuple[Ints, Ints]:
    """Return rows (time, lower, upper) of (peer - own clock), and of (own - peer), from probes.

    The bounds belong to moments within the exchange; they give way by what the clocks may part from
    there to its middle.
    """
    slack = (t4 - t1) * CRYSTAL_PPM // 10**6 + 1
    low, high = t3 - t4 - slack, t2 - t1 + slack
    return np.stack([(t1 + t4) // 2, low, high]), np.stack([(t2 + t3) // 2, -high, -low])


def pair_band(
    series: list[Ints], jumps: int = 0, least_ppm: float = 0.0
) -> OffsetBounds | BrokenBounds:
    """Return the band of the offset between two raw clocks, under what is assumed of crystals.

    series: the rows of `both_ways` of each prober.
    """
    times, lower, upper = np.concatenate(series, axis=1)
    wander = Wander(PAIR_WANDER_PPM, UNFITTED_PPM, least_ppm)
    if jumps:
        return offset_bounds.fit_broken(times, lower, upper, wander, jumps)
    return offset_bounds.fit(times, lower, upper, wander, series)


def _jumps(faults: list[PlannedFault], pair: tuple[Epoch, Epoch]) -> int:
    """Return how often the offset of a pair may jump."""
    return sum(freezes(faults, epoch.host) for epoch in pair)


def freezes(faults: list[PlannedFault], host: str) -> int:
    """Return how often the host stands still, and perhaps its raw monotonic clock with it."""
    return sum(
        fault.kind.stops_host and not fault.kind.reboots and host in fault.targets
        for fault in faults
    )
