"""How many are elected: the number that the stake wants, or all who are nearly as good. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from node.chain.model.bitshares_rules import VotingRules

Role = Literal["witness", "committee"]
Tie = Literal["graphene", "seed"]
SHARE, OF = 3, 4
"""Top75: who has three quarters of the approval of the best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountRule:
    """How the number of a role is found.

    least: the minimum, of top75 its own; most: the greatest number that counts, as it is in force;
    room: how many there may be whatever anybody wants.
    """

    is_top75: bool
    tie: Tie
    least: int
    most: int
    room: int


def rule_for(role: Role, voting: VotingRules, *, most: int, room: int) -> CountRule:
    """Return the rule of a role on a chain whose minimum counts are settled."""
    is_top75 = voting.delegate_count_rule == "top75"
    if role == "witness":
        is_top75 = is_top75 and voting.top75_for == "both"
    least = voting.min_witness_count if role == "witness" else voting.min_committee_count
    assert least is not None
    return CountRule(
        is_top75=is_top75,
        tie=voting.count_tie,
        least=voting.min_delegates if is_top75 else least,
        most=most,
        room=room,
    )


def elected_number(
    rule: CountRule, approvals: Sequence[int], histogram: Mapping[int, int], total: int
) -> int:
    """Return how many of the registered are elected; approvals: of each of them, 0 for nobody's.

    histogram and total as for voted_number.
    """
    if rule.is_top75:
        wanted = top75_number(approvals, rule.least, rule.most)
    else:
        wanted = max(voted_number(histogram, total, rule.most, rule.tie), rule.least)
    return min(wanted, len(approvals), rule.room)


def voted_number(histogram: Mapping[int, int], total: int, most: int, tie: Tie) -> int:
    """Return the number that the stake wants: odd, 1 where everybody abstains.

    histogram: k to the stake of those who want 2k or 2k + 1; total: the whole stake, of which those
    at k = 0 abstain; most: the greatest number that was counted. The number grows until more than
    half of the others want no more; with tie seed until half do.

    Source: bitshares-core libraries/chain/db_maint.cpp, update_active_witnesses.
    """
    voting = total - histogram.get(0, 0)
    # Upstream halves and rounds down first: one unit alone decides nothing there.
    least = 2 if tie == "graphene" else 1
    if voting < least:
        return 1
    enough = voting // 2 + 1 if tie == "graphene" else (voting + 1) // 2
    k, so_far = 0, 0
    while k < most // 2 and so_far < enough:
        k += 1
        so_far += histogram.get(k, 0)
    return 2 * k + 1


def top75_number(approvals: Sequence[int], least: int, most: int) -> int:
    """Return how many have some approval and 75 % of the best one's: least to most.

    Source: the seed, by PROTOCOL C.17.
    """
    best = max(approvals, default=0)
    near = sum(1 for one in approvals if one > 0 and one * OF >= best * SHARE)
    return min(max(least, near), most)
