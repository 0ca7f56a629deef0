"""Elections on the final branch: when enough had voted, who was elected by how much, and the votes.

A check of FIO's schedule tells only a result that is another than the one before (PROTOCOL B.6).
Maintenance of BitShares tells all (C.11); those that elect who was elected are left out here.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from metrics.intake.trial import Event, TrialData
from metrics.measure.blocks import ChainView
from metrics.measure.delegation.facts import MOMENT, Moment, at_least, names, said, settled
from metrics.measure.metric import OF_PHASE, Expected, Figures, Metric, Pool, Table
from metrics.model.method import Method
from metrics.model.shapes import Counts, part

VOTES = "voted", "proxied", "registered"
"""What accounts do that an election comes from."""
PRODUCERS, COMMITTEE = "producers", "committee"
"""What there are elections for."""
ELECTED = "elected"
"""The outcome where whoever is elected needs no proposal."""


@dataclass(frozen=True, slots=True)
class Election:
    """A result: who is elected by name, who stands by in order of votes, why others are neither.

    tally: the votes of whoever has any, in units. outcome: `proposed`, or why that did not follow;
    `elected` on BitShares. weights: of a committee, what each weighs in its decisions, which need
    threshold. body: what the election is for.
    """

    at: Moment
    phase: str
    outcome: str
    producers: list[str]
    standby: list[str]
    tally: dict[str, int]
    out: dict[str, str]
    body: str = PRODUCERS
    weights: dict[str, int] = field(default_factory=dict)
    threshold: int = 0

    @property
    def result(self) -> tuple[object, ...]:
        """Return what makes it another result than one of the same body.

        Votes alone do not, which transfers move all the time, but that there are any.
        """
        voted = any(self.tally.values())
        return voted, self.producers, self.standby, self.out, self.weights, self.threshold


@dataclass(frozen=True, slots=True)
class Vote:
    """What an account did: one of VOTES, for whom or as what, with which weight in units."""

    at: Moment
    phase: str
    act: str
    account: str
    what: str
    weight: int | None


@dataclass(frozen=True, slots=True)
class Elections:
    """All of a trial; activated: the block in which enough had voted, and their weight."""

    activated: tuple[Moment, int] | None
    held: list[Election]
    votes: list[Vote]


def measure(data: TrialData, chain: ChainView) -> Elections:
    """Return the elections of the trial, and the votes."""
    found = settled(data, chain)
    activated = next(((at, fact.weight) for at, fact in found.of("activated")), None)

    def phase(at: Moment) -> str:
        return data.phase_at(data.slot_time_ns(at.slot))

    held = [
        _election(at, phase(at), fact)
        for at, fact in found.of("elected", "witnesses_elected", "committee_elected")
    ]
    votes = [
        Vote(at, phase(at), act, fact.account, what, weight)
        for at, fact in found.of(*VOTES, "opinion")
        for act, what, weight in [_vote(fact)]
    ]
    return Elections(activated, _others(held), votes)


def _election(at: Moment, phase: str, fact: Event) -> Election:
    tally, out = msgspec.json.decode(fact.tally), msgspec.json.decode(fact.out)
    match fact.kind:
        case "witnesses_elected":
            return Election(at, phase, ELECTED, list(fact.witnesses), [], tally, out)
        case "committee_elected":
            return Election(
                at, phase, ELECTED, list(fact.members), [], tally, out, COMMITTEE,
                msgspec.json.decode(fact.weights), fact.threshold,
            )  # fmt: skip
    return Election(at, phase, fact.outcome, names(fact.producers), list(fact.standby), tally, out)


def _others(held: list[Election]) -> list[Election]:
    """Return the results without those of maintenances that changed nothing.

    The first ones without any votes are what the genesis says.
    """
    last: dict[str, tuple[object, ...]] = {}
    found = []
    for each in held:
        as_before = last.get(each.body) == each.result
        founded = each.body not in last and not each.result[0]
        if each.outcome != ELECTED or not (as_before or founded):
            found.append(each)
        last[each.body] = each.result
    return found


def _vote(fact: Event) -> tuple[str, str, int | None]:
    """Return what was done, for whom or as what, and the weight."""
    match fact.kind:
        case "voted":
            return fact.kind, " ".join(names(fact.producers)), fact.weight
        case "proxied":
            proxy = f"{fact.proxy} (automatic)" if fact.automatic else fact.proxy
            return fact.kind, proxy, fact.weight
        case "opinion" if fact.proxy:
            return "proxied", fact.proxy, fact.stake
        case "opinion":
            return "voted", _approved(fact), fact.stake
    return fact.kind, f"{fact.role}" if fact.active else f"no {fact.role}", None


def _approved(fact: Event) -> str:
    """Return what an opinion approves of, and how many of each body it wants."""
    bodies = (
        ("witness", "witnesses", fact.num_witness, fact.witnesses),
        ("committee member", "committee members", fact.num_committee, fact.committee),
    )
    named = [
        f"{number} {one if number == 1 else several} of {' '.join(approved)}"
        for one, several, number, approved in bodies
        if approved
    ]
    others = (("worker", fact.workers), ("hard fork", fact.hard_forks))
    named += [
        f"{what}{'s' if len(approved) > 1 else ''} {' '.join(map(str, approved))}"
        for what, approved in others
        if approved
    ]
    return "; ".join(named) or "no witness, no committee member"


def pool(over: Pool[Elections]) -> Figures:
    """Return `elections`: how many results and votes there were in the phases; nothing if none."""
    if not any(found.held or found.votes or found.activated for _, found in over.trials):
        return {}
    held = [e for _, found in over.trials for e in found.held if e.phase in over.phases]
    votes = [v for _, found in over.trials for v in found.votes if v.phase in over.phases]
    outcomes = Counter(election.outcome for election in held)
    acts = Counter(vote.act for vote in votes)
    return {
        "elections": {
            "results": len(held),
            "proposed": outcomes["proposed"],
            "outcomes": dict(sorted(outcomes.items())),
            **{act: acts[act] for act in VOTES},
        }
    }


def told(found: Elections) -> Figures:
    """Return what summary.json says of a trial's elections; nothing where there were none."""
    if not found.held and found.activated is None:
        return {}
    at, weight = found.activated or (None, None)
    return {
        "elections": {
            "activated": at and {**(said(at) or {}), "weight": weight},
            "results": [
                {
                    **(said(each.at) or {}),
                    **{name: getattr(each, name) for name in _WORDS},
                }
                for each in found.held
            ],
        }
    }  # fmt: skip


