"""When each block became irreversible, at each host and at a quorum of producers.

Latency = time of the `irreversible` event - nominal time of the block's slot. Lag = number of the
head that made the block final - the block's own number (PROTOCOL A.13). The headline view is the
quorum's: the moment when hosts with two thirds and one of the producers that were scheduled for the
block hold it final.
"""

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial

from metrics.intake.trial import TrialData
from metrics.measure.blocks import (
    APPLIED,
    IRREVERSIBLE,
    ORPHANED,
    YOUNG,
    Block,
    ChainView,
    LeftOut,
    sum_left_out,
)
from metrics.measure.metric import FINALITY, Columns, Expected, Figures, Metric, Pool, Table
from metrics.model.method import Method
from metrics.model.plan import BASELINE, Plan
from metrics.model.quantiles import Samples, summarise

QUORUM = "quorum"
VIEWS = (QUORUM, "first", "median", "last")
LEFT_OUT = (ORPHANED, YOUNG)


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
    """A measured block, its phase (by slot time), and its finality where it was reached.

    settles: its finality was due within that phase (by the predicted lag and one slot), and it is
    not of the chain's first round, in which nobody has anything to confirm. Others say something of
    the phase that comes next as well, so a phase is judged without them, whatever became of them.
    weights: of each host, how many of those scheduled for the block it signs for; needed: a quorum
    of them.
    """

    block: Block
    slot_ns: int
    phase: str
    settles: bool
    at: dict[str, Final]
    weights: Mapping[str, int]
    needed: int
    _viewed: dict[str, Final | None] = field(default_factory=dict, init=False, compare=False)


@dataclass(frozen=True, slots=True)
class Finality:
    """The blocks of a trial that finality is judged by, and how many it leaves out."""

    blocks: list[BlockFinality]
    left_out: LeftOut


def measure(data: TrialData, chain: ChainView) -> Finality:
    """Return the finality of every block old enough to be judged, by number."""
    return judged(data, chain, _finals(data))


def judged(data: TrialData, chain: ChainView, finals: Mapping[str, dict[str, Final]]) -> Finality:
    """Return every block old enough to be judged, by number, with what hosts reached of it when.

    finals: by block and host the moment of finality, or of what a user may take for it.
    """
    first_ns = chain.intervals.after(0, data.plan.round_blocks)
    lag = data.plan.prediction.finality_lag_blocks
    weights = cache(partial(_weights, data.plan))
    old = {block.id: block for block in chain.measured(data)}
    result = []
    for block in old.values():
        slot_ns = data.slot_time_ns(block.slot)
        window = data.window_at(slot_ns)
        if window is None:
            continue
        due_ns = chain.intervals.after(slot_ns, lag.max + 1)
        settles = slot_ns >= first_ns and due_ns <= window.end_ns
        at = finals.get(block.id, {})
        names = chain.schedules.of_block(block.num)
        needed = data.plan.quorum_of(len(names))
        result.append(
            BlockFinality(block, slot_ns, window.name, settles, at, weights(names), needed)
        )
    left_out = Counter(
        (data.phase_at(data.slot_time_ns(block.slot)),
         YOUNG if block.id in chain.canonical else ORPHANED)
        for block in chain.blocks.values()
        if block.id not in old
    )  # fmt: skip
    return Finality(result, left_out)


def _weights(plan: Plan, names: frozenset[str]) -> dict[str, int]:
    """Return how many of the named producers each host signs for."""
    return {host.host: len(names.intersection(plan.producers_of(host))) for host in plan.hosts}


def pool(over: Pool[Finality]) -> Figures:
    """Return finality's part of M; of one phase alone by the blocks due to be final within it."""
    inside = [
        (data, [item for item in found.blocks if item.phase in over.phases])
        for data, found in over.trials
    ]
    judged = [
        (data, [item for item in items if item.settles or over.whole]) for data, items in inside
    ]

    def latency(name: str) -> Figures:
        samples = [latency_samples(items, data, name) for data, items in judged]
        return summarise(samples, scale=1e9, digits=6)

    crossing = sum(not item.settles for _, items in inside for item in items)
    lags = [lag_samples(items, data) for data, items in judged]
    left_out = [found.left_out for _, found in over.trials]
    return {
        "finality_lag_blocks": summarise(lags, scale=1, digits=3),
        "finality_crossing": 0 if over.whole else crossing,
        "finality_left_out": sum_left_out(left_out, over.phases, LEFT_OUT),
        "finality_latency_s": latency(QUORUM),
        **{f"finality_latency_{name}_s": latency(name) for name in VIEWS if name != QUORUM},
    }


def view(item: BlockFinality, data: TrialData, name: str) -> Final | None:
    """Return the finality of a block in one of VIEWS, None when that was not reached.

    The k-th host's moment lies between the k-th smallest of all lower ends and the k-th smallest of
    all upper ends: which host is the k-th is not known where intervals overlap. A host whose times
    are not known may have been any: where that leaves an end open, so is the moment (nan).
    """
    if name not in item._viewed:
        item._viewed[name] = _view(item, data, name)
    return item._viewed[name]


def _view(item: BlockFinality, data: TrialData, name: str) -> Final | None:
    hosts = data.plan.hosts
    weights = item.weights if name == QUORUM else dict.fromkeys((host.host for host in hosts), 1)
    needed = {
        "first": 1, "median": (len(hosts) + 1) // 2, "last": len(hosts), QUORUM: item.needed
    }[name]  # fmt: skip
    there = sorted(host for host in item.at if host in weights)
    at = [item.at[host] for host in there]
    own = [weights[host] for host in there]
    if sum(own) < needed:
        return None
    vague = any(math.isnan(other.t_ns) for other in at)
    mid_ns = [math.inf if math.isnan(f.t_ns) else f.t_ns for f in at]
    found = at[_reach(mid_ns, own, needed)]
    low = at[_reach([f.lo_ns for f in at], own, needed)]
    high = at[_reach([f.hi_ns for f in at], own, needed)]
    lost = vague and not (math.isfinite(low.lo_ns) and math.isfinite(high.hi_ns))
    t_ns = math.nan if lost else min(max(found.t_ns, low.lo_ns), high.hi_ns)
    return replace(found, t_ns=t_ns, lo_ns=low.lo_ns, hi_ns=high.hi_ns)


