"""Who is elected: order of candidates, ties, and why others are not. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from node.chain.bitshares.contracts.voting.counts import CountRule, elected_number
from node.chain.bitshares.contracts.voting.tally import RoleVotes

WhyOut = Literal["no_votes", "fewer_votes", "registered_later"]
"""Why a candidate is not elected; the last: as many votes as one that is."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """What comes of votes for one role.

    elected and others: best first; who has no votes fills up what is left. ties: who has equally
    many, in order of rank, which is then that of registration.
    """

    elected: tuple[str, ...]
    others: tuple[str, ...]
    votes: Mapping[str, int]
    ties: tuple[tuple[str, ...], ...]

    @property
    def out(self) -> dict[str, WhyOut]:
        """Return why each of the others is not elected."""
        return {name: self._why(name) for name in self.others}

    def _why(self, name: str) -> WhyOut:
        if self.elected and self.votes[name] == self.votes[self.elected[-1]]:
            return "registered_later"
        return "fewer_votes" if self.votes[name] else "no_votes"


def rank(positions: Mapping[str, int], votes: Mapping[str, int], count: int) -> Ranking:
    """Return who is elected of candidates: count of them, by most votes, then by who came first.

    positions: of each candidate, 0 registered first; votes: of those who have any.

    Source: bitshares-core libraries/chain/db_maint.cpp, sort_votable_objects.
    """
    all_votes = {name: votes.get(name, 0) for name in positions}
    ranked = sorted(positions, key=lambda name: (-all_votes[name], positions[name]))
    groups = (tuple(group) for _, group in groupby(ranked, lambda name: all_votes[name]))
    return Ranking(
        elected=tuple(ranked[:count]),
        others=tuple(ranked[count:]),
        votes=all_votes,
        ties=tuple(group for group in groups if len(group) > 1),
    )


def elect(positions: Mapping[str, int], votes: RoleVotes, total: int, rule: CountRule) -> Ranking:
    """Return who is elected of the candidates for a role; positions: of each; total: all stake."""
    approvals = [votes.approvals.get(name, 0) for name in positions]
    number = elected_number(rule, approvals, votes.histogram, total)
    return rank(positions, votes.approvals, number)
