"""How long transactions waited for a block of the chain: what a censoring minority costs (B45)."""

from dataclasses import dataclass

from metrics.intake.trial import Event, TrialData
from metrics.measure.blocks import APPLIED, ID_DIGITS, ChainView, held
from metrics.measure.metric import TRUST, Columns, Expected, Figures, Metric, Pool
from metrics.model.method import Method
from metrics.model.quantiles import Samples, summarise
from metrics.model.shapes import Q


@dataclass(frozen=True, slots=True)
class Included:
    """A transaction of the client of host: how long after it was sent its block was applied there.

    phase: of the block's slot.
    """

    host: str
    phase: str
    t_ns: float
    lo_ns: float
    hi_ns: float


def measure(data: TrialData, chain: ChainView) -> list[Included]:
    """Return every transaction that a block of the final or best branch holds, by host and id.

    Of a repeated id the first counts; who sends nothing and what was sent elsewhere is not there.
    """
    listed = held(data)
    home = {short: id_ for id_ in sorted(chain.canonical) for short in listed.get(id_, ())}
    applied: dict[tuple[str, str], Event] = {}
    for event in data.events("applied", APPLIED):
        applied.setdefault((event.host, event.id), event)
    sent: dict[tuple[str, str], Event] = {}
    for event in data.events("txs", "id state"):
        if event.state == "sent":
            sent.setdefault((event.host, event.id[:ID_DIGITS]), event)
    found = []
    for (host, short), out in sorted(sent.items()):
        block = home.get(short, "")
        there = applied.get((host, block))
        if there is None:
            continue
        phase = data.phase_at(data.slot_time_ns(chain.blocks[block].slot))
        if there.boot == out.boot:
            waited = float(there.mono_ns - out.mono_ns)
            found.append(Included(host, phase, waited, waited, waited))
        else:
            found.append(
                Included(host, phase, there.t_ns - out.t_ns, there.lo_ns - out.hi_ns,
                         there.hi_ns - out.lo_ns)
            )  # fmt: skip
    return found


def pool(over: Pool[list[Included]]) -> Figures:
    """Return `inclusion_s` and `inclusion_by_host_s` of M: of blocks of the phases' slots."""
    trials = [[item for item in found if item.phase in over.phases] for _, found in over.trials]
    hosts = sorted({item.host for items in trials for item in items})
    return {
        "inclusion_s": summarise([_samples(items) for items in trials], scale=1e9, digits=6),
        "inclusion_by_host_s": {
            host: summarise(
                [_samples([item for item in items if item.host == host]) for items in trials],
                scale=1e9, digits=6,
            )
            for host in hosts
        },
    }  # fmt: skip


def _samples(items: list[Included]) -> Samples:
    samples = Samples()
    for item in items:
        if item.t_ns == item.t_ns:
            samples.add(item.t_ns, item.lo_ns, item.hi_ns)
        else:
            samples.unknown += 1
    return samples


METRIC = Metric(
    measure=measure,
    pool=pool,
    adds={"inclusion_s": Q, "inclusion_by_host_s": dict[str, Q]},
    methods=(
        Method(
            name="Until a block held the transaction",
            figures=("inclusion_s", "inclusion_by_host_s.*"),
            formula="From when a client sent it to when its own host's node applied the block of "
            "the final or best branch that holds it. By the client's host, whose own account the "
            "load is of.",
            left_out="Transactions of no such block, and those whose host never applied it: what "
            "became of them, Transactions says. A phase counts the blocks of its slots.",
            assumes="Both moments are of one host's clock. Blocks hold what who executed them told "
            "of them.",
        ),
    ),
    place=8,
    expected=(Expected("inclusion_s", quantiles=True),),
    columns=Columns(
        heads='<th class="n">included after<br>p50 / max (s)</th>',
        cells="\n<td class=\"n\">{{ figure(m.inclusion_s, 'p50') }} / "
        "{{ figure(m.inclusion_s, 'max') }}</td>",
        table=TRUST,
    ),
)  # fmt: skip
