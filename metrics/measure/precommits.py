"""How often a block that a branch had pre-committed was still undone, and how soon that is.

Finality of two stages promises nothing after the first (PROTOCOL A.8, F45): a node leaves a branch
that has pre-committed for one of which more is irreversible, or that is longer.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from metrics.intake.trial import OUTSIDE, Event, TrialData
from metrics.measure.blocks import YOUNG, ChainView, by_node
from metrics.measure.branches import TOLD, Branch
from metrics.measure.metric import (
    OF_BLOCK,
    OF_PHASE,
    Columns,
    Expected,
    Figures,
    Metric,
    Pool,
    Table,
)
from metrics.model.method import Method
from metrics.model.quantiles import Samples, summarise
from metrics.model.shapes import Counts, Q, part

_TOLD = {**TOLD, "precommitted": "first num"}
FINAL, REVERSED, OPEN = "final", "reversed", "open"
"""What became of a block by the end."""


@dataclass(slots=True)
class Precommit:
    """A block that was pre-committed on the head's branch of some host.

    lag_blocks: the number of the head that did so minus its own, at the host that was nearest;
    reversed_by: the hosts that undid the block afterwards. fate: one of FINAL, REVERSED, OPEN, or
    YOUNG, whatever became of it.
    """

    id: str
    num: int
    lag_blocks: int
    phase: str = OUTSIDE
    fate: str = OPEN
    reversed_by: set[str] = field(default_factory=set)


def measure(data: TrialData, chain: ChainView) -> list[Precommit]:
    """Return every block that was pre-committed at a correct host, by number."""
    found: dict[str, Precommit] = {}
    for lines in by_node(data, _TOLD, data.planned.liars).values():
        _follow(lines, found)
    last_ns = chain.judged_until_ns(data)
    for item in found.values():
        slot_ns = data.slot_time_ns(chain.blocks[item.id].slot)
        item.phase = data.phase_at(slot_ns)
        if slot_ns > last_ns:
            item.fate = YOUNG
        elif item.reversed_by:
            item.fate = REVERSED
        elif item.id in chain.final:
            item.fate = FINAL
    return sorted(found.values(), key=lambda item: (item.num, item.id))


def pool(over: Pool[list[Precommit]]) -> Figures:
    """Return `precommits` and `precommit_lag_blocks` of M: of blocks of the phases' slots."""
    trials = [[item for item in found if item.phase in over.phases] for _, found in over.trials]
    every = [item for items in trials for item in items]
    fates = Counter(item.fate for item in every)
    judged = [item for item in every if item.fate != YOUNG]
    decided = fates[FINAL] + fates[REVERSED]
    undone = Counter(host for item in judged for host in item.reversed_by)
    return {
        "precommits": {
            "blocks": len(judged),
            **{fate: fates[fate] for fate in (FINAL, REVERSED, OPEN, YOUNG)},
            "reversed_ratio": round(fates[REVERSED] / decided, 6) if decided else None,
            "by_host": dict(sorted(undone.items())),
        },
        "precommit_lag_blocks": summarise([_lags(items) for items in trials], scale=1, digits=3),
    }


def _lags(items: Iterable[Precommit]) -> Samples:
    samples = Samples()
    for item in items:
        samples.add(item.lag_blocks, item.lag_blocks, item.lag_blocks)
    return samples


def _follow(lines: list[Event], found: dict[str, Precommit]) -> None:
    """Add what one node pre-committed and undid, along its branch as it grew and was cut."""
    branch = Branch()
    held: set[str] = set()
    for line in lines:
        for block in branch.take(line):
            if block.id in held:
                found[block.id].reversed_by.add(line.host)
        if line.kind == "precommitted":
            for num, id_ in branch.between(line.first, line.num):
                held.add(id_)
                lag = branch.blocks[-1].num - num
                known = found.setdefault(id_, Precommit(id_, num, lag))
                known.lag_blocks = min(known.lag_blocks, lag)


_YOUNG = (("metrics.precommits.young", "too near the end"),)
METRIC = Metric(
    measure=measure,
    pool=pool,
    adds={
        "precommits": part(
            "Precommits",
            blocks=int,
            **dict.fromkeys((FINAL, REVERSED, OPEN, YOUNG), int),
            reversed_ratio=float | None,
            by_host=Counts,
        ),
        "precommit_lag_blocks": Q,
    },
    methods=(
        Method(
            name="Pre-committed blocks that were undone",
            figures=("precommits.*", "precommits.by_host.*"),
            formula="Blocks that some host's own branch pre-committed (EOSIO: proposed to be "
            "irreversible). Reversed: a host that had seen that switched to a branch without the "
            "block; by_host: how many each host undid. Final: no host did, and some host holds it "
            "irreversible. Open: neither. reversed_ratio: reversed of reversed and final.",
            left_out="Blocks whose slot lies in the last round and largest predicted lag before "
            "the end, whatever became of them; open ones from the ratio; what lying hosts tell. "
            "Where finality has one stage there are none.",
            assumes="Each node tells each rise and each switch, in order; no clock but for the "
            "phase, which is that of the slot. Blocks of one fork are undone together: the ratio "
            "counts blocks, not independent trials.",
            counts=(*_YOUNG, ("metrics.precommits.open", "open")),
        ),
        Method(
            name="Pre-commit lag",
            figures=("precommit_lag_blocks",),
            formula="The number of the head that pre-committed the block, minus its own; of hosts "
            "the least, which none that catches up can raise. Undone blocks and those near the "
            "end count.",
            left_out="What lying hosts tell.",
            assumes="A node writes its lines in order; no clock.",
            source="the rules of node/chain/eosio/finality.py: (Q − 1)·r − i blocks for position i "
            "of a turn of r",
        ),
    ),
    place=3,
    expected=(
        Expected("precommits.reversed"),
        Expected("precommits.reversed_ratio"),
        Expected("precommit_lag_blocks", quantiles=True),
    ),
    table=Table(
        "precommits",
        "a block that some host's own branch had pre-committed",
        {
            **OF_PHASE,
            **OF_BLOCK,
            "lag_blocks": "number of the head that did so minus its own, where it was nearest",
            "fate": "final, reversed, open, or young: too near the end",
            "reversed_by": "hosts that undid it afterwards",
        },
        lambda found: (
            (i.phase, i.num, i.id, i.lag_blocks, i.fate, " ".join(sorted(i.reversed_by)))
            for i in found
        ),
    ),
    columns=Columns(
        heads='<th class="n">pre-committed<br>and undone</th>'
        '<th class="n">pre-commit lag<br>p50 / max (blocks)</th>',
        cells='\n<td class="n">{% if m.precommits.blocks %}{{ m.precommits.reversed }} of '
        "{{ m.precommits.reversed + m.precommits.final }}{% if m.precommits.open %}<br>"
        '<span class="soft small">{{ m.precommits.open }} open</span>{% endif %}'
        "{% else %}–{% endif %}</td>"
        "<td class=\"n\">{{ figure(m.precommit_lag_blocks, 'p50') }} / "
        "{{ figure(m.precommit_lag_blocks, 'max') }}</td>\n",
    ),
)
