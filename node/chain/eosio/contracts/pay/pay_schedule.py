"""Who is paid what by a pay schedule, and when the next one is due: pure rules."""

from collections.abc import Sequence
from typing import NamedTuple

from node.chain.model.fio_rules import PayRules


class Share(NamedTuple):
    """What a producer may claim, in SUF: as one of the top, and by votes."""

    producer: str
    active: int
    standby: int


def shares_of(
    pot: int, ranked: Sequence[tuple[str, int]], total_votes: int, rules: PayRules
) -> tuple[Share, ...]:
    """Return the shares of ranked (producer, votes), most votes first, in that order.

    A part of the pot goes in equal shares to the first, the rest to all by votes; total_votes are
    those of all producers, ranked here or not, so that some may stay in the pot. FIO takes tenths
    of the pot, rounded down, times 4 and 6. Source: PROTOCOL B.8.
    """
    active_count = min(rules.active, len(ranked))
    active = pot // 10 * rules.active_percent // 10 // active_count if active_count else 0
    by_votes = pot // 10 * rules.standby_percent // 10
    return tuple(
        Share(
            producer,
            active if place < active_count else 0,
            by_votes * votes // total_votes if total_votes else 0,
        )
        for place, (producer, votes) in enumerate(ranked)
    )


def is_due(now_s: int, timer_s: int, waiting: int, rules: PayRules) -> bool:
    """Return whether a new schedule is built: nobody waits, or the old one is too old.

    Source: PROTOCOL B.8.
    """
    return waiting == 0 or now_s >= timer_s + rules.schedule_age_s


def next_timer(now_s: int, timer_s: int, rules: PayRules) -> int:
    """Return the timer of a schedule built now; timer_s: the last one's, 0 before the first.

    It moves by one step, a day, however late it is: after several idle days claim after claim
    builds a new schedule, and mints. Source: PROTOCOL B.8.
    """
    return timer_s + rules.schedule_step_s if timer_s else now_s
