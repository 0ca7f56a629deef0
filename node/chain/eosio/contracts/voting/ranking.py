"""Who is elected by so many votes: pure, on rows (PROTOCOL B.4, B.6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from node.chain.eosio.contracts.voting.rows import Producer

WhyOut = Literal["unregistered", "no_votes"]
"""Why a producer is not in the ranking."""
WhyNot = Literal["nobody", "shorter"]
"""Why who is elected is not proposed as the schedule."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Who is elected and who stands by, by votes; why the others are neither.

    ties: who has as many votes as another, in order of rank; the first that registered is first.
    """

    top: tuple[str, ...]
    standby: tuple[str, ...]
    out: Mapping[str, WhyOut]
    ties: tuple[tuple[str, ...], ...]

    @property
    def by_name(self) -> tuple[str, ...]:
        """Return the elected in the order of their turns."""
        return tuple(sorted(self.top))


def rank(producers: Mapping[str, Producer], elected: int) -> Ranking:
    """Return the ranking of producers, of whom at most so many are elected."""
    names = sorted(producers, key=lambda name: (-producers[name].votes, producers[name].position))
    ranked = [name for name in names if producers[name].active and producers[name].votes > 0]
    out: dict[str, WhyOut] = {
        name: "no_votes" if producers[name].active else "unregistered"
        for name in names
        if name not in ranked
    }
    groups = [tuple(group) for _, group in groupby(ranked, lambda name: producers[name].votes)]
    return Ranking(
        top=tuple(ranked[:elected]),
        standby=tuple(ranked[elected:]),
        out=out,
        ties=tuple(group for group in groups if len(group) > 1),
    )


def refusal(ranking: Ranking, size: int) -> WhyNot | None:
    """Return why the elected do not follow a schedule of so many producers, None when they do.

    Source: fio.contracts contracts/fio.system/src/voting.cpp, update_elected_producers.
    """
    if not ranking.top:
        return "nobody"
    return "shorter" if len(ranking.top) < size else None
