"""Transactions that a block held and no block of the chain holds: what a double spend looks like.

A transfer is undone by a reorganisation only (PROTOCOL B38). Whoever saw it so many blocks deep on
the branch of a node's head, and then no more, was deceived by so many confirmations.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from metrics.intake.trial import OUTSIDE, Event, TrialData
from metrics.measure.blocks import ID_DIGITS, IRREVERSIBLE, YOUNG, ChainView, by_node, held
from metrics.measure.branches import TOLD, Branch
from metrics.measure.metric import OF_PHASE, TRUST, Columns, Expected, Figures, Metric, Pool, Table
from metrics.model.method import Method
from metrics.model.shapes import Counts, part

_LINES = {**TOLD, "irreversible": IRREVERSIBLE, "safe": "first num"}
FINAL, SAFE = "final", "safe"
"""The most that a host had told of a block that it undid."""
TOLD_MOST = 100
"""So many reversed transactions of a trial does summary.json name."""


@dataclass(frozen=True, slots=True)
class Undone:
    """A block that some host's head left: how deep it lay there, and what had been told of it."""

    host: str
    depth: int
    promise: str


@dataclass(slots=True)
class Held:
    """A block that some host's head was on: its phase, and what each host that left it undid."""

    id: str
    num: int
    phase: str
    young: bool
    transactions: list[str]
    undone: list[Undone] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Reversed:
    """A transaction of a block that was undone, and of no block of the chain; act: its word."""

    id: str
    act: str
    block: Held

    @property
    def depth(self) -> int:
        """Return how deep it was seen at most."""
        return max(each.depth for each in self.block.undone)

    @property
    def hosts(self) -> list[str]:
        """Return who saw it and saw it go."""
        return sorted({each.host for each in self.block.undone})

    @property
    def promise(self) -> str:
        """Return the most that a host had told of it, "" where none told more than its block."""
        told = {each.promise for each in self.block.undone}
        return FINAL if FINAL in told else SAFE if SAFE in told else ""


@dataclass(frozen=True, slots=True)
class Reversals:
    """What correct hosts' heads held, in order of number, and which of it is reversed.

    known: whether the record tells what each block holds.
    """

    blocks: list[Held]
    reversed: list[Reversed]
    known: bool


def measure(data: TrialData, chain: ChainView) -> Reversals:
    """Return every block that the head of a correct host was on, and what is reversed of them."""
    listed = held(data)
    found: dict[str, Held] = {}
    last_ns = chain.judged_until_ns(data)
    for lines in by_node(data, _LINES, data.planned.liars).values():
        for line in lines:
            if line.kind == "applied" and line.id not in found:
                slot_ns = data.slot_time_ns(chain.blocks[line.id].slot)
                found[line.id] = Held(
                    line.id, line.num, data.phase_at(slot_ns), slot_ns > last_ns,
                    listed.get(line.id, []),
                )  # fmt: skip
        if any(line.kind == "switched" for line in lines):
            for id_, undone in _left(lines):
                found[id_].undone.append(undone)
    stayed = {short for id_ in chain.canonical for short in listed.get(id_, ())}
    acts = {e.id[:ID_DIGITS]: e.act for e in data.events("txs", "id act") if e.act}
    blocks = sorted(found.values(), key=lambda block: (block.num, block.id))
    gone = [
        Reversed(short, acts.get(short, ""), block)
        for block in blocks
        if block.undone and not block.young and block.phase != OUTSIDE
        for short in sorted(block.transactions)
        if short not in stayed
    ]
    known = chain.canonical <= listed.keys() and found.keys() <= listed.keys()
    return Reversals(blocks, gone, known)


def _left(lines: Iterable[Event]) -> Iterator[tuple[str, Undone]]:
    """Yield each block that the head of a node left, by its lines in order."""
    branch, told = Branch(), dict[str, str]()
    for line in lines:
        head = branch.blocks[-1].num if branch.blocks else 0
        for block in branch.take(line):
            yield block.id, Undone(line.host, head - block.num + 1, told.get(block.id, ""))
        if line.kind == "irreversible":
            told[line.id] = FINAL
        elif line.kind == "safe":
            told |= {b.id: SAFE for b in branch.between(line.first, line.num) if b.id not in told}


