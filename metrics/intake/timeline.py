"""One time line for all hosts of a trial, with hard bounds, from clock probes and NTP checks.

Two independent relations are kept apart. Between hosts: the offset of two CLOCK_MONOTONIC_RAW
clocks, bounded by every probe burst (half its smallest round trip, whatever the asymmetry). Between
the line and wall time: NTP checks of verified nodes. A cross-host latency needs only the first;
finality, which starts at a slot's nominal time, needs both. Time on the line counts from T0.

The bounds are as hard as what is assumed of crystals: see `clock_pairs`.
"""

from collections import defaultdict
from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import NamedTuple

import duckdb
import numpy as np

from faults.model.record import Record
from metrics.intake import offset_fits
from metrics.intake.clock_pairs import (
    CRYSTAL_PPM,
    Epoch,
    Pair,
    Pairs,
    breaches_ppm,
    freezes,
    from_probes,
)
from metrics.intake.event_validation import Intake
from metrics.intake.offset_bounds import OffsetBounds
from metrics.intake.offset_fits import NEVER_FITTED, Wander
from metrics.model.arrays import Bools, Floats, Ints
from metrics.model.plan import Plan, PlannedFault, PlannedTrial
from metrics.model.run_folder import TrialFile

WALL_WANDER_PPM = CRYSTAL_PPM
"""How fast true wall time and a raw monotonic clock may part; no drift is fitted to them."""
UNRELATED = "unrelated: "
"""How a problem begins that leaves times of a node unknown."""
MEASURED = frozenset({"slot_due", "produced", "received", "applied", "irreversible"})
"""Which events of a node figures are made of."""
SETTLE_NS = 5_000_000_000
"""Around a fault of a host's clock its checks tell nothing: late heals, answers on their way."""
LIE_LINGERS_NS = 60_000_000_000
"""A redirected flow may stay redirected in the kernel's memory for some time."""
_CHECKS = """
    SELECT epoch, wall_ns, mono_ns, offset_ns, bound_ns
    FROM event_clock JOIN epochs USING (host, boot)
    WHERE trial = ? AND verified AND bound_ns > 0 ORDER BY node, seq, mono_ns
"""


class Interval(NamedTuple):
    """Arrays of values with the ends they must lie between (floats; infinite where not known)."""

    mid: Floats
    lo: Floats
    hi: Floats


