"""How far each host's last irreversible block came, and how many it gained meanwhile."""

from typing import NamedTuple

import numpy as np

from metrics.intake.trial import TrialData
from metrics.measure.blocks import ChainView
from metrics.measure.metric import FINALITY, Columns, Figures, Metric, Pool
from metrics.model.arrays import Floats, Ints
from metrics.model.method import Method
from metrics.model.shapes import Counts


class Finals(NamedTuple):
    """What each host (its place in hosts) told irreversible, and when."""

    hosts: list[str]
    host: Ints
    num: Ints
    t_ns: Floats


def measure(data: TrialData, chain: ChainView) -> Finals:
    """Return each block that became irreversible at each host."""
    told = data.columns("irreversible", "num")
    hosts, places = data.writers
    return Finals(hosts, places[told["epoch"]], told["num"], told["t_ns"])


def pool(over: Pool[Finals]) -> Figures:
    """Return the `irreversible` and `irreversible_advance` parts of M."""
    return {"irreversible": _highest(over), "irreversible_advance": _advance(over)}


def _highest(over: Pool[Finals]) -> dict[str, int]:
    """Return each host's last irreversible block at the end of the phases (least over trials)."""
    result: dict[str, int] = {}
    for data, found in over.trials:
        end_ns = max((end for _, end in over.windows(data)), default=0)
        before = ~(found.t_ns >= end_ns)
        top = np.full(len(found.hosts), -1, dtype=np.int64)
        np.maximum.at(top, found.host[before], found.num[before])
        for host, num in zip(found.hosts, top.tolist(), strict=True):
            if num >= 0:
                result[host] = min(result.get(host, num), num)
    return dict(sorted(result.items()))


def _advance(over: Pool[Finals]) -> dict[str, int]:
    """Return how many blocks became irreversible at each host during the phases."""
    result = {host.host: 0 for data, _ in over.trials for host in data.plan.hosts}
    for data, found in over.trials:
        for start_ns, end_ns in over.windows(data):
            inside = (start_ns <= found.t_ns) & (found.t_ns < end_ns)
            counts = np.bincount(found.host[inside], minlength=len(found.hosts))
            for host, count in zip(found.hosts, counts.tolist(), strict=True):
                if count:
                    result[host] = result.get(host, 0) + count
    return dict(sorted(result.items()))


METRIC = Metric(
    measure=measure,
    pool=pool,
    adds={"irreversible": Counts, "irreversible_advance": Counts},
    methods=(
        Method(
            name="Blocks made irreversible",
            figures=("irreversible.*", "irreversible_advance.*"),
            formula="irreversible: a host's highest at the end of the phase, the lowest of all "
            "trials. irreversible_advance: how many became so at the host within the phase, in all "
            "trials.",
            left_out="Of the second, those told at unknown times; warm-up from the whole trial.",
            assumes="Each node tells every block once; the middle of the time's interval decides.",
        ),
    ),
    place=4,
    columns=Columns(
        heads='<th class="n">made final<br>by host</th>',
        cells='\n<td class="n">{{ spread(m.irreversible_advance) }}'
        "{% set still = frozen(m.irreversible_advance) %}"
        "{% if still %}<br>none: {{ still }}{% endif %}</td>",
        table=FINALITY,
    ),
)
