"""The offset of each two hosts' raw clocks, bounded by every burst of clock probes between them.

The bounds are as hard as what is assumed of crystals: CRYSTAL_PPM and PAIR_WANDER_PPM.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import duckdb
import numpy as np

from metrics.intake import offset_fits
from metrics.intake.offset_bounds import BrokenBounds, OffsetBounds
from metrics.intake.offset_fits import Sampled, Wander
from metrics.model.arrays import Ints
from metrics.model.plan import PlannedFault

CRYSTAL_PPM = 160
"""Assumed: how far the rate of a raw monotonic clock may be from true time, at any moment. Crystals
of hosts are specified to 100 ppm at most; the rest is for a burst of 60 ppm, as of warming up."""
PAIR_WANDER_PPM = 100
"""Assumed: how far the rate between two raw clocks may leave its mean over a trial, at any moment.
Counts where probes span offset_fits.FIT_NS and tell the mean well."""
UNFITTED_PPM = 2 * CRYSTAL_PPM
"""How fast two raw clocks may part where no mean rate is told, by what is assumed of each."""

_ANSWERED = """
    FROM event_probe
    WHERE trial = ? AND flow = 'clock' AND t1_ns <> 0 AND t4_ns <> 0 AND peer_boot <> ''
"""
"""Clock probes that came back."""
_STAMPS = f"""
    WITH answered AS (SELECT * {_ANSWERED})
    SELECT own.n AS here, other.n AS there, t1_ns, t2_ns, t3_ns, t4_ns
    FROM answered JOIN clocks own USING (host, boot)
    JOIN clocks other ON peer = other.host AND peer_boot = other.boot
    ORDER BY node, seq, mono_ns
"""


class Epoch(NamedTuple):
    """One boot of one host: the reach of one monotonic clock."""

    host: str
    boot: str


Pair = tuple[Epoch, Epoch]
Pairs = dict[Pair, OffsetBounds | BrokenBounds]
"""The offset of each pair's clocks: broken where a whole host, and its clock, stood still."""
Samples = dict[Pair, list[Ints]]
"""Of each pair the rows of `both_ways` of each of its probers."""


def from_probes(db: duckdb.DuckDBPyConnection, trial: int, faults: list[PlannedFault]) -> Pairs:
    """Return the band of each pair of epochs that answered clock probes in a trial."""
    each = f"SELECT host, boot {_ANSWERED} UNION SELECT peer, peer_boot {_ANSWERED}"
    clocks = [Epoch(*row) for row in db.execute(f"{each} ORDER BY ALL", [trial, trial]).fetchall()]
    if not clocks:
        return {}
    hosts, boots = (np.asarray(names, dtype=object) for names in zip(*clocks, strict=True))
    db.register("clocks", {"host": hosts, "boot": boots, "n": np.arange(len(clocks))})
    here, there, *stamps = db.execute(_STAMPS, [trial]).fetchnumpy().values()
    db.unregister("clocks")
    forth, back = both_ways(*np.stack(stamps).astype(np.int64))
    samples: Samples = defaultdict(list)
    for way, own in by_key(here * len(clocks) + there):
        one, other = (clocks[n] for n in divmod(way, len(clocks)))
        samples[one, other].append(forth[:, own])
        samples[other, one].append(back[:, own])
    return related(samples, faults)


def by_key(keys: Ints) -> Iterator[tuple[int, Ints]]:
    """Yield each key in the order of the first, and its places."""
    found, first, count = np.unique(keys, return_index=True, return_counts=True)
    places = np.split(np.argsort(keys, kind="stable"), np.cumsum(count)[:-1])
    for i in np.argsort(first).tolist():
        yield int(found[i]), places[i]


def related(samples: Samples, faults: list[PlannedFault]) -> Pairs:
    """Return the band of each pair under what is assumed of crystals.

    Where a pair breaks that, one of its two clocks did, so that all bands of both give way: others
    may be too wide to show it.
    """
    found = bands(samples, faults, {})
    broken_ppm = breaches_ppm(found)
    least_ppm = {pair: max(broken_ppm[epoch] for epoch in pair) for pair in samples}
    wider = {pair: parts for pair, parts in samples.items() if least_ppm[pair]}
    return found | bands(wider, faults, least_ppm)


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


def bands(samples: Samples, faults: list[PlannedFault], least_ppm: Mapping[Pair, float]) -> Pairs:
    """Return the band of each pair, each by itself; least_ppm: how fast offsets may wander at least
    because of what other pairs showed.
    """
    found: Pairs = {}
    steady: dict[Pair, Sampled] = {}
    for pair, parts in samples.items():
        rows = np.concatenate(parts, axis=1)
        wander = Wander(PAIR_WANDER_PPM, UNFITTED_PPM, least_ppm.get(pair, 0.0))
        if jumps := sum(freezes(faults, epoch.host) for epoch in pair):
            found[pair] = offset_fits.fit_broken(rows, wander, jumps)
        else:
            steady[pair] = Sampled(rows, wander, parts)
    found |= zip(steady, offset_fits.fit_all([*steady.values()]), strict=True)
    return {pair: found[pair] for pair in samples}


def freezes(faults: list[PlannedFault], host: str) -> int:
    """Return how often the host stands still, and perhaps its raw monotonic clock with it."""
    return sum(
        fault.kind.stops_host and not fault.kind.reboots and host in fault.targets
        for fault in faults
    )
