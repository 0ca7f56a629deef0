"""When each block became irreversible, at each host and at a quorum of producers.

Latency = time of the `irreversible` event - nominal time of the block's slot. Lag = number of the
head that made the block final - the block's own number (PROTOCOL A.13). The headline view is the
quorum's: the moment when hosts with two thirds and one of the producers that were scheduled for the
block hold it final.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import numpy as np

from metrics.intake.trial import TrialData
from metrics.measure.blocks import ORPHANED, YOUNG, Block, ChainView, LeftOut, sum_left_out
from metrics.measure.metric import (
    FINALITY,
    OF_BLOCK,
    OF_PHASE,
    WITHIN,
    Columns,
    Expected,
    Figures,
    Frame,
    Metric,
    Pool,
    Table,
)
from metrics.measure.moments import Firsts, Moments, View, firsts, placed
from metrics.model.arrays import Ints
from metrics.model.method import Method
from metrics.model.plan import BASELINE, Plan
from metrics.model.quantiles import Samples, summarise
from metrics.model.shapes import Counts, Q

QUORUM = "quorum"
VIEWS = (QUORUM, "first", "median", "last")
LEFT_OUT = (ORPHANED, YOUNG)


@dataclass(frozen=True, slots=True)
class JudgedBlock:
    """A block that finality is judged by, and its phase (by slot time).

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
    weights: Mapping[str, int]
    needed: int


@dataclass(frozen=True, slots=True)
class Finality:
    """The blocks of a trial that finality is judged by, when hosts reached it, and how many blocks
    are left out.
    """

    blocks: list[JudgedBlock]
    left_out: LeftOut
    moments: Moments
    _viewed: dict[str, View] = field(default_factory=dict, init=False, compare=False)

    def within(self, phases: frozenset[str], *, all_of_them: bool) -> Ints:
        """Return the places of the blocks of some phases: those that settle, or all."""
        return np.asarray(
            [i for i, item in enumerate(self.blocks)
             if item.phase in phases and (all_of_them or item.settles)],
            dtype=np.int64,
        )  # fmt: skip


def measure(data: TrialData, chain: ChainView) -> Finality:
    """Return the finality of every block old enough to be judged, by number."""
    blocks, left_out = judged(data, chain)
    found = firsts(data, "irreversible", [item.block.id for item in blocks])
    return Finality(blocks, left_out, placed(data, len(blocks), found, _lags(data, blocks, found)))


def judged(data: TrialData, chain: ChainView) -> tuple[list[JudgedBlock], LeftOut]:
    """Return every block old enough to be judged, by number, and how many are not among them."""
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
        names = chain.schedules.of_block(block.num)
        needed = data.plan.quorum_of(len(names))
        result.append(JudgedBlock(block, slot_ns, window.name, settles, weights(names), needed))
    left_out = Counter(
        (data.phase_at(data.slot_time_ns(block.slot)),
         YOUNG if block.id in chain.canonical else ORPHANED)
        for block in chain.blocks.values()
        if block.id not in old
    )  # fmt: skip
    return result, left_out


def _weights(plan: Plan, names: frozenset[str]) -> dict[str, int]:
    """Return how many of the named producers each host signs for."""
    return {host.host: len(names.intersection(plan.producers_of(host))) for host in plan.hosts}


def pool(over: Pool[Finality]) -> Figures:
    """Return finality's part of M; of one phase alone by the blocks due to be final within it."""
    chosen = [
        (data, found, found.within(over.phases, all_of_them=over.whole))
        for data, found in over.trials
    ]

    def latency(name: str) -> Figures:
        return summarise(
            [latency_samples(found, own, data, name) for data, found, own in chosen],
            scale=1e9, digits=6,
        )  # fmt: skip

    crossing = sum(
        item.phase in over.phases and not item.settles
        for _, found in over.trials
        for item in found.blocks
    )
    lags = [lag_samples(found, own, data) for data, found, own in chosen]
    left_out = [found.left_out for _, found in over.trials]
    return {
        "finality_lag_blocks": summarise(lags, scale=1, digits=3),
        "finality_crossing": 0 if over.whole else crossing,
        "finality_left_out": sum_left_out(left_out, over.phases, LEFT_OUT),
        "finality_latency_s": latency(QUORUM),
        **{f"finality_latency_{name}_s": latency(name) for name in VIEWS if name != QUORUM},
    }


