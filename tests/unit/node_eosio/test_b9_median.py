"""What producers' votes on a fee come to: the pure rules against a naive recount."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from node.chain.eosio.contracts.fees.median import median, voted_fee
from node.chain.ledger.accounts import MAX_AMOUNT

VALUES = st.integers(0, MAX_AMOUNT)


@given(st.lists(VALUES, max_size=30), st.integers(0, 16))
def test_the_median_is_that_of_a_recount(votes: list[int], least: int) -> None:
    """The recount takes away the lowest and the highest while more than two are left."""
    rest = list(votes)
    while len(rest) > 2:
        rest.remove(min(rest))
        rest.remove(max(rest))
    enough = votes and len(votes) >= least
    assert median(votes, least) == (sum(rest) // len(rest) if enough else None)


def test_fourteen_votes_are_no_median_and_fifteen_are() -> None:
    assert median([7] * 14, 15) is None
    assert median([*range(15)], 15) == 7
    assert median([*range(16)], 15) == 7, "of the middle two, rounded down"
    assert median([], 0) is None


@given(st.integers(0, 2**64 - 1), VALUES)
def test_a_vote_is_multiplier_times_value_rounded_down(multiplier: int, value: int) -> None:
    exact = Fraction(multiplier, 1_000_000) * value
    found = voted_fee(multiplier, value)
    assert found == MAX_AMOUNT or 0 <= exact - found < 1
    assert found <= exact


def test_multipliers_are_millionths() -> None:
    assert [voted_fee(1_500_000, value) for value in (0, 1, 2, 3)] == [0, 1, 3, 4]
