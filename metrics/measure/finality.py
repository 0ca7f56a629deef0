"""When each block became irreversible, at each host and at a quorum of producers.

Latency = time of the `irreversible` event - nominal time of the block's slot. Lag = number of the
head that made the block final - the block's own number (PROTOCOL A.13). The headline view is the
quorum's: the moment when hosts with two thirds and one of the producers hold the block final.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import dataclass

from metrics.intake.trial import OUTSIDE, TrialData
from metrics.measure.blocks import APPLIED, IRREVERSIBLE, Block, ChainView
from metrics.model.quantiles import Samples

VIEWS = ("quorum", "first", "median", "last")


@dataclass(frozen=True, slots=True)
class Final:
    """A block's finality at one host: t_ns since T0 with its interval, and the lag in blocks."""

    host: str
    t_ns: float
    lo_ns: float
    hi_ns: float
    lag_blocks: int


@dataclass(frozen=True, slots=True)
class BlockFinality:
    """A measured block, its phase (by slot time), and its finality where it was reached."""

    block: Block
    slot_ns: int
    phase: str
    at: dict[str, Final]


def measure(data: TrialData, chain: ChainView) -> list[BlockFinality]:
    """Return the finality of every block old enough to be judged, by number."""
    finals = _finals(data)
    result = []
    for block in chain.measured(data):
        slot_ns = data.slot_time_ns(block.slot)
        phase = data.phase_at(slot_ns)
        if phase != OUTSIDE:
            result.append(BlockFinality(block, slot_ns, phase, finals.get(block.id, {})))
    return result


def view(item: BlockFinality, data: TrialData, name: str) -> Final | None:
    """Return the finality of a block in one of VIEWS, None when that was not reached."""
    ordered = sorted(item.at.values(), key=lambda final: final.t_ns)
    hosts = len(data.plan.hosts)
    match name:
        case "first":
            return ordered[0] if ordered else None
        case "last":
            return ordered[-1] if len(ordered) == hosts else None
        case "median":
            middle = (hosts - 1) // 2
            return ordered[middle] if len(ordered) > middle else None
        case _:
            return _quorum(ordered, data)


def _quorum(ordered: list[Final], data: TrialData) -> Final | None:
    weights = {host.host: len(host.producers) for host in data.plan.hosts}
    weight = 0
    for final in ordered:
        weight += weights.get(final.host, 0)
        if weight >= data.plan.quorum:
            return final
    return None


def latency_samples(items: list[BlockFinality], data: TrialData, name: str) -> Samples:
    """Return latencies in ns in one view; a block not final by the end is censored."""
    samples = Samples()
    for item in items:
        final = view(item, data, name)
        if final is None:
            samples.censored += 1
        elif final.t_ns != final.t_ns:
            samples.unknown += 1
        else:
            start = item.slot_ns
            samples.add(final.t_ns - start, final.lo_ns - start, final.hi_ns - start)
    return samples


def lag_samples(items: list[BlockFinality], data: TrialData) -> Samples:
    """Return lags in blocks at the host that completes the quorum."""
    samples = Samples()
    for item in items:
        final = view(item, data, "quorum")
        if final is None:
            samples.censored += 1
        else:
            samples.add_exact(final.lag_blocks)
    return samples


def undisturbed(items: list[BlockFinality], data: TrialData) -> list[BlockFinality]:
    """Return the blocks of the baseline that the prediction speaks of.

    Left out, whatever became of them: the first round, in which nobody has anything to confirm, and
    blocks whose predicted finality falls behind the baseline's end, into the first fault.
    """
    lag = data.plan.prediction.finality_lag_blocks
    first = data.file.genesis_slot + 1 + data.plan.round_slots
    due_ns = ((lag.max if lag else 0) + 1) * data.plan.slot_ns
    ends = [phase.end_ns for phase in data.planned.phases if phase.name == "baseline"]
    return [
        item
        for item in items
        if item.phase == "baseline"
        and item.block.slot >= first
        and item.slot_ns + due_ns <= max(ends, default=0)
    ]


def by_position(items: list[BlockFinality], data: TrialData) -> dict[int, list[int]]:
    """Return the lags of undisturbed blocks by position in the turn, over all hosts."""
    found: dict[int, list[int]] = defaultdict(list)
    for item in undisturbed(items, data):
        position = item.block.slot % data.plan.blocks_per_turn
        found[position] += [final.lag_blocks for final in item.at.values()]
    return dict(found)


def median_lag(lags: list[int]) -> float:
    """Return the median of lags (at least one)."""
    return float(statistics.median(lags))


def _finals(data: TrialData) -> dict[str, dict[str, Final]]:
    """Return block id -> host -> finality; the head is the one applied last before it, by seq."""
    steps: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for event in data.events("applied", APPLIED):
        steps[event.node].append((event.seq, event.fields[0]))
    cursor: dict[str, int] = defaultdict(int)
    result: dict[str, dict[str, Final]] = defaultdict(dict)
    for event in data.events("irreversible", IRREVERSIBLE):
        num, id_ = event.fields
        heads, i = steps[event.node], cursor[event.node]
        while i < len(heads) and heads[i][0] < event.seq:
            i += 1
        cursor[event.node] = i
        lag = heads[i - 1][1] - num if i else 0
        final = Final(event.host, event.t_ns, event.lo_ns, event.hi_ns, lag)
        result[id_].setdefault(event.host, final)
    return result
