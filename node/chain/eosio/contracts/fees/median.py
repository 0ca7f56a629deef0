"""What a producer's vote on a fee comes to, and the median of many: pure rules."""

from collections.abc import Sequence

from node.chain.ledger.accounts import MAX_AMOUNT

MULTIPLIER_UNIT = 1_000_000
"""A multiplier of 1: upstream has floating numbers, ours are millionths."""


def voted_fee(multiplier: int, value: int) -> int:
    """Return the fee in SUF that a producer votes for, rounded down; at most the largest amount.

    multiplier: in millionths; value: what it is applied to, in SUF.
    Source: PROTOCOL B.9.
    """
    return min(multiplier * value // MULTIPLIER_UNIT, MAX_AMOUNT)


def median(votes: Sequence[int], least: int) -> int | None:
    """Return the median of votes, None for fewer than least of them (or none at all).

    Of an even number, the mean of the middle two, rounded down. Source: PROTOCOL B.9.
    """
    if len(votes) < max(least, 1):
        return None
    ordered = sorted(votes)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) // 2
