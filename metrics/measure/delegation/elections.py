"""Elections on the final branch: when enough had voted, who was elected by how much, and the votes.

A check of the schedule tells only what another result has than the one before (PROTOCOL B.6).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from metrics.intake.trial import Event, TrialData
from metrics.measure.blocks import ChainView
from metrics.measure.delegation.facts import Moment, at_least, names, said, settled
from metrics.measure.metric import Expected, Figures, Metric, Pool, Table
from metrics.model.method import Method

VOTES = "voted", "proxied", "registered"
"""What accounts do that an election comes from."""


@dataclass(frozen=True, slots=True)
class Election:
    """A result: who is elected by name, who stands by in order of votes, why others are neither.

    tally: the votes of both, in units. outcome: `proposed`, or why that did not follow.
    """

    at: Moment
    phase: str
    outcome: str
    producers: list[str]
    standby: list[str]
    tally: dict[str, int]
    out: dict[str, str]


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
        Election(
            at, phase(at), fact.outcome, names(fact.producers), list(fact.standby),
            msgspec.json.decode(fact.tally), msgspec.json.decode(fact.out),
        )
        for at, fact in found.of("elected")
    ]  # fmt: skip
    votes = [
        Vote(at, phase(at), fact.kind, fact.account, *_vote(fact)) for at, fact in found.of(*VOTES)
    ]
    return Elections(activated, held, votes)


def _vote(fact: Event) -> tuple[str, int | None]:
    """Return for whom or as what, and the weight."""
    match fact.kind:
        case "voted":
            return " ".join(names(fact.producers)), fact.weight
        case "proxied":
            return f"{fact.proxy} (automatic)" if fact.automatic else fact.proxy, fact.weight
    return f"{fact.role}" if fact.active else f"no {fact.role}", None


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
                    **{name: getattr(each, name) for name in
                       ("outcome", "producers", "standby", "tally", "out")},
                }
                for each in found.held
            ],
        }
    }  # fmt: skip


def _rows(found: Elections) -> Iterator[tuple[Any, ...]]:
    """Yield a row for each producer of a result: as what or why not, its rank by votes, the votes.

    Rank and votes of who has no place are 0: a missing one would make them floats, which round.
    """
    for each in found.held:
        ranked = sorted(each.producers, key=lambda name: -each.tally.get(name, 0)) + each.standby
        places = [(name, "elected" if name in each.producers else "standby") for name in ranked]
        for rank, (name, place) in enumerate(places + list(each.out.items()), start=1):
            yield (
                each.phase, each.at.num, each.at.id, each.at.t_ns, each.at.lo_ns, each.at.hi_ns,
                each.outcome, name, place, rank if name in each.tally else 0,
                each.tally.get(name, 0),
            )  # fmt: skip


METRIC = Metric(
    measure=measure,
    pool=pool,
    methods=(
        Method(
            name="Elections and votes",
            figures=("elections.*", "elections.outcomes.*"),
            formula="Results of checks of the schedule that were others than the one before, by "
            "their outcome, and what accounts did: votes for producers, weight given to a proxy, "
            "registrations and their ends. By the phase of the block's slot.",
            left_out="As for schedule changes; checks with the same result, which nobody tells. "
            "Where nobody votes there are no figures.",
            assumes="As for schedule changes. An election is one of the state before its block's "
            "transactions.",
            source="PROTOCOL B.4 to B.6",
        ),
    ),
    place=5,
    expected=(
        Expected("elections.results", open=at_least),
        Expected("elections.proposed", open=at_least),
        Expected("elections.voted", open=at_least),
    ),
    table=Table(
        "elections", "phase num id t_ns lo_ns hi_ns outcome producer place rank votes", _rows
    ),
    told=told,
)