def pool(over: Pool[Reversals]) -> Figures:
    """Return the `reversals` part of M: of transactions in blocks of the phases' slots.

    What the record does not tell is None.
    """
    blocks = [b for _, found in over.trials for b in found.blocks if b.phase in over.phases]
    old = [block for block in blocks if not block.young]
    gone = [item for _, found in over.trials for item in found.reversed
            if item.block.phase in over.phases]  # fmt: skip
    if not all(found.known for data, found in over.trials if over.windows(data)):
        return {"reversals": dict.fromkeys(_KEYS)}
    seen = sum(len(block.transactions) for block in old)
    depths = Counter(item.depth for item in gone)
    return {
        "reversals": {
            "seen": seen,
            "undone": sum(len(block.transactions) for block in old if block.undone),
            "reversed": len(gone),
            "reversed_ratio": round(len(gone) / seen, 6) if seen else None,
            "after_safe": sum(item.promise == SAFE for item in gone),
            "after_final": sum(item.promise == FINAL for item in gone),
            "depth_max": max(depths, default=0),
            "depths": {str(depth): depths[depth] for depth in sorted(depths)},
            "by_host": dict(sorted(Counter(h for item in gone for h in item.hosts).items())),
            YOUNG: sum(len(block.transactions) for block in blocks if block.young),
        }
    }


def told(found: Reversals) -> Figures:
    """Return the `reversed` part of a trial: the first that are, by number of their blocks."""
    if not found.reversed or not found.known:
        return {}
    rows = [
        {"id": item.id, "act": item.act, "num": item.block.num, "depth": item.depth,
         "hosts": item.hosts, "after": item.promise}
        for item in found.reversed[:TOLD_MOST]
    ]  # fmt: skip
    return {"reversed": rows}


_KEYS = (
    "seen", "undone", "reversed", "reversed_ratio", "after_safe", "after_final", "depth_max",
    "depths", "by_host", YOUNG,
)  # fmt: skip
METRIC = Metric(
    measure=measure,
    pool=pool,
    adds={
        "reversals": part(
            "Reversals", **{
                key: {"reversed_ratio": float, "depths": Counts, "by_host": Counts}.get(key, int)
                | None
                for key in _KEYS
            },
        )
    },
    methods=(
        Method(
            name="Transactions reversed",
            figures=tuple(
                f"reversals.{key}{'.*' if key in ('depths', 'by_host') else ''}" for key in _KEYS
            ),
            formula="Seen: each transaction of each block that the head of a host was on. Undone: "
            "those of blocks that some host's head left for another branch. Reversed: those of "
            "them that no block of the final or best branch holds; the others moved to another "
            "block. Depth: blocks from its own to the head that was left, both counted; of hosts "
            "the most. after_final: reversed at a host that had told its block irreversible; "
            "after_safe: none had, but one that half of the producers had built on it. "
            "reversed_ratio: reversed of seen.",
            left_out="Blocks whose slot lies in the last round and largest predicted lag before "
            "the end; what lying hosts tell; what a crash took.",
            assumes="Blocks hold what who executed them told of them. No clock but for the phase, "
            "which is that of the block's slot. Transactions of one fork are reversed together: "
            "the ratio counts transactions, not independent trials.",
            counts=((f"metrics.reversals.{YOUNG}", "too near the end"),),
        ),
    ),
    place=8,
    expected=tuple(
        Expected(f"reversals.{key}")
        for key in (
            "seen", "undone", "reversed", "reversed_ratio", "after_safe", "after_final",
            "depth_max",
        )
    ),
    table=Table(
        "reversed",
        "a transaction that a host's head held and no block of the chain holds",
        {
            **OF_PHASE,
            "id": "first 16 digits of the transaction's id",
            "act": "word of the operation, of an act",
            "num": "number of the block that held it",
            "block": "id of that block",
            "depth": "how deep it lay at most, its own block counted",
            "hosts": "whose heads held it and left it",
            "after": "most that one of them had told of it: safe, final, or no more",
        },
        lambda found: (
            (item.block.phase, item.id, item.act, item.block.num, item.block.id, item.depth,
             " ".join(item.hosts), item.promise)
            for item in found.reversed
        ),
    ),
    columns=Columns(
        heads='<th class="n">tx reversed<br>of seen</th><th class="n">deepest<br>(blocks)</th>',
        cells='\n<td class="n">{{ known(m.reversals.reversed) }} of {{ known(m.reversals.seen) }}'
        "{% if m.reversals.after_safe %}<br>{{ m.reversals.after_safe }} after half"
        "{% endif %}{% if m.reversals.after_final %}<br>{{ m.reversals.after_final }} after "
        "finality{% endif %}</td>"
        '<td class="n">{% if m.reversals.reversed %}{{ m.reversals.depth_max }}{% else %}–'
        "{% endif %}</td>",
        table=TRUST,
    ),
    told=told,
    tells={"reversed": list[dict[str, Any]]},
)  # fmt: skip
