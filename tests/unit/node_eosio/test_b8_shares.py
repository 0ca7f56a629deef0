"""Where a fee goes, what is minted, who is paid what: the pure rules against a naive recount."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.chain.eosio.contracts.fees.split import Split, split
from node.chain.eosio.contracts.pay.minting import (
    mint_for_foundation,
    mint_for_producers,
    mint_for_staking,
)
from node.chain.eosio.contracts.pay.pay_schedule import Share, is_due, next_timer, shares_of
from node.chain.model.fio_rules import FIO_SUF, FeeRules, PayRules

FEES = FeeRules()
PAY = PayRules()
AMOUNTS = st.integers(0, 2**62 - 1)
DAY = 86_400


def floor(share: Fraction) -> int:
    return share.numerator // share.denominator


@pytest.mark.parametrize(
    ("fee", "has_provider", "expected"),
    [
        (1000, False, (50, 250, 0, 700, 0)),
        (1000, True, (50, 250, 100, 600, 400)),
        (19, True, (0, 4, 1, 14, 7)),
        (1, False, (0, 0, 0, 1, 0)),
        (0, True, (0, 0, 0, 0, 0)),
    ],
)
def test_a_fee_goes_to_foundation_staking_provider_and_producers(
    fee: int, has_provider: bool, expected: tuple[int, ...]
) -> None:
    found = split(fee, FEES, has_provider=has_provider, bounty_left=FIO_SUF)
    foundation, staking, provider, producers, bounty = expected
    assert found == Split(
        foundation=foundation,
        staking=staking,
        provider=provider,
        producers=producers,
        bounty=bounty,
    )


@given(AMOUNTS, st.booleans(), AMOUNTS)
def test_no_unit_of_a_fee_is_lost_and_no_part_is_more_than_its_percent(
    fee: int, has_provider: bool, left: int
) -> None:
    found = split(fee, FEES, has_provider=has_provider, bounty_left=left)
    assert found.foundation + found.staking + found.provider + found.producers == fee
    assert found.foundation == floor(Fraction(fee, 20))
    assert found.staking == floor(Fraction(fee, 4))
    assert found.provider == (floor(Fraction(fee, 10)) if has_provider else 0)
    assert 0 <= found.producers - Fraction(fee * (60 if has_provider else 70), 100) < 3
    assert found.bounty == (min(floor(Fraction(2 * fee, 5)), left) if has_provider else 0)


def test_the_bounty_ends_with_its_cap() -> None:
    for left, expected in ((401, 400), (400, 400), (399, 399), (0, 0)):
        assert split(1000, FEES, has_provider=True, bounty_left=left).bounty == expected


def test_the_pot_is_topped_up_to_its_least_and_the_last_of_the_reserve_is_minted_whole() -> None:
    def minted(pot: int, left: int) -> int:
        return mint_for_producers(pot, top_up_to=50_000, left=left)

    assert [minted(pot, 10**6) for pot in (0, 49_999, 50_000, 60_000)] == [50_000, 1, 0, 0]
    assert minted(20_000, 50_000) == 30_000
    assert minted(20_000, 49_999) == 49_999, "more than the pot needs"
    assert (minted(0, 7), minted(0, 0), minted(50_000, 7)) == (7, 0, 0)


def test_the_foundation_has_a_sum_a_schedule_until_its_reserve_ends() -> None:
    assert [mint_for_foundation(daily=150, left=left) for left in (151, 150, 149, 0)] == [
        150, 150, 149, 0,
    ]  # fmt: skip


def test_stakers_have_what_fees_leave_of_a_day() -> None:
    def minted(from_fees: int, left: int = 10**6) -> int:
        return mint_for_staking(from_fees, daily=25_000, left=left)

    assert [minted(fees) for fees in (0, 24_999, 25_000, 30_000)] == [25_000, 1, 0, 0]
    assert (minted(5_000, left=7), minted(5_000, left=0)) == (7, 0)


def recount(
    pot: int, votes: list[tuple[str, int]], total: int, most: int
) -> dict[str, tuple[int, int]]:
    """Return (active, standby) of each producer, by fractions and one at a time."""
    tenth = pot // 10
    chosen = [name for name, _ in votes][:most]
    paid = {}
    for name, weight in votes:
        equal = floor(Fraction(4 * tenth, len(chosen))) if name in chosen else 0
        paid[name] = (equal, floor(Fraction(6 * tenth * weight, total)) if total else 0)
    return paid


@given(
    AMOUNTS,
    st.lists(st.integers(0, 2**60), max_size=50).map(lambda votes: sorted(votes, reverse=True)),
    st.integers(0, 2**60),
    st.integers(1, 25),
)
def test_shares_are_those_of_a_recount_and_never_more_than_the_pot(
    pot: int, votes: list[int], elsewhere: int, most: int
) -> None:
    ranked = [(f"p{place}", weight) for place, weight in enumerate(votes)]
    total = sum(votes) + elsewhere
    found = shares_of(pot, ranked, total, PayRules(active=most))
    assert [share.producer for share in found] == [name for name, _ in ranked]
    assert {s.producer: (s.active, s.standby) for s in found} == recount(pot, ranked, total, most)
    assert sum(share.active + share.standby for share in found) <= pot


def test_producers_without_votes_have_an_active_share_only() -> None:
    assert shares_of(1000, [("a", 3), ("b", 0)], 4, PayRules(active=2)) == (
        Share("a", 200, 450),
        Share("b", 200, 0),
    )
    assert shares_of(1000, [("a", 0)], 0, PAY) == (Share("a", 400, 0),)
    assert shares_of(1000, [], 0, PAY) == ()


def test_a_schedule_is_built_when_nobody_waits_or_a_day_is_over() -> None:
    assert is_due(1000, 1000, 0, PAY)
    assert not is_due(1000 + DAY, 1000, 1, PAY)
    assert is_due(1000 + DAY + 1, 1000, 1, PAY)


@given(st.integers(1, 40), st.integers(2, 10**9))
def test_after_idle_days_each_claim_builds_anew_until_the_timer_has_caught_up(
    days: int, start_s: int
) -> None:
    timer = next_timer(start_s, 0, PAY)
    assert timer == start_s
    now = start_s + days * DAY + 1
    built = 0
    while is_due(now, timer, 3, PAY):
        timer = next_timer(now, timer, PAY)
        built += 1
    assert (built, timer) == (days, start_s + days * DAY)
