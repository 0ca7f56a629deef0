"""When half of the producers had built on each block: so long a user waits where slots are missed.

Latency = time of the `safe` event that has the block - nominal time of its slot (PROTOCOL B40); the
headline is that of the quorum of hosts, as for finality, of the same blocks.
"""

import numpy as np

from metrics.intake.trial import TrialData
from metrics.measure.blocks import ChainView, by_node
from metrics.measure.branches import TOLD, Branch
from metrics.measure.finality import QUORUM, Finality, judged, lag_samples, latency_samples
from metrics.measure.metric import TRUST, Columns, Expected, Figures, Metric, Pool
from metrics.measure.moments import Firsts, placed
from metrics.model.method import Method
from metrics.model.quantiles import summarise
from metrics.model.shapes import Q

SAFE = "first num"


def measure(data: TrialData, chain: ChainView) -> Finality:
    """Return every block that finality is judged by, with when hosts told that it is safe.

    Of a record of before such events there are none.
    """
    blocks, left_out = judged(data, chain)
    told = _told(data, {item.block.id: i for i, item in enumerate(blocks)})
    if not data.events("safe", SAFE):
        blocks = []
    lags = np.asarray([lag for *_, lag in told], dtype=np.int64)
    found = Firsts(*np.asarray([line for *line, _ in told], dtype=np.int64).reshape(-1, 4).T)
    return Finality(blocks, left_out, placed(data, len(blocks), found, lags))


def _told(data: TrialData, places: dict[str, int]) -> list[tuple[int, ...]]:
    """Return (block, epoch, seq, mono_ns, lag) of when each host told first that a block is safe,
    and by the head of which lag.

    places: those of the blocks that are asked for.
    """
    epochs = {epoch: i for i, epoch in enumerate(data.epochs)}
    found: dict[tuple[str, str], tuple[int, ...]] = {}
    for host, lines in by_node(data, {**TOLD, "safe": SAFE}, frozenset()).items():
        branch = Branch()
        for line in lines:
            branch.take(line)
            if line.kind == "safe":
                for num, id_ in branch.between(line.first, line.num):
                    if id_ in places and (host, id_) not in found:
                        lag = branch.blocks[-1].num - num
                        found[host, id_] = (
                            places[id_], epochs[line.epoch], line.seq, line.mono_ns, lag
                        )  # fmt: skip
    return list(found.values())


def pool(over: Pool[Finality]) -> Figures:
    """Return `safe_s` and `safe_lag_blocks` of M; of one phase by the blocks final within it."""
    chosen = [
        (found, found.within(over.phases, all_of_them=over.whole), data)
        for data, found in over.trials
    ]
    latencies = [latency_samples(*own, QUORUM) for own in chosen]
    return {
        "safe_s": summarise(latencies, scale=1e9, digits=6),
        "safe_lag_blocks": summarise([lag_samples(*own) for own in chosen], scale=1, digits=3),
    }


METRIC = Metric(
    measure=measure,
    pool=pool,
    adds={"safe_s": Q, "safe_lag_blocks": Q},
    methods=(
        Method(
            name="Until half of the producers confirmed",
            figures=("safe_s", "safe_lag_blocks"),
            formula="When hosts with a quorum of the producers had told that half of the "
            "producers, rounded up, built on the block, minus the nominal time of its slot. Who "
            "made a block has built on it. Lag: the number of the head with which that was so, "
            "minus its own. The k-th host's moment is found as for finality.",
            left_out="The blocks that finality leaves out, of one phase those that cross into the "
            "next by finality's measure. Where nodes tell no such event there are none.",
            assumes="Each node tells each rise, in order. Half is not final: a split may undo it "
            "(reversals.after_safe).",
            source="seed: wait until half of the witnesses have confirmed, a minute or two",
        ),
    ),
    place=8,
    expected=(
        Expected("safe_s", quantiles=True), Expected("safe_lag_blocks", quantiles=True),
    ),
    columns=Columns(
        heads='<th class="n">half confirmed<br>p50 / max (s)</th>',
        cells="\n<td class=\"n\">{{ figure(m.safe_s, 'p50') }} / {{ figure(m.safe_s, 'max') }}"
        "{% if m.safe_s.censored %}<br>{{ m.safe_s.censored }} open{% endif %}</td>",
        table=TRUST,
    ),
)  # fmt: skip