def view(found: Finality, data: TrialData, name: str) -> View:
    """Return the moments at which the blocks were final in one of VIEWS."""
    if name not in found._viewed:
        hosts = len(data.plan.hosts)
        needed = {"first": 1, "median": (hosts + 1) // 2, "last": hosts}.get(name)
        every = [item.needed if needed is None else needed for item in found.blocks]
        weights = _weight_table(found, data.plan, alike=needed is not None)
        found._viewed[name] = found.moments.view(weights, np.asarray(every, dtype=np.int64))
    return found._viewed[name]


def _weight_table(found: Finality, plan: Plan, *, alike: bool) -> Ints:
    """Return the weight of each host for each block, below zero where it is not in the plan."""
    hosts = found.moments.hosts
    ones = dict.fromkeys((host.host for host in plan.hosts), 1)
    rows: dict[int, list[int]] = {}
    for item in found.blocks:
        own = ones if alike else item.weights
        rows.setdefault(id(own), [own.get(host, -1) for host in hosts])
    table = [rows[id(ones if alike else item.weights)] for item in found.blocks]
    return np.asarray(table, dtype=np.int64).reshape(len(found.blocks), len(hosts))


def latency_samples(found: Finality, chosen: Ints, data: TrialData, name: str) -> Samples:
    """Return latencies in ns in one view; a block not final by the end is censored."""
    seen = view(found, data, name)
    own = chosen[seen.reached[chosen]]
    start = np.asarray([item.slot_ns for item in found.blocks], dtype=np.int64)[own]
    samples = Samples(censored=len(chosen) - len(own))
    samples.add_all(seen.t_ns[own] - start, seen.lo_ns[own] - start, seen.hi_ns[own] - start)
    return samples


def lag_samples(found: Finality, chosen: Ints, data: TrialData) -> Samples:
    """Return lags in blocks at the host that completes the quorum."""
    seen = view(found, data, QUORUM)
    own = chosen[seen.reached[chosen]]
    lags = seen.lag_blocks[own].astype(np.float64)
    samples = Samples(censored=len(chosen) - len(own))
    samples.add_all(lags, lags, lags)
    return samples


def by_position(found: Finality, data: TrialData) -> dict[int, list[int]]:
    """Return the lags of the baseline's settled blocks by position in the turn, over all hosts."""
    positions: dict[int, list[int]] = defaultdict(list)
    for i in found.within(frozenset({BASELINE}), all_of_them=False).tolist():
        position = found.blocks[i].block.slot % data.plan.blocks_per_turn
        positions[position] += found.moments.lag_blocks[i][found.moments.there[i]].tolist()
    return dict(positions)


def _lags(data: TrialData, blocks: list[JudgedBlock], found: Firsts) -> Ints:
    """Return the lag of each first line: the head is the one applied last before it, by seq."""
    lags = np.zeros(len(found.block), dtype=np.int64)
    nums = np.asarray([item.block.num for item in blocks], dtype=np.int64)[found.block]
    heads = data.columns("applied", "node num")
    wrote = np.flatnonzero(heads["node"] == data.epoch_hosts[heads["epoch"]])
    _, of_epoch = data.writers
    hosts, writers = of_epoch[found.epoch], of_epoch[heads["epoch"][wrote]]
    for host in np.unique(hosts):
        own, lines = np.flatnonzero(hosts == host), wrote[writers == host]
        before = np.searchsorted(heads["seq"][lines], found.seq[own])
        some = before > 0
        lags[own[some]] = heads["num"][lines[before[some] - 1]] - nums[own[some]]
    return lags


def _rows(found: Finality) -> Frame:
    """Return a row for each block at each host that held it irreversible."""
    block, host = np.nonzero(found.moments.there)
    items = found.blocks

    def of_blocks(values: Iterable[Any], kind: Any) -> Any:
        return np.asarray([*values], dtype=kind)[block]

    return {
        "phase": of_blocks((item.phase for item in items), object),
        "num": of_blocks((item.block.num for item in items), np.int64),
        "id": of_blocks((item.block.id for item in items), object),
        "slot": of_blocks((item.block.slot for item in items), np.int64),
        "producer": of_blocks((item.block.producer for item in items), object),
        "slot_t_ns": of_blocks((item.slot_ns for item in items), np.int64),
        "host": np.asarray(found.moments.hosts, dtype=object)[host],
        "final_t_ns": found.moments.t_ns[block, host],
        "lo_ns": found.moments.lo_ns[block, host],
        "hi_ns": found.moments.hi_ns[block, host],
        "lag_blocks": found.moments.lag_blocks[block, host],
    }


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
    adds={
        "finality_lag_blocks": Q,
        "finality_crossing": int,
        "finality_left_out": Counts,
        "finality_latency_s": Q,
        **{f"finality_latency_{name}_s": Q for name in VIEWS if name != QUORUM},
    },
    methods=_METHODS,
    place=1,
    expected=(
        Expected("finality_lag_blocks", quantiles=True),
        Expected("finality_latency_s", quantiles=True),
    ),
    table=Table(
        "finality",
        "a judged block at a host that held it irreversible",
        {
            **OF_PHASE,
            **OF_BLOCK,
            "slot": "slot of the block",
            "producer": "who made it",
            "slot_t_ns": "nominal time of the slot",
            "host": "host that held it irreversible",
            "final_t_ns": "when it first did",
            **WITHIN,
            "lag_blocks": "number of the head that made it so, minus its own",
        },
        _rows,
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
