"""What became of the clients' transactions, judged by the blocks."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from metrics.intake.trial import TrialData
from metrics.measure.blocks import ID_DIGITS, ChainView, held
from metrics.measure.metric import Columns, Expected, Figures, Metric, Pool
from metrics.model.cell_load import paces, sent_until_ns
from metrics.model.method import Method
from metrics.model.plan import PlannedAct
from metrics.model.shapes import Counts, part

TX = "id state reason act"


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction that a client of host sent at t_ns, and what the chain made of it.

    act: the word of what a timeline asked for, "" for load. included: in a block of the final or of
    the best branch; final: in a final block; told: the states its client and its entry node told
    of; reason: the word they gave for refusing it. lost is what Transactions says of lost ones.
    """

    host: str
    act: str
    t_ns: float
    told: frozenset[str]
    included: bool
    final: bool
    refused: bool
    lost: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Transactions:
    """What the clients of a trial sent, in order of id.

    known: whether the record tells what each block of the chain holds. A transaction is refused if
    it was told rejected and no block ever held it. It is lost if it was sent long enough before the
    end to be final, was not refused, and is in no final block; so expired ones are lost, and those
    of an orphaned block that came into no other.
    """

    sent: list[Sent]
    known: bool


def measure(data: TrialData, chain: ChainView) -> Transactions:
    """Return every transaction the clients sent, judged by the blocks and not by the nodes' word.

    Of a repeated id the first counts.
    """
    told: dict[str, set[str]] = defaultdict(set)
    first: dict[str, tuple[float, str, str]] = {}
    reasons: dict[str, str] = {}
    for e in data.events("txs", TX):
        told[e.id].add(e.state)
        if e.state == "sent":
            own = e.t_ns, e.host, e.act
            first[e.id] = min(first.get(e.id, own), own)
        elif e.reason:
            reasons.setdefault(e.id, e.reason)
    blocks = held(data)

    def within(ids: Iterable[str]) -> set[str]:
        """Return the beginnings of ids of transactions that blocks hold."""
        return {short for id_ in ids for short in blocks.get(id_, ())}

    in_any, in_chain, in_final = map(within, (blocks, chain.canonical, chain.final))
    judged_ns = chain.judged_until_ns(data)
    found = []
    for id_, (t_ns, host, act) in sorted(first.items()):
        short, states = id_[:ID_DIGITS], frozenset(told[id_])
        final = short in in_final
        refused = "rejected" in states and short not in in_any
        lost = t_ns <= judged_ns and not refused and not final
        found.append(
            Sent(
                host=host, act=act, t_ns=t_ns, told=states, included=short in in_chain, final=final,
                refused=refused, lost=lost, reason=reasons.get(id_, ""),
            )
        )  # fmt: skip
    return Transactions(found, known=chain.canonical <= blocks.keys())


def undone_acts(found: Transactions, acts: Iterable[PlannedAct]) -> list[str]:
    """Return a sentence for each act of a timeline that did nothing, in order of time."""
    sent = sorted((item for item in found.sent if item.act), key=lambda item: item.t_ns)
    left = Counter((act.host, act.act) for act in acts) - Counter((x.host, x.act) for x in sent)
    texts = []
    for item in sent:
        what = f"{item.act}, sent by the client of {item.host} at {item.t_ns / 1e9:.1f} s,"
        if item.refused:
            texts.append(f"{what} was refused: {item.reason or 'no reason told'}")
        elif item.lost and found.known:
            texts.append(f"{what} is in no final block")
    unsaid = (
        f"no client of {host} told that it sent {act}" for host, act in sorted(left.elements())
    )
    return [*texts, *unsaid]


def pool(over: Pool[Transactions]) -> Figures:
    """Return the `transactions` part of M."""
    chosen = [
        item
        for data, found in over.trials
        for start_ns, end_ns in over.windows(data)
        for item in found.sent
        if start_ns <= item.t_ns < end_ns
    ]
    known = all(found.known for data, found in over.trials if over.windows(data))
    return {"transactions": counts(chosen, known=known)}


def counts(sent: list[Sent], *, known: bool) -> Figures:
    """Return the `transactions` part of M for those transactions.

    What only the blocks can tell is None where the record does not say what they hold.
    """
    lost_by_host = Counter(item.host for item in sent if item.lost)
    return {
        "sent": len(sent),
        "included": sum(item.included for item in sent) if known else None,
        "irreversible": sum(item.final for item in sent) if known else None,
        "rejected": sum(item.refused for item in sent),
        "expired": sum("expired" in item.told and not item.included for item in sent),
        "lost": lost_by_host.total() if known else None,
        "lost_by_host": dict(sorted(lost_by_host.items())) if known else None,
    }


def beside_asked(data: TrialData, found: Transactions) -> list[Figures]:
    """Return, by phase, how much of the load was asked and how much sent, also a second, and counts
    of what was sent. asked: None of a closed loop, which is no number by time.
    """
    plan = data.plan
    own = paces(plan.cell_of(data.planned), len(plan.hosts), sent_until_ns(plan.end_ns))
    closed = any(pace.shape.closed for pace in own)
    rows: list[Figures] = []
    for name in dict.fromkeys(phase.name for phase in data.phases):
        windows = [(p.start_ns, p.end_ns) for p in data.phases if p.name == name]
        asked = (
            None
            if closed
            else sum(pace.asked(int(start), int(end)) for start, end in windows for pace in own)
        )
        sent = [
            item
            for start_ns, end_ns in windows
            for item in found.sent
            if not item.act and start_ns <= item.t_ns < end_ns
        ]
        seconds = sum(end - start for start, end in windows) / 1e9
        rows.append({
            "phase": name, "asked": asked, **counts(sent, known=found.known),
            "asked_rate": asked / seconds if seconds and asked is not None else None,
            "sent_rate": len(sent) / seconds if seconds else None,
        })  # fmt: skip
    return rows


_METHOD = Method(
    name="Transactions",
    figures=(
        *(f"transactions.{key}" for key in ("sent", "included", "irreversible", "rejected")),
        *(f"transactions.{key}" for key in ("expired", "lost", "lost_by_host.*")),
    ),
    formula="Of those sent in the phase. Included: in a block of the final or best branch. "
    "Irreversible: in a final block. Rejected: told so, and in no block ever. Expired: told "
    "so, and in no block of that branch. Lost: sent long enough before the end to be final, "
    "not rejected, and in no final block; by the host it was sent to.",
    left_out="Those sent in the last round and largest predicted lag before the end are never "
    "lost. Those of unknown times; warm-up from the whole trial.",
    assumes="Blocks hold what who executed them told of them; unknown where nobody told. "
    f"The first {ID_DIGITS} digits of an id are its own.",
    counts=(("phases.warmup.transactions.sent", "of warm-up"),),
)
METRIC = Metric(
    measure=measure,
    pool=pool,
    adds={
        "transactions": part(
            "Transactions",
            sent=int,
            included=int | None,
            irreversible=int | None,
            rejected=int,
            expired=int,
            lost=int | None,
            lost_by_host=Counts | None,
        )
    },
    methods=(_METHOD,),
    place=7,
    expected=tuple(
        Expected(f"transactions.{key}") for key in ("sent", "included", "irreversible", "lost")
    ),
    columns=Columns(
        heads='<th class="n">tx included<br>/ sent (lost)</th>',
        cells='\n<td class="n">{{ known(m.transactions.included) }} / {{ m.transactions.sent }}'
        "{% if m.transactions.lost %} ({{ m.transactions.lost }}){% endif %}</td>",
    ),
)