@dataclass(frozen=True, slots=True)
class Timeline:
    """Maps (host, boot, mono) to time since T0, and pairs of stamps to latencies.

    breaches_ppm: by how much each epoch's clock may break what is assumed of its rate.
    """

    reference: Epoch | None
    pairs: Pairs
    wall: OffsetBounds | None
    t0_wall_ns: int
    t0_mono_ns: int | None
    problems: list[str] = field(default_factory=list)
    breaches_ppm: dict[Epoch, float] = field(init=False)

    def __post_init__(self) -> None:
        """Look through the pairs once, not for each latency."""
        object.__setattr__(self, "breaches_ppm", breaches_ppm(self.pairs))

    def line(self, epoch: Epoch, mono: Ints) -> Interval:
        """Return the time since T0 of stamps of one epoch; all unknown (nan) when unrelated.

        The interval holds the error between hosts and that of wall time.
        """
        related = self.to_reference(epoch, mono)
        if related is not None and self.wall is not None:
            low, high = related
            first = (low + self.wall.at(low)[0] - self.t0_wall_ns).astype(np.float64)
            last = (high + self.wall.at(high)[1] - self.t0_wall_ns).astype(np.float64)
            return Interval((first + last) / 2, first, last)
        if related is not None and self.t0_mono_ns is not None:
            return _unbounded((_halfway(*related) - self.t0_mono_ns).astype(np.float64))
        return _unbounded(np.full(len(mono), np.nan))

    def to_reference(self, epoch: Epoch, mono: Ints) -> tuple[Ints, Ints] | None:
        """Return (lower, upper) of the stamps on the reference clock; None when unrelated.

        Two boots that never lived together are related over a third that knew both.
        """
        if epoch == self.reference:
            return mono, mono
        if self.reference is None:
            return None
        found = self.pairs.get((epoch, self.reference))
        if found is not None:
            low, high = found.at(mono)
            return mono + low, mono + high
        third = self._third(epoch, self.reference)
        if third is None:
            return None
        low, high = self.pairs[epoch, third].at(mono)
        onward = self.pairs[third, self.reference]
        return mono + low + onward.at(mono + low)[0], mono + high + onward.at(mono + high)[1]

    def forget_latencies(self) -> None:
        """Forget the bounds of pairs, most of all, that no stamp needs to be put on the line."""
        direct = {self.reference} | {a for a, b in self.pairs if b == self.reference}
        if all(a in direct for a, _ in self.pairs):
            for pair in [pair for pair in self.pairs if pair[1] != self.reference]:
                del self.pairs[pair]

    def _third(self, epoch: Epoch, reference: Epoch) -> Epoch | None:
        """Return the epoch over which two others are related most tightly."""
        ways = {
            b: found.median_half_ns + self.pairs[b, reference].median_half_ns
            for (a, b), found in self.pairs.items()
            if a == epoch and (b, reference) in self.pairs
        }
        return min(sorted(ways), key=lambda b: ways[b], default=None)

    def latency(self, start: Epoch, start_mono: Ints, end: Epoch, end_mono: Ints) -> Interval:
        """Return end - start in ns along the direct pair; unknown (nan) when that was never probed.

        The end is put on the start's clock at the end's time, so that a long latency is as right as
        a short one; both ends then carry what that clock's rate may be off (CRYSTAL_PPM).
        """
        ticks = end_mono - start_mono
        low = high = np.zeros_like(ticks)
        if start != end:
            found = self.pairs.get((end, start))
            if found is None:
                return _unbounded(np.full(len(ticks), np.nan))
            low, high = found.at(end_mono)
        rate_ppm = CRYSTAL_PPM + self.breaches_ppm[start]
        off = rate_ppm / (10**6 - rate_ppm)
        low, high = ticks + low, ticks + high
        first, last = low - np.abs(low) * off, high + np.abs(high) * off
        return Interval((first + last) / 2, first, last)

    def closure_ns(self) -> float | None:
        """Return the worst triangle closure of the middles: a consistency figure, no bound."""
        epochs = sorted({a for a, _ in self.pairs})
        ways = [((a, b), (b, c), (c, a)) for a, b, c in combinations(epochs, 3)]
        ways = [three for three in ways if all(pair in self.pairs for pair in three)]
        if not ways:
            return None
        middles = {pair: _middle(self.pairs[pair].times) for pair in {three[0] for three in ways}}
        begin = np.asarray([middles[three[0]] for three in ways], dtype=np.int64)
        there = begin
        for pairs in zip(*ways, strict=True):
            there = self._over(pairs, there)
        return float(np.abs(there - begin).max())

    def _over(self, pairs: Sequence[Pair], mono: Ints) -> Ints:
        """Return each stamp as the other clock of a pair has it, by the middle of the bounds."""
        places: dict[Pair, list[int]] = defaultdict(list)
        for place, pair in enumerate(pairs):
            places[pair].append(place)
        found = mono.copy()
        for pair, own in places.items():
            found[own] += _halfway(*self.pairs[pair].at(mono[own]))
        return found


def _unbounded(value: Floats) -> Interval:
    """Return values of which no error is known."""
    return Interval(value, value - np.inf, value + np.inf)


def bends_truth(fault: PlannedFault) -> bool:
    """Return whether a fault bends a whole host's clock, or what its time servers tell it.

    A process's skew does not count: its own checks see it and take it off again.
    """
    return fault.kind.clock == "lie" or fault.asked.get("level") in ("host", "daemon")


def believes_a_lie(faults: list[PlannedFault], host: str, since_ns: float) -> bool:
    """Return whether the host's own checks may vouch for a wrong clock at a time since T0."""
    return any(
        fault.at_ns <= since_ns < fault.end_ns + LIE_LINGERS_NS
        for fault in faults
        if fault.kind.clock == "lie" and host in fault.targets
    )


def build(
    db: duckdb.DuckDBPyConnection,
    plan: Plan,
    planned: PlannedTrial,
    trial: TrialFile,
    agents: list[Record],
    intake: Intake,
) -> Timeline:
    """Return the trial's time line; what contradicts itself is named in its `problems`.

    The truth about wall time is what NTP says through verified hosts, and never through a host
    while its own clock or what its servers tell is bent on purpose.
    """
    problems: list[str] = []
    pairs = from_probes(db, trial.n, planned.faults)
    for (a, b), found in sorted(pairs.items()):
        if a < b and found.empty:
            problems.append(f"clock probes between {a.host} and {b.host} contradict each other")
        elif a < b and found.shown_ppm:
            problems.append(
                f"clock probes between {a.host} and {b.host} need a rate change of up to "
                f"{found.shown_ppm:.0f} ppm, more than assumed: all bounds of the two are wider"
            )
    known = epochs(intake)
    reference = _reference(plan, planned.faults, pairs, known)
    t0_mono_ns = _armed_t0(agents, reference, known)
    bare = Timeline(reference, pairs, None, trial.t0_wall_ns, t0_mono_ns)
    problems += [
        f"{UNRELATED}{epoch.host} (boot {epoch.boot}): no answered clock probe ties it to the "
        "other hosts, so its times are not known"
        for epoch in epochs(intake, MEASURED)
        if bare.to_reference(epoch, np.zeros(0, dtype=np.int64)) is None
    ]
    wall = _wall(db, trial.n, bare, known, planned.faults)
    if wall is None:
        problems.append("no verified NTP check: wall time is not tied to the time line")
    elif wall.empty:
        problems.append("NTP checks of the hosts contradict each other")
    elif wall.shown_ppm:
        problems.append(
            "NTP checks of the hosts need a rate change of true time of up to "
            f"{wall.shown_ppm:.0f} ppm, more than assumed (a time server slews): bounds against "
            "slot times are wider"
        )
    return replace(bare, wall=wall, problems=problems)


