"""How two different blocks of one height became irreversible: who, when, by which messages.

Told from the events of the trial alone: where the branches part, who made them, which block
completed finality on each branch, whom it reached and when, and which heads moved meanwhile.
"""

from collections import defaultdict
from dataclasses import dataclass

from metrics.intake.trial import Event, TrialData
from metrics.measure.blocks import APPLIED, IRREVERSIBLE, PRODUCED, RECEIVED, Block, ChainView
from metrics.safety.invariants import seconds

SWITCHED = "old old_num new new_num depth ancestor_num"
SHOWN_MAX = 200


@dataclass(frozen=True, slots=True)
class Holding:
    """A host holds one side's block final since t_ns, because it executed `by`."""

    host: str
    t_ns: float
    by: Block | None
    source: str


@dataclass(frozen=True, slots=True)
class Side:
    """One of the conflicting blocks, who held it final, and how its deciding block travelled.

    arrivals: the events of hosts that received the block which completed finality.
    """

    block: Block
    made_by: str
    made_ns: float | None
    holdings: list[Holding]
    decider: Block | None
    decider_ns: float | None
    arrivals: list[Event]
    never: list[str]


@dataclass(frozen=True, slots=True)
class FinalityConflict:
    """The whole of it; moves are the heads that moved from one branch to another, sentences is what
    a reader should know first.
    """

    heights: list[int]
    sides: list[Side]
    moves: list[Event]
    sentences: list[str]


def tell(data: TrialData, chain: ChainView) -> FinalityConflict | None:
    """Return the story of the first conflict, None when hosts agree on every final block.

    Liars are not heard, nor hosts whose record is damaged.
    """
    unheard = data.planned.liars | data.intake.damaged
    events = [e for e in data.events("irreversible", IRREVERSIBLE) if e.host not in unheard]
    ids: dict[int, set[str]] = defaultdict(set)
    for event in events:
        ids[event.num].add(event.id)
    heights = sorted(num for num, found in ids.items() if len(found) > 1)
    if not heights:
        return None
    sides = [_side(data, chain, events, id_) for id_ in ids[heights[0]]]
    sides.sort(key=lambda s: (min((h.t_ns for h in s.holdings), default=0.0), s.block.id))
    ancestor = _ancestor(data, chain, [side.block.id for side in sides])
    moves = sorted(data.events("switched", SWITCHED), key=_by_time)[:SHOWN_MAX]
    return FinalityConflict(heights, sides, moves, _sentences(heights, ancestor, sides))


def _by_time(found: Event | Holding) -> tuple[bool, float, str]:
    """Return what puts things in order of time, those of unknown times last."""
    return found.t_ns != found.t_ns, found.t_ns, found.host


def _side(data: TrialData, chain: ChainView, finals: list[Event], id_: str) -> Side:
    own = [e for e in finals if e.id == id_]
    block = chain.blocks.get(id_) or Block(id_, own[0].num, 0, "")
    maker = _maker(data, id_)
    holdings = sorted((_holding(data, chain, event) for event in own), key=_by_time)
    decider = holdings[0].by
    arrivals: list[Event] = []
    never: list[str] = []
    made = _maker(data, decider.id) if decider else None
    if decider:
        reached = [e for e in data.events("received", RECEIVED) if e.id == decider.id]
        arrivals = sorted(reached, key=_by_time)
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
    return next((e for e in data.events("produced", PRODUCED) if e.id == id_), None)


def _holding(data: TrialData, chain: ChainView, final: Event) -> Holding:
    """Return who holds it since when, and the block it executed last before saying so."""
    before = [
        e for e in data.events("applied", APPLIED) if e.node == final.node and e.seq < final.seq
    ]
    by = chain.blocks.get(before[-1].id) if before else None
    source = next(
        (e.from_ for e in data.events("received", RECEIVED)
         if by is not None and e.host == final.host and e.id == by.id),
        "itself" if by is not None else "",
    )  # fmt: skip
    return Holding(final.host, final.t_ns, by, source)


def _ancestor(data: TrialData, chain: ChainView, ids: list[str]) -> Block | None:
    """Return the last block that all the branches share, as far as executed blocks tell."""
    previous = {e.id: e.previous for e in data.events("applied", APPLIED)}
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
