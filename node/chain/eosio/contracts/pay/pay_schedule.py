"""Who is paid what by a pay schedule, and when the next one is due: pure rules."""

from collections.abc import Sequence
from typing import NamedTuple

DAY_S = 86_400
BUCKET_DAYS = 365
"""The part of the bucket pool that a pay schedule moves to the producers' pot."""


class Share(NamedTuple):
    """What a producer may claim, in SUF: as one of the top, and by votes."""

    producer: str
    active: int
    standby: int


def moved_from_bucket(bucket: int) -> int:
    """Return what of the bucket pool goes to the producers' pot now. Source: PROTOCOL B.8."""
    return bucket // BUCKET_DAYS


def shares_of(
    pot: int, ranked: Sequence[tuple[str, int]], total_votes: int, *, active_most: int
) -> tuple[Share, ...]:
    """Return the shares of ranked (producer, votes), most votes first, in that order.

    Four tenths of the pot go in equal parts to the first active_most, six tenths to all by votes;
    total_votes are those of all producers, ranked here or not, so that a part may stay in the pot.
    Source: PROTOCOL B.8.
    """
    active_count = min(active_most, len(ranked))
    active = pot // 10 * 4 // active_count if active_count else 0
    by_votes = pot // 10 * 6
    return tuple(
        Share(
            producer,
            active if place < active_count else 0,
            by_votes * votes // total_votes if total_votes else 0,
        )
        for place, (producer, votes) in enumerate(ranked)
    )


def is_due(now_s: int, timer_s: int, waiting: int) -> bool:
    """Return whether a new schedule is built: nobody waits, or the old one is over a day old.

    Source: PROTOCOL B.8.
    """
    return waiting == 0 or now_s >= timer_s + DAY_S + 1


def next_timer(now_s: int, timer_s: int) -> int:
    """Return the timer of a schedule built now; timer_s: the last one's, 0 before the first.

    It moves by a day however late it is: after several idle days claim after claim builds a new
    schedule, and mints. Source: PROTOCOL B.8.
    """
    return timer_s + DAY_S if timer_s else now_s
