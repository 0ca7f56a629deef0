"""What each elected member weighs in decisions: a part of its votes that fits 16 bits. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WEIGHT_BITS = 16


@dataclass(frozen=True, slots=True)
class Authority:
    """(name, weight) of members, most votes first; a decision needs threshold: more than half."""

    members: tuple[tuple[str, int], ...]
    threshold: int


def authority(elected: Sequence[str], votes: Mapping[str, int]) -> Authority | None:
    """Return the authority of the elected, most votes first; None where nobody has votes.

    The weights are votes without so many low bits that the greatest has 16; who has votes weighs 1
    at least, who has none is not in it.

    Source: bitshares-core libraries/chain/db_maint.cpp, vote_counter.
    """
    with_votes = [name for name in elected if votes.get(name, 0) > 0]
    if not with_votes:
        return None
    shift = max(votes[with_votes[0]].bit_length() - WEIGHT_BITS, 0)
    members = tuple((name, max(votes[name] >> shift, 1)) for name in with_votes)
    return Authority(members, sum(weight for _, weight in members) // 2 + 1)