_WORDS = "body", "outcome", "producers", "standby", "tally", "out", "weights", "threshold"


def _rows(found: Elections) -> Iterator[tuple[Any, ...]]:
    """Yield a row for each producer of a result: as what or why not, its rank by votes, the votes.

    Rank and votes of who has no place are 0: a missing one would make them floats, which round.
    """
    for each in found.held:
        ranked = sorted(each.producers, key=lambda name: -each.tally.get(name, 0)) + each.standby
        places = [(name, "elected" if name in each.producers else "standby") for name in ranked]
        for rank, (name, place) in enumerate(places + list(each.out.items()), start=1):
            yield (
                each.phase, *each.at.columns,
                each.body, each.outcome, name, place, rank if name in each.tally else 0,
                each.tally.get(name, 0),
            )  # fmt: skip


METRIC = Metric(
    measure=measure,
    pool=pool,
    adds={
        "elections": part(
            "Elections", results=int, proposed=int, outcomes=Counts, **dict.fromkeys(VOTES, int)
        )
    },
    sometimes=True,
    methods=(
        Method(
            name="Elections and votes",
            figures=("elections.*", "elections.outcomes.*"),
            formula="Results of elections that were others than the one before, by their outcome, "
            "of producers and of the committee, and what accounts did: votes, weight given to a "
            "proxy, registrations and their ends. By the phase of the block's slot.",
            left_out="As for schedule changes; elections with the same result. Where nobody votes "
            "and nobody is elected there are no figures.",
            assumes="As for schedule changes. FIO's elections are those of the state before its "
            "block's transactions, those of BitShares of the state after them.",
            source="PROTOCOL B.4 to B.6, C.11",
        ),
    ),
    place=5,
    expected=(
        Expected("elections.results", open=at_least),
        Expected("elections.proposed", open=at_least),
        Expected("elections.voted", open=at_least),
    ),
    table=Table(
        "elections",
        "a candidate in a result of an election",
        {
            **OF_PHASE,
            **MOMENT,
            "body": "what was elected: producers or a committee",
            "outcome": "what became of the result",
            "producer": "the candidate",
            "place": "elected, standby, or why neither",
            "rank": "place by votes, 0 of who has none",
            "votes": "votes for it, 0 where none are told",
        },
        _rows,
    ),
    told=told,
    tells={"elections": dict[str, Any]},
)
