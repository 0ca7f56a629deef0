"""What became of the clients' transactions, judged by the blocks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from metrics.intake.trial import TrialData
from metrics.measure.blocks import ChainView
from metrics.measure.metric import Columns, Expected, Figures, Metric, Pool
from metrics.model.method import Method

TX = "id state"
ID_DIGITS = 16
"""So much of a transaction's id do `applied` events give."""
_HELD = (
    "SELECT id, max(tx_count), arg_max(transactions, len(transactions)) FROM events "
    "WHERE trial = ? AND kind = 'applied' GROUP BY id ORDER BY id"
)


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction that a client of host sent at t_ns, and what the chain made of it.

    included: in a block of the final or of the best branch; final: in a final block; told: the
    states its client and its entry node told of. lost is what Transactions says of lost ones.
    """

    host: str
    t_ns: float
    told: frozenset[str]
    included: bool
    final: bool
    refused: bool
    lost: bool


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


@dataclass(frozen=True, slots=True)
class _Held:
    """Beginnings of ids of transactions: in any block, in one of the chain, in a final one."""

    anywhere: frozenset[str]
    chain: frozenset[str]
    final: frozenset[str]
    known: bool


def measure(data: TrialData, chain: ChainView) -> Transactions:
    """Return every transaction the clients sent, judged by the blocks and not by the nodes' word.

    Of a repeated id the first counts.
    """
    told: dict[str, set[str]] = defaultdict(set)
    first: dict[str, tuple[float, str]] = {}
    for event in data.events("tx", TX):
        id_, state = event.fields
        told[id_].add(state)
        if state == "sent":
            first[id_] = min(first.get(id_, (event.t_ns, event.host)), (event.t_ns, event.host))
    held = _held(data, chain)
    judged_ns = data.end_ns - data.horizon_ns
    found = []
    for id_, (t_ns, host) in sorted(first.items()):
        short, states = id_[:ID_DIGITS], frozenset(told[id_])
        final = short in held.final
        refused = "rejected" in states and short not in held.anywhere
        lost = t_ns <= judged_ns and not refused and not final
        found.append(Sent(host, t_ns, states, short in held.chain, final, refused, lost))
    return Transactions(found, held.known)


def pool(over: Pool[Transactions]) -> Figures:
    """Return the `transactions` part of M."""
    parts = [
        counts(found, start_ns, end_ns)
        for data, found in over.trials
        for start_ns, end_ns in over.windows(data)
    ]
    return {"transactions": _merge(parts)}


def counts(items: Transactions, start_ns: float, end_ns: float) -> dict[str, Any]:
    """Return the `transactions` part of M for those sent in [start_ns, end_ns).

    What only the blocks can tell is None where the record does not say what they hold.
    """
    chosen = [item for item in items.sent if start_ns <= item.t_ns < end_ns]
    lost_by_host: dict[str, int] = defaultdict(int)
    for item in chosen:
        if item.lost:
            lost_by_host[item.host] += 1
    known = items.known
    return {
        "sent": len(chosen),
        "included": sum(item.included for item in chosen) if known else None,
        "irreversible": sum(item.final for item in chosen) if known else None,
        "rejected": sum(item.refused for item in chosen),
        "expired": sum("expired" in item.told and not item.included for item in chosen),
        "lost": sum(lost_by_host.values()) if known else None,
        "lost_by_host": dict(sorted(lost_by_host.items())) if known else None,
    }


def _merge(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the sums over windows and trials; unknown is what is unknown in one of them."""
    total: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            total[key] = _plus(total[key], value) if key in total else value
    return total


def _plus(a: Any, b: Any) -> Any:
    if a is None or b is None:
        return None
    if isinstance(a, dict):
        return {host: a.get(host, 0) + b.get(host, 0) for host in sorted(a | b)}
    return a + b


def _held(data: TrialData, chain: ChainView) -> _Held:
    """Return which transactions the blocks hold, as those who executed them tell.

    Of one block every correct node tells the same, so the longest list is taken.
    """
    blocks: dict[str, list[str]] = {}
    for id_, count, listed in data.db.execute(_HELD, [data.file.n]).fetchall():
        if len(listed or []) >= (count or 0):
            blocks[id_] = listed or []
    final = {id_ for ids in chain.final.values() for id_ in ids}

    def within(ids: set[str]) -> frozenset[str]:
        return frozenset(short for id_ in ids for short in blocks.get(id_, ()))

    return _Held(within(set(blocks)), within(chain.canonical), within(final),
                 chain.canonical <= blocks.keys())  # fmt: skip


_METHODS = (
    Method(
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
    ),
)
METRIC = Metric(
    measure=measure,
    pool=pool,
    methods=_METHODS,
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
