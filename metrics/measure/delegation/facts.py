"""The facts of blocks: what each did beside moving balances, as every node that executed it tells.

A node writes them right after the block's `applied`. It knows nothing of files, so that whoever has
the lines in memory reads them by the same rule.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, get_args

import msgspec

from metrics.intake.trial import Event, TrialData
from metrics.measure.blocks import APPLIED, IRREVERSIBLE, ChainView, by_node
from metrics.measure.metric import WITHIN, Figures, Range
from node import events
from node.events import facts

SCHEDULE, UNKNOWN_BLOCKS = "schedule", "unknown_blocks"
"""Where M says of how many final blocks it is not known what they did."""
KINDS = tuple(kind for kind in get_args(events.Event) if kind.__module__ == facts.__name__)
FACTS = {
    str(kind.__struct_config__.tag): " ".join(f.encode_name for f in msgspec.structs.fields(kind))
    for kind in KINDS
}
"""By kind of event, the columns of what is a fact."""
_TOLD = {"applied": APPLIED, "started": "resumed_num", "irreversible": IRREVERSIBLE, **FACTS}


MOMENT = {
    "num": "number of the block",
    "id": "id of the block",
    "t_ns": "when the first host had executed it",
    **WITHIN,
}
"""Columns of a block that did something, as `Moment.columns` has them."""


class Telling(NamedTuple):
    """What a node told of one block that it executed: its `applied` line and those of its facts.

    whole: it wrote on; of the last block before a restart, or before the end, facts may be missing.
    """

    applied: Any
    facts: tuple[Any, ...]
    whole: bool

    @property
    def said(self) -> tuple[tuple[str, ...], ...]:
        """Return the facts in words, equal for nodes that tell the same."""
        return tuple(
            (fact.kind, *(str(getattr(fact, name)) for name in FACTS[fact.kind].split()))
            for fact in self.facts
        )


def tellings(lines: Iterable[Any]) -> Iterator[Telling]:
    """Yield each block that a node executed, from its lines in order."""
    applied, did = None, []
    for line in lines:
        if line.kind in FACTS:
            did.append(line)
            continue
        if applied is not None:
            yield Telling(applied, tuple(did), whole=line.kind != "started")
        applied, did = line if line.kind == "applied" else None, []
    if applied is not None:
        yield Telling(applied, tuple(did), whole=False)


@dataclass(frozen=True, slots=True)
class Moment:
    """A final block that did something, and when the first host had executed it.

    t_ns since T0, with the interval it must lie in; nan where that is not known.
    """

    num: int
    id: str
    slot: int
    t_ns: float
    lo_ns: float
    hi_ns: float

    @property
    def columns(self) -> tuple[int, str, float, float, float]:
        """Return the columns that a table has of it: block, id, t_ns, lo_ns, hi_ns."""
        return self.num, self.id, self.t_ns, self.lo_ns, self.hi_ns


@dataclass(frozen=True, slots=True)
class Settled:
    """What final blocks did, in their order: (when, the fact); each fact as one host told it.

    unknown: final blocks of which it is not known, as nobody surely tells of them; contradictions
    say of which hosts tell different facts, or of which another one of that height is final, too.
    """

    facts: list[tuple[Moment, Event]] = field(default_factory=list)
    unknown: int = 0
    contradictions: list[str] = field(default_factory=list)

    def of(self, *kinds: str) -> list[tuple[Moment, Event]]:
        """Return the facts of some kinds."""
        return [(moment, fact) for moment, fact in self.facts if fact.kind in kinds]


def settled(data: TrialData, chain: ChainView) -> Settled:
    """Return what the final blocks did, as the whole records of correct hosts tell it."""
    return data.once(_settled, chain)


def _settled(data: TrialData, chain: ChainView) -> Settled:
    told: dict[str, list[Telling]] = {}
    for lines in by_node(data, _TOLD, data.planned.liars | data.intake.damaged).values():
        for telling in tellings(lines):
            if telling.applied.id in chain.final:
                told.setdefault(telling.applied.id, []).append(telling)
    heights = Counter(each[0].applied.num for each in told.values())
    found: list[tuple[Moment, Event]] = []
    unknown, wrong = len(chain.final - told.keys()), []
    for each in sorted(told.values(), key=lambda each: (each[0].applied.num, each[0].applied.id)):
        sure = _sure(each)
        first = each[0]
        name = f"block {first.applied.num} {first.applied.id[:16]}"
        if not sure:
            unknown += 1
        elif not any(telling.facts for telling in sure):
            continue
        elif heights[first.applied.num] > 1:
            wrong.append(f"{name} is not the only final block of its height")
        elif other := next((t for t in sure if t.said != sure[0].said), None):
            hosts = f"{sure[0].applied.host} and {other.applied.host}"
            wrong.append(f"{name}: {hosts} tell other facts")
        else:
            moment = _moment([telling.applied for telling in each])
            found += [(moment, fact) for fact in sure[0].facts]
    return Settled(found, unknown + len(wrong), wrong)


def _sure(each: list[Telling]) -> list[Telling]:
    """Return what may be believed of a block: what is whole, else what several hosts tell alike.

    Where all nodes die at once the last block is nobody's whole telling.
    """
    whole = [telling for telling in each if telling.whole]
    alike = len({telling.said for telling in each}) == 1
    several = len({telling.applied.host for telling in each}) > 1
    return whole or (each if alike and several else [])


def names(text: str) -> list[str]:
    """Return the names of a column that is kept as it was written."""
    return [str(name) for name in msgspec.json.decode(text)]


def amounts(text: str) -> dict[str, int]:
    """Return the amounts by name of a column that is kept as it was written."""
    return {str(name): int(amount) for name, amount in msgspec.json.decode(text).items()}


def said(moment: Moment | None) -> dict[str, Any] | None:
    """Return a block as summary.json says it: when the first host had executed it, its error."""
    if moment is None:
        return None
    middle, *error = (
        None if abs(ns) == math.inf or ns != ns else round(ns / 1e9, 6)
        for ns in (moment.t_ns, moment.lo_ns, moment.hi_ns)
    )
    return {"block": moment.num, "id": moment.id, "t_s": middle, "error_s": error}


def at_least(metrics: Figures, name: str) -> Range | None:
    """Return how often final blocks did something at least, where no more is known.

    name: `<part of M>.<count>`; a part that is not there stands for none.
    """
    part, _, key = name.partition(".")
    counted = metrics.get(part, {}).get(key, 0)
    unknown = metrics.get(SCHEDULE, {}).get(UNKNOWN_BLOCKS, 0)
    if unknown:
        return Range(counted, math.inf, f"{unknown} final blocks unknown")
    return None if part in metrics else Range(0, 0, "no final block did any")


def _moment(applied: list[Event]) -> Moment:
    """Return the moment at which the first of several hosts had executed a block.

    It lies between the smallest of all lower ends and the smallest of all upper ends.
    """
    low, high = min(line.lo_ns for line in applied), min(line.hi_ns for line in applied)
    known = [line.t_ns for line in applied if line.t_ns == line.t_ns]
    t_ns = max(min(known), low) if known and max(-low, high) < math.inf else math.nan
    first = applied[0]
    return Moment(first.num, first.id, first.slot, min(t_ns, high), low, high)