def _reach(moments: list[float], weights: list[int], needed: int) -> int:
    """Return the index of the moment by which those with the needed weight are there."""
    weight = 0
    for i in sorted(range(len(moments)), key=moments.__getitem__):
        weight += weights[i]
        if weight >= needed:
            return i
    raise AssertionError("all have less than the needed weight")


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
        final = view(item, data, QUORUM)
        if final is None:
            samples.censored += 1
        else:
            samples.add(final.lag_blocks, final.lag_blocks, final.lag_blocks)
    return samples


def by_position(items: list[BlockFinality], data: TrialData) -> dict[int, list[int]]:
    """Return the lags of the baseline's settled blocks by position in the turn, over all hosts."""
    found: dict[int, list[int]] = defaultdict(list)
    for item in items:
        if item.phase != BASELINE or not item.settles:
            continue
        position = item.block.slot % data.plan.blocks_per_turn
        found[position] += [final.lag_blocks for final in item.at.values()]
    return dict(found)


def _finals(data: TrialData) -> dict[str, dict[str, Final]]:
    """Return block id -> host -> finality; the head is the one applied last before it, by seq."""
    heads: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for event in data.events("applied", APPLIED):
        heads[event.node].append((event.seq, event.num))
    result: dict[str, dict[str, Final]] = defaultdict(dict)
    for event in data.events("irreversible", IRREVERSIBLE):
        own = heads[event.node]
        before = bisect_left(own, (event.seq,))
        lag = own[before - 1][1] - event.num if before else 0
        final = Final(event.host, event.t_ns, event.lo_ns, event.hi_ns, lag)
        result[event.id].setdefault(event.host, final)
    return result


_LEFT_OUT = (
    ("metrics.finality_left_out.orphaned", "orphaned"),
    ("metrics.finality_left_out.young", "too near the end"),
    ("phases.*.finality_crossing", "crossing"),
)
_METHODS = (
    Method(
        name="Finality at the quorum, first, median and last host",
        figures=(
            "finality_latency_s",
            *(f"finality_latency_{name}_s" for name in VIEWS if name != QUORUM),
            "finality_crossing",
            "finality_left_out.*",
        ),
        formula="The moment a host told the block irreversible, minus the nominal time of its "
        "slot. Quorum: when hosts with ⌊2n/3⌋ + 1 of the n producers that were scheduled for the "
        "block hold it (BitShares: n − ⌊3n/10⌋). "
        "First, median, last: the 1st, ⌈N/2⌉-th and N-th of N hosts. The k-th moment lies between "
        "the k-th of all lower and the k-th of all upper ends.",
        left_out="Orphaned blocks; those whose slot lies in the last round and largest predicted "
        "lag before the end. Of a phase, those not due to be final within it, and the chain's "
        "first round (crossing). Not final by the end: censored, never left out.",
        assumes="Nominal times are those of true wall time, as NTP tells it; ± holds its bound and "
        "that between hosts.",
        counts=(*_LEFT_OUT, ("metrics.finality_latency_s.censored", "censored")),
    ),
    Method(
        name="Finality lag",
        figures=("finality_lag_blocks",),
        formula="At the host that completes the quorum: the number of the block executed last "
        "before the block became irreversible, minus its own number.",
        left_out="As for finality.",
        assumes="A node writes its lines in order; no clock but to find that host.",
        source="the profile's rules, as in node/chain/eosio/finality.py and "
        "node/chain/bitshares/finality.py",
        counts=_LEFT_OUT,
    ),
)
METRIC = Metric(
    measure=measure,
    pool=pool,
    methods=_METHODS,
    place=1,
    expected=(
        Expected("finality_lag_blocks", quantiles=True),
        Expected("finality_latency_s", quantiles=True),
    ),
    table=Table(
        "finality",
        "phase num id slot producer slot_t_ns host final_t_ns lo_ns hi_ns lag_blocks",
        lambda found: (
            (i.phase, i.block.num, i.block.id, i.block.slot, i.block.producer,
             i.slot_ns, host, f.t_ns, f.lo_ns, f.hi_ns, f.lag_blocks)
            for i in found.blocks for host, f in sorted(i.at.items())
        ),
    ),
    columns=Columns(
        heads='<th class="n">blocks<br>judged</th>'
        '<th class="n">lag p50 / max<br>(blocks)</th>\n<th class="n">finality p50<br>(s)</th>'
        '<th class="n">finality p95<br>(s)</th><th class="n">last host p95<br>(s)</th>',
        cells='\n<td class="n">{{ m.finality_lag_blocks.n }}{% if m.finality_crossing %}<br>'
        '<span class="soft small">{{ m.finality_crossing }} crossing</span>{% endif %}</td>'
        "<td class=\"n\">{{ figure(m.finality_lag_blocks, 'p50') }} / "
        "{{ figure(m.finality_lag_blocks, 'max') }}</td>\n"
        "<td class=\"n\">{{ figure(m.finality_latency_s, 'p50') }}</td>"
        "<td class=\"n\">{{ figure(m.finality_latency_s, 'p95') }}</td>"
        "<td class=\"n\">{{ figure(m.finality_latency_last_s, 'p95') }}</td>\n",
        table=FINALITY,
    ),
)  # fmt: skip