def epochs(intake: Intake, kinds: Container[str] = ()) -> list[Epoch]:
    """Return every boot of every host that wrote events in a trial, or whose node wrote some."""
    return sorted(
        {
            Epoch(host, boot)
            for host, node, boot, kind in intake.told
            if not kinds or (node == host and kind in kinds)
        }
    )


def _reference(
    plan: Plan, faults: list[PlannedFault], pairs: Pairs, found: list[Epoch]
) -> Epoch | None:
    """Return the epoch whose probes reach most others, by what is assumed of crystals; of several
    the tightest, then the first of the plan.

    One of a host that stands still for a while only where all do.
    """
    order = {host.host: i for i, host in enumerate(plan.hosts)}

    def rank(epoch: Epoch) -> tuple[float, ...]:
        bands = [b for (a, _), b in pairs.items() if a == epoch]
        breaches = sum(b.shown_ppm > 0 for b in bands)
        worst = max((round(b.median_half_ns, -3) for b in bands), default=0.0)
        place = order.get(epoch.host, len(order))
        return freezes(faults, epoch.host), -len(bands), breaches, worst, place

    return min(found, key=rank, default=None)


def _armed_t0(agents: list[Record], reference: Epoch | None, known: list[Epoch]) -> int | None:
    """Return T0 on the reference host's own clock, as its agent armed it in that boot."""
    if reference is None:
        return None
    # In a container agents and nodes may name one boot differently: only one, no doubt.
    only = sum(epoch.host == reference.host for epoch in known) == 1
    return next(
        (record.read_back["t0_mono_ns"] for record in agents
         if record.host == reference.host and (only or record.boot == reference.boot)
         and record.read_back.get("t0_mono_ns") is not None),
        None,
    )  # fmt: skip


def _wall(
    db: duckdb.DuckDBPyConnection,
    trial: int,
    bare: Timeline,
    known: list[Epoch],
    faults: list[PlannedFault],
) -> OffsetBounds | None:
    """Return the band of (true wall time - reference clock), by trusted hosts' verified checks.

    known: the trial's epochs, by the places that the database has of them.
    """
    points: list[Ints] = []
    wander_ppm: float = WALL_WANDER_PPM
    if bare.reference:
        wander_ppm += bare.breaches_ppm[bare.reference]
    told = db.execute(_CHECKS, [trial]).fetchnumpy()
    for place in np.unique(told["epoch"]).tolist():
        wall, mono, offset, bound = (
            told[name][told["epoch"] == place]
            for name in ("wall_ns", "mono_ns", "offset_ns", "bound_ns")
        )
        related = bare.to_reference(known[place], mono)
        if related is None:
            continue
        low, high = related
        middle, true = (low + high) // 2, wall - offset
        slack = np.ceil((high - low) * wander_ppm / 1e6).astype(np.int64) + 1
        rows = np.stack([middle, true - bound - high - slack, true + bound - low + slack])
        since = None if bare.t0_mono_ns is None else middle - bare.t0_mono_ns
        points.append(rows[:, ~_bent(faults, known[place].host, since, len(mono))])
    whole = np.concatenate([np.zeros((3, 0), dtype=np.int64), *points], axis=1)
    if not whole.size:
        return None
    return offset_fits.fit(whole, Wander(NEVER_FITTED, wander_ppm))


def _bent(faults: list[PlannedFault], host: str, since_ns: Ints | None, count: int) -> Bools:
    """Return whether a fault bends the host's clock, or what it is told, at times since T0.

    Without a T0 on the line, the whole trial counts.
    """
    found = np.zeros(count, dtype=bool)
    for fault in faults:
        if bends_truth(fault) and host in fault.targets:
            after_ns = LIE_LINGERS_NS if fault.kind.clock == "lie" else SETTLE_NS
            first_ns, last_ns = fault.at_ns - SETTLE_NS, fault.end_ns + after_ns
            found |= since_ns is None or (first_ns <= since_ns) & (since_ns < last_ns)
    return found


def _middle(times: Ints) -> int:
    return int(times[len(times) // 2])


def _halfway(low: Ints, high: Ints) -> Ints:
    return low + (high - low) // 2
