"""How two different blocks of one height became irreversible: who, when, by which messages.

Told from the events of the trial alone: where the branches part, who made them, which block
completed finality on each branch, whom it reached and when, and which heads moved meanwhile.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from metrics.intake.trial import Event, TrialData
from metrics.measure.blocks import APPLIED, IRREVERSIBLE, PRODUCED, RECEIVED, Block, ChainView
from metrics.safety.invariants import seconds

SWITCHED = "old new old_num new_num depth ancestor_num"
SHOWN_MAX = 200


@dataclass(frozen=True, slots=True)
class Holding:
    """A host holds one side's block final since t_ns, because it executed `by`."""

    host: str
    t_ns: float
    by: Block | None
    source: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """The block that completed finality on a side came to a host from another."""

    host: str
    source: str
    t_ns: float


@dataclass(frozen=True, slots=True)
class Side:
    """One of the conflicting blocks, who held it final, and how its deciding block travelled."""

    block: Block
    made_by: str
    made_ns: float | None
    holdings: list[Holding]
    decider: Block | None
    decider_ns: float | None
    arrivals: list[Arrival]
    never: list[str]


@dataclass(frozen=True, slots=True)
class Move:
    """A head that moved from one branch to another."""

    host: str
    t_ns: float
    depth: int
    old_num: int
    new_num: int
    ancestor_num: int
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class FinalityConflict:
    """The whole of it; sentences is what a reader should know first."""

    heights: list[int]
    ancestor: Block | None
    sides: list[Side]
    moves: list[Move]
    sentences: list[str]


def tell(data: TrialData, chain: ChainView) -> FinalityConflict | None:
    """Return the story of the first conflict, None when hosts agree on every final block.

    Liars are not heard, nor hosts whose record is damaged.
    """
    unheard = data.planned.liars | data.intake.damaged
    events = [e for e in data.events("irreversible", IRREVERSIBLE) if e.host not in unheard]
    ids: dict[int, set[str]] = defaultdict(set)
    for event in events:
        ids[event.fields[0]].add(event.fields[1])
    heights = sorted(num for num, found in ids.items() if len(found) > 1)
    if not heights:
        return None
    sides = [_side(data, chain, events, id_) for id_ in ids[heights[0]]]
    sides.sort(key=lambda s: (min((h.t_ns for h in s.holdings), default=0.0), s.block.id))
    ancestor = _ancestor(data, chain, [side.block.id for side in sides])
    moves = _moves(data)
    return FinalityConflict(heights, ancestor, sides, moves, _sentences(heights, ancestor, sides))


def _side(data: TrialData, chain: ChainView, finals: list[Event], id_: str) -> Side:
    own = [e for e in finals if e.fields[1] == id_]
    block = chain.blocks.get(id_) or Block(id_, own[0].fields[0], 0, "")
    maker = _maker(data, id_)
    holdings = [_holding(data, chain, event) for event in own]
    holdings.sort(key=lambda h: (h.t_ns != h.t_ns, h.t_ns, h.host))
    decider = holdings[0].by
    arrivals: list[Arrival] = []
    never: list[str] = []
    made = _maker(data, decider.id) if decider else None
    if decider:
        reached = [e for e in data.events("received", RECEIVED) if e.fields[1] == decider.id]
        arrivals = [Arrival(e.host, str(e.fields[4] or ""), e.t_ns) for e in reached]
        arrivals.sort(key=lambda a: (a.t_ns != a.t_ns, a.t_ns, a.host))
        has = {a.host for a in arrivals} | ({made.host} if made else set())
        never = [host.host for host in data.plan.hosts if host.host not in has]
    return Side(
        block=block,
        made_by=maker.host if maker else data.plan.host_of(block.producer),
        made_ns=maker.t_ns if maker else None,
        holdings=holdings,
        decider=decider,
        decider_ns=made.t_ns if made else None,
        arrivals=arrivals,
        never=never,
    )


def _maker(data: TrialData, id_: str) -> Event | None:
    return next((e for e in data.events("produced", PRODUCED) if e.fields[1] == id_), None)


def _holding(data: TrialData, chain: ChainView, final: Event) -> Holding:
    """Return who holds it since when, and the block it executed last before saying so."""
    last = None
    for event in data.events("applied", APPLIED):
        if event.node == final.node and event.seq < final.seq:
            last = event
    by = chain.blocks.get(last.fields[1]) if last else None
    source = next(
        (str(e.fields[4] or "") for e in data.events("received", RECEIVED)
         if by is not None and e.host == final.host and e.fields[1] == by.id),
        "itself" if by is not None else "",
    )  # fmt: skip
    return Holding(final.host, final.t_ns, by, source)


def _ancestor(data: TrialData, chain: ChainView, ids: list[str]) -> Block | None:
    """Return the last block that all the branches share, as far as executed blocks tell."""
    previous = {e.fields[1]: e.fields[2] for e in data.events("applied", APPLIED)}
    paths = []
    for id_ in ids:
        path = [id_]
        while path[-1] in previous:
            path.append(previous[path[-1]])
        paths.append(path)
    shared = set(paths[0]).intersection(*paths[1:])
    found = next((id_ for id_ in paths[0] if id_ in shared), None)
    if found is None:
        return None
    return chain.blocks.get(found) or Block(found, int(found[:8], 16), 0, "")


def _moves(data: TrialData) -> list[Move]:
    found = [
        Move(e.host, e.t_ns, e.fields[4] or 0, e.fields[2] or 0, e.fields[3] or 0,
             e.fields[5] or 0, str(e.fields[0] or ""), str(e.fields[1] or ""))
        for e in data.events("switched", SWITCHED)
    ]  # fmt: skip
    found.sort(key=lambda m: (m.t_ns != m.t_ns, m.t_ns, m.host))
    return found[:SHOWN_MAX]


def _sentences(heights: list[int], ancestor: Block | None, sides: list[Side]) -> list[str]:
    num = sides[0].block.num
    held = "; ".join(
        f"as {s.block.id[:16]} of {s.block.producer or 'unknown'} at"
        f" {', '.join(h.host for h in s.holdings)} (first at {seconds(s.holdings[0].t_ns)})"
        for s in sides
    )
    more = f", and so are {len(heights) - 1} more heights up to {heights[-1]}"
    lines = [f"Block {num} is irreversible {held}{more if len(heights) > 1 else ''}."]
    if ancestor is not None:
        lines.append(f"The branches part after block {ancestor.num} ({ancestor.id[:16]}).")
    for side in sides:
        if side.decider is None:
            continue
        if side.arrivals:
            first = side.arrivals[0]
            reach = (
                f"It reached {', '.join(a.host for a in side.arrivals)}, first {first.host} at"
                f" {seconds(first.t_ns)}"
                + (f", and never {', '.join(side.never)}." if side.never else ".")
            )
        else:
            reach = "It reached nobody else."
        made = "" if side.decider_ns is None else f", signed at {seconds(side.decider_ns)}"
        lines.append(
            f"At {side.holdings[0].host} block {side.decider.num} of {side.decider.producer}"
            f" ({side.decider.id[:16]}{made}) made {side.block.id[:16]} irreversible. {reach}"
        )
    return lines
