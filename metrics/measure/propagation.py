"""Block propagation host by host: from `produced` at the maker to `received` at each other host.

Each latency is taken along the directly probed pair, so its error is that pair's clock bound alone.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np

from metrics.intake.clock_pairs import Epoch
from metrics.intake.trial import Event, TrialData
from metrics.measure.blocks import (
    ORPHANED,
    PRODUCED,
    RECEIVED,
    UNRECORDED,
    YOUNG,
    ChainView,
    LeftOut,
    sum_left_out,
)
from metrics.measure.metric import Figures, Metric, Pool, Table
from metrics.model.method import Method
from metrics.model.quantiles import Samples, summarise

YOUNG_NS = 5_000_000_000
"""Blocks made this close to the end are left out: some hosts had no chance to get them."""
LEFT_OUT = (ORPHANED, YOUNG, UNRECORDED)


@dataclass(frozen=True, slots=True)
class Hop:
    """One block from its maker to one host; nan where the pair's clocks are not related."""

    id: str
    num: int
    slot: int
    phase: str
    source: str
    target: str
    mid_ns: float
    lo_ns: float
    hi_ns: float


@dataclass(frozen=True, slots=True)
class Propagation:
    """All hops of a trial, and per (phase, from, to) how many blocks never arrived."""

    hops: list[Hop]
    never: dict[tuple[str, str, str], int]
    left_out: LeftOut


def measure(data: TrialData, chain: ChainView) -> Propagation:
    """Return every first arrival of a block of the chain at a host other than its maker's."""
    made: dict[str, Event] = {}
    for event in data.events("produced", PRODUCED):
        made.setdefault(event.id, event)
    arrived: dict[tuple[str, str], Event] = {}
    for event in data.events("received", RECEIVED):
        arrived.setdefault((event.id, event.host), event)
    pairs: dict[tuple[Epoch, Epoch], list[tuple[Event, Event]]] = defaultdict(list)
    never: dict[tuple[str, str, str], int] = defaultdict(int)
    left_out: LeftOut = Counter()
    young_ns = data.end_ns - YOUNG_NS
    for block in chain.blocks.values():
        id_, slot_ns = block.id, data.slot_time_ns(block.slot)
        start = made.get(id_)
        if id_ not in chain.canonical or slot_ns > young_ns or start is None:
            why = ORPHANED if id_ not in chain.canonical else YOUNG if start else UNRECORDED
            left_out[data.phase_at(slot_ns), why] += 1
            continue
        for host in data.intake.hosts:
            if host == start.host:
                continue
            end = arrived.get((id_, host))
            if end is None:
                never[data.phase_at(slot_ns), start.host, host] += 1
            else:
                pairs[start.epoch, end.epoch].append((start, end))
    hops = [hop for pair, found in sorted(pairs.items()) for hop in _hops(data, pair, found)]
    hops.sort(key=lambda hop: (hop.num, hop.source, hop.target))
    return Propagation(hops, dict(never), left_out)


def pool(over: Pool[Propagation]) -> Figures:
    """Return propagation's part of M: {from: {to: quantiles}}, and the blocks left out."""
    per_trial = [samples(found, over.phases) for _, found in over.trials]
    table: dict[str, dict[str, Figures]] = {}
    for source, target in sorted({pair for found in per_trial for pair in found}):
        parts = [found.get((source, target), Samples()) for found in per_trial]
        table.setdefault(source, {})[target] = summarise(parts, scale=1e6, digits=6)
    left_out = [found.left_out for _, found in over.trials]
    return {
        "propagation_ms": table,
        "propagation_left_out": sum_left_out(left_out, over.phases, LEFT_OUT),
    }


def samples(found: Propagation, phases: frozenset[str]) -> dict[tuple[str, str], Samples]:
    """Return the samples of each (from, to) in the named phases."""
    result: dict[tuple[str, str], Samples] = defaultdict(Samples)
    for hop in found.hops:
        if hop.phase not in phases:
            continue
        if hop.mid_ns != hop.mid_ns:
            result[hop.source, hop.target].unknown += 1
        else:
            result[hop.source, hop.target].add(hop.mid_ns, hop.lo_ns, hop.hi_ns)
    for (phase, source, target), count in found.never.items():
        if phase in phases:
            result[source, target].censored += count
    return dict(result)


def _hops(
    data: TrialData, pair: tuple[Epoch, Epoch], found: list[tuple[Event, Event]]
) -> list[Hop]:
    starts = np.asarray([start.mono_ns for start, _ in found], dtype=np.int64)
    ends = np.asarray([end.mono_ns for _, end in found], dtype=np.int64)
    latency = data.timeline.latency(pair[0], starts, pair[1], ends)
    hops = []
    times = zip(*(each.tolist() for each in latency), strict=True)
    for (start, end), (mid, lo, hi) in zip(found, times, strict=True):
        phase = data.phase_at(data.slot_time_ns(start.slot))
        hops.append(Hop(start.id, start.num, start.slot, phase, start.host, end.host, mid, lo, hi))
    return hops


_METHOD = Method(
    name="Propagation",
    figures=("propagation_ms.*.*", "propagation_left_out.*"),
    formula="When a host first received a block, minus when its maker made it, along the "
    "directly probed pair of raw clocks. Blocks fetched while catching up count as well. A "
    "block that never arrived is censored.",
    left_out=f"Orphaned blocks, those of the last {YOUNG_NS / 1e9:g} s, and those whose making "
    "is not on record. Hops between clocks that no probe relates are unknown.",
    assumes="The clock bound of that pair; the maker's line is written when the block is "
    "handed to the links.",
    counts=(
        ("metrics.propagation_left_out.orphaned", "orphaned"),
        ("metrics.propagation_left_out.young", "too near the end"),
        ("metrics.propagation_left_out.unrecorded", "without a record"),
        ("metrics.propagation_ms.*.*.censored", "hops censored"),
        ("metrics.propagation_ms.*.*.unknown", "hops unknown"),
    ),
)
METRIC = Metric(
    measure=measure,
    pool=pool,
    methods=(_METHOD,),
    place=5,
    table=Table(
        "propagation",
        "num id slot phase source target latency_ns lo_ns hi_ns",
        lambda found: (
            (h.num, h.id, h.slot, h.phase, h.source, h.target, h.mid_ns, h.lo_ns, h.hi_ns)
            for h in found.hops
        ),
    ),
)
