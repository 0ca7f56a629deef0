"""Every block anybody saw in a trial, which of them are final, and which chain they form."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from metrics.intake import intervals, schedules
from metrics.intake.intervals import Intervals
from metrics.intake.schedules import Schedules
from metrics.intake.trial import Event, TrialData

APPLIED = "num id previous slot producer state_digest"
PRODUCED = "num id slot producer confirmed late_ns"
RECEIVED = "num id slot producer from"
IRREVERSIBLE = "num id"
ORPHANED, YOUNG, UNRECORDED = "orphaned", "young", "unrecorded"
"""Why a measure leaves a block out: of no final or best branch, too near the end to be judged, or
without a record of its making."""
ID_DIGITS = 16
"""So much of a transaction's id do `applied` events give."""
_HELD = """
    SELECT id, coalesce(arg_max(transactions, len(transactions)), []) AS held FROM event_applied
    WHERE trial = ? GROUP BY id HAVING len(held) >= max(tx_count)
"""
LeftOut = Counter[tuple[str, str]]
"""How many blocks a measure leaves out, by (phase of the slot, why)."""


class Block(NamedTuple):
    """A block by its id."""

    id: str
    num: int
    slot: int
    producer: str


@dataclass(slots=True)
class ChainView:
    """All blocks of a trial; `canonical`: final ids and those of the best unfinished branch.

    intervals: how far apart the blocks of that are. schedules: who was to make them.
    """

    intervals: Intervals
    schedules: Schedules
    blocks: dict[str, Block] = field(default_factory=dict)
    final: set[str] = field(default_factory=set)
    canonical: set[str] = field(default_factory=set)
    previous: dict[str, str] = field(default_factory=dict)
    """The id of the block before each that was executed anywhere."""

    def descends(self, id_: str, ancestor: Block) -> bool:
        """Return whether a block is another one, or on a branch that came after that."""
        passed = set[str]()  # A damaged record may name a ring.
        while id_ in self.previous and id_ not in passed and self.blocks[id_].num > ancestor.num:
            passed.add(id_)
            id_ = self.previous[id_]
        return id_ == ancestor.id

    @property
    def by_slot(self) -> dict[int, list[Block]]:
        """Return the blocks of each slot, canonical ones first."""
        found: dict[int, list[Block]] = defaultdict(list)
        for block in sorted(
            self.blocks.values(), key=lambda b: (b.id not in self.canonical, b.num, b.id)
        ):
            found[block.slot].append(block)
        return found

    def measured(self, data: TrialData) -> list[Block]:
        """Return canonical blocks old enough to be judged: slot after genesis, before the horizon.

        Young blocks are left out whatever became of them, so leaving out biases nothing.
        """
        last_ns = self.judged_until_ns(data)
        return sorted(
            (
                block
                for block in self.blocks.values()
                if block.id in self.canonical
                and block.slot > data.file.genesis_slot
                and data.slot_time_ns(block.slot) <= last_ns
            ),
            key=lambda b: (b.num, b.id),
        )

    def judged_until_ns(self, data: TrialData) -> float:
        """Return the last time whose block can be judged final or not, by the largest lag."""
        blocks = data.plan.prediction.finality_lag_blocks.max + data.plan.round_blocks
        return self.intervals.before(data.end_ns, blocks)


def sum_left_out(
    parts: list[LeftOut], phases: frozenset[str], why: tuple[str, ...]
) -> dict[str, int]:
    """Return how many blocks of the phases were left out over trials, by each of the reasons."""
    return {word: sum(part[phase, word] for part in parts for phase in phases) for word in why}


def by_node(
    data: TrialData, kinds: Mapping[str, str], without: frozenset[str]
) -> dict[str, list[Event]]:
    """Return what each node wrote of some kinds (with which columns), in order, but those hosts'.

    Nodes only: what a host's client or prober tells is not among it.
    """
    found: dict[str, list[Event]] = defaultdict(list)
    for kind, columns in kinds.items():
        for event in data.events(kind, columns):
            if event.host not in without and event.node == event.host:
                found[event.node].append(event)
    return {node: sorted(lines, key=attrgetter("seq")) for node, lines in found.items()}


def held(data: TrialData) -> dict[str, list[str]]:
    """Return, by block, the beginnings of the ids of its transactions.

    As those who executed it tell: of one block every correct node tells the same, so the longest
    list is taken; of which nobody told all, there is none.
    """
    return data.once(_held)


def _held(data: TrialData) -> dict[str, list[str]]:
    found: dict[str, list[str]] = dict(data.db.execute(_HELD, [data.file.n]).fetchall())
    return found


def view(data: TrialData) -> ChainView:
    """Return the blocks of the trial as all hosts saw them."""
    blocks: dict[str, Block] = {}
    previous: dict[str, str] = {}
    told = data.columns("applied", "node id num slot producer previous")
    last = dict(zip(told["id"].tolist(), range(len(told["id"])), strict=True))
    rows = np.fromiter(last.values(), dtype=np.int64)
    of_blocks = (told[name][rows].tolist() for name in ("num", "slot", "producer", "previous"))
    for id_, num, slot, producer, before in zip(last, *of_blocks, strict=True):
        blocks[id_] = Block(id_, num, slot, producer)
        previous[id_] = before
    unseen = data.events("produced", PRODUCED)
    received = data.columns("received", "id")["id"].tolist()
    if not blocks.keys() | {e.id for e in unseen} >= {*received}:
        unseen = unseen + data.firsts("received", RECEIVED)
    for e in unseen:
        if e.id not in blocks:
            blocks[e.id] = Block(e.id, e.num, e.slot, e.producer)
    final = {*data.columns("irreversible", "id")["id"].tolist()}
    canonical = set(final)
    cursor = _best_head(data)
    while cursor in previous and cursor not in canonical:
        canonical.add(cursor)
        cursor = previous[cursor]
    return ChainView(
        intervals.of_branch(data, canonical),
        schedules.of_branch(data, canonical),
        blocks,
        final,
        canonical,
        previous,
    )


def _best_head(data: TrialData) -> str:
    """Return the last head of the host that ended with the highest last irreversible block."""
    lib: dict[str, int] = defaultdict(int)
    final, told = data.columns("irreversible", "node num"), data.columns("applied", "node num id")
    for node, num in zip(final["node"].tolist(), final["num"].tolist(), strict=True):
        lib[node] = max(lib[node], num)
    heads = zip(told["num"].tolist(), told["id"].tolist(), strict=True)
    head = dict(zip(told["node"].tolist(), heads, strict=True))
    best = max(head, key=lambda node: (lib[node], head[node][0], node), default=None)
    return head[best][1] if best else ""
