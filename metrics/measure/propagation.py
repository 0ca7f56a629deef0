"""Block propagation host by host: from `produced` at the maker to `received` at each other host.

Each latency is taken along the directly probed pair, so its error is that pair's clock bound alone.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from metrics.intake.trial import Event, TrialData
from metrics.measure.blocks import (
    ORPHANED,
    PRODUCED,
    UNRECORDED,
    YOUNG,
    ChainView,
    LeftOut,
    sum_left_out,
)
from metrics.measure.metric import OF_BLOCK, OF_PHASE, Figures, Frame, Metric, Pool, Table
from metrics.measure.moments import Firsts, firsts, latencies
from metrics.model.arrays import Floats, Ints, Objects
from metrics.model.method import Method
from metrics.model.quantiles import Samples, summarise
from metrics.model.shapes import Counts, Q

YOUNG_NS = 5_000_000_000
"""Blocks made this close to the end are left out: some hosts had no chance to get them."""
LEFT_OUT = (ORPHANED, YOUNG, UNRECORDED)


@dataclass(frozen=True, slots=True)
class Hops:
    """Blocks on their way from their makers to one host each, as columns, in order of number.

    Latencies are nan where the pair's clocks are not related.
    """

    num: Ints
    id: Objects
    slot: Ints
    phase: Objects
    source: Objects
    target: Objects
    mid_ns: Floats
    lo_ns: Floats
    hi_ns: Floats

    @property
    def frame(self) -> Frame:
        """Return the columns of its table."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return {("latency_ns" if name == "mid_ns" else name): own for name, own in found.items()}


@dataclass(frozen=True, slots=True)
class Propagation:
    """All hops of a trial, and per (phase, from, to) how many blocks never arrived."""

    hops: Hops
    never: dict[tuple[str, str, str], int]
    left_out: LeftOut


def measure(data: TrialData, chain: ChainView) -> Propagation:
    """Return every first arrival of a block of the chain at a host other than its maker's."""
    made: dict[str, Event] = {}
    for event in data.events("produced", PRODUCED):
        made.setdefault(event.id, event)
    sent: list[Event] = []
    left_out: LeftOut = Counter()
    young_ns = data.end_ns - YOUNG_NS
    for block in chain.blocks.values():
        id_, slot_ns = block.id, data.slot_time_ns(block.slot)
        start = made.get(id_)
        if id_ not in chain.canonical or slot_ns > young_ns or start is None:
            why = ORPHANED if id_ not in chain.canonical else YOUNG if start else UNRECORDED
            left_out[data.phase_at(slot_ns), why] += 1
        else:
            sent.append(start)
    phases = [data.phase_at(data.slot_time_ns(start.slot)) for start in sent]
    arrived = _arrived(data, sent)
    hops = _hops(data, sent, phases, arrived)
    return Propagation(hops, _never(data, sent, phases, arrived), left_out)


def _arrived(data: TrialData, sent: list[Event]) -> Firsts:
    """Return the first arrivals of blocks at hosts other than their makers'."""
    found = firsts(data, "received", [start.id for start in sent])
    makers = np.asarray([start.host for start in sent], dtype=object)[found.block]
    hosts = data.epoch_hosts[found.epoch]
    away = makers != hosts
    return Firsts(*(getattr(found, each.name)[away] for each in fields(found)))


def _never(
    data: TrialData, sent: list[Event], phases: list[str], arrived: Firsts
) -> dict[tuple[str, str, str], int]:
    hosts = {host: i for i, host in enumerate(data.intake.hosts)}
    there = np.zeros((len(sent), len(hosts)), dtype=bool)
    at = np.asarray([hosts[epoch.host] for epoch in data.epochs], dtype=np.int64)
    there[arrived.block, at[arrived.epoch]] = True
    there[np.arange(len(sent)), [hosts[start.host] for start in sent]] = True
    never: Counter[tuple[str, str, str]] = Counter()
    for block, host in np.argwhere(~there).tolist():
        never[phases[block], sent[block].host, data.intake.hosts[host]] += 1
    return dict(never)


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
    hops = found.hops
    inside = np.flatnonzero(np.isin(hops.phase, list(phases)))
    ways: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, source, target in zip(
        inside.tolist(), hops.source[inside].tolist(), hops.target[inside].tolist(), strict=True
    ):
        ways[source, target].append(i)
    result: dict[tuple[str, str], Samples] = defaultdict(Samples)
    for way, own in ways.items():
        result[way].add_all(hops.mid_ns[own], hops.lo_ns[own], hops.hi_ns[own])
    for (phase, source, target), count in found.never.items():
        if phase in phases:
            result[source, target].censored += count
    return dict(result)


def _hops(data: TrialData, sent: list[Event], phases: list[str], arrived: Firsts) -> Hops:
    places = {epoch: i for i, epoch in enumerate(data.epochs)}
    start = np.asarray([places[each.epoch] for each in sent], dtype=np.int64)[arrived.block]
    made_ns = np.asarray([each.mono_ns for each in sent], dtype=np.int64)[arrived.block]
    times = latencies(data, start, made_ns, arrived.epoch, arrived.mono_ns)
    host = data.epoch_hosts
    rank = np.unique(host.astype(str), return_inverse=True)[1]
    num = np.asarray([each.num for each in sent], dtype=np.int64)[arrived.block]
    order = np.lexsort((arrived.block, arrived.epoch, start, rank[arrived.epoch], rank[start], num))
    block = arrived.block[order]

    def of_blocks(values: list[Any], kind: Any) -> Any:
        return np.asarray(values, dtype=kind)[block]

    return Hops(
        num[order],
        of_blocks([each.id for each in sent], object),
        of_blocks([each.slot for each in sent], np.int64),
        of_blocks(phases, object),
        host[start[order]],
        host[arrived.epoch[order]],
        *times[:, order],
    )


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
    adds={"propagation_ms": dict[str, dict[str, Q]], "propagation_left_out": Counts},
    methods=(_METHOD,),
    place=5,
    table=Table(
        "propagation",
        "a block on its way from its maker to one host",
        {
            **OF_BLOCK,
            "slot": "slot of the block",
            **OF_PHASE,
            "source": "host of its maker",
            "target": "host that received it",
            "latency_ns": "from made to received there first; unknown where no probe relates them",
            "lo_ns": "least that may have been",
            "hi_ns": "most that may have been",
        },
        lambda found: found.hops.frame,
    ),
)
