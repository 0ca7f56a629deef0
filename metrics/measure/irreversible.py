"""How far each host's last irreversible block came, and how many it gained meanwhile."""

from collections import Counter

from metrics.intake.trial import Event, TrialData
from metrics.measure.blocks import IRREVERSIBLE, ChainView
from metrics.measure.metric import FINALITY, Columns, Figures, Metric, Pool
from metrics.model.method import Method


def measure(data: TrialData, chain: ChainView) -> list[Event]:
    """Return every block that a node told irreversible."""
    return data.events("irreversible", IRREVERSIBLE)


def pool(over: Pool[list[Event]]) -> Figures:
    """Return the `irreversible` and `irreversible_advance` parts of M."""
    return {"irreversible": _highest(over), "irreversible_advance": _advance(over)}


def _highest(over: Pool[list[Event]]) -> dict[str, int]:
    """Return each host's last irreversible block at the end of the phases (least over trials)."""
    result: dict[str, int] = {}
    for data, events in over.trials:
        end_ns = max((end for _, end in over.windows(data)), default=0)
        top: Counter[str] = Counter()
        for e in events:
            if not e.t_ns >= end_ns:
                top[e.host] = max(top[e.host], e.num)
        for host, num in top.items():
            result[host] = min(result.get(host, num), num)
    return dict(sorted(result.items()))


def _advance(over: Pool[list[Event]]) -> dict[str, int]:
    """Return how many blocks became irreversible at each host during the phases."""
    result = Counter({host.host: 0 for data, _ in over.trials for host in data.plan.hosts})
    for data, events in over.trials:
        for start_ns, end_ns in over.windows(data):
            result.update(e.host for e in events if start_ns <= e.t_ns < end_ns)
    return dict(sorted(result.items()))


METRIC = Metric(
    measure=measure,
    pool=pool,
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
