"""When a committee has agreed: pure."""

from collections.abc import Collection, Sequence
from typing import Literal

Quorum = Literal["stake", "head_count"]


def heads_needed(count: int) -> int:
    """Return how many of count members must agree where heads are counted: over two thirds."""
    return 2 * count // 3 + 1


def agreed(
    quorum: Quorum, members: Sequence[tuple[str, int]], threshold: int, approving: Collection[str]
) -> bool:
    """Return whether those who approve are enough of the committee.

    members: (name, weight) of all of it; whoever else approves counts for nothing. stake: their
    weights reach threshold, as graphene has it; head_count: two thirds of the members, and more,
    agree whatever they weigh (PROTOCOL B17). Nobody is never enough.
    """
    agreeing = [weight for name, weight in members if name in approving]
    match quorum:
        case "stake":
            return 0 < threshold <= sum(agreeing)
        case "head_count":
            return len(agreeing) >= heads_needed(len(members))
