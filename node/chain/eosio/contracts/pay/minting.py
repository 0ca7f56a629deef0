"""How much is minted when a pay schedule is built, within what is left of each reserve: pure."""


def mint_for_producers(pot: int, *, top_up_to: int, left: int) -> int:
    """Return what is minted for the producers' pot.

    A pot below top_up_to is filled up to it; of a reserve with less than that left, all is minted,
    even if the pot needs less. Source: PROTOCOL B.8.
    """
    if pot >= top_up_to:
        return 0
    return left if left < top_up_to else top_up_to - pot


def mint_for_foundation(*, daily: int, left: int) -> int:
    """Return what is minted for the foundation. Source: PROTOCOL B.8."""
    return min(daily, left)


def mint_for_staking(from_fees: int, *, daily: int, left: int) -> int:
    """Return what is minted for stakers: what fees since the last schedule leave of the daily sum.

    Source: PROTOCOL B.8.
    """
    return min(max(daily - from_fees, 0), left)
