"""C.13 by its pure rules: prices, the budget, vesting and workers against naive recounts."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.chain.bitshares.contracts.money.budget import Budget, budget, spendable
from node.chain.bitshares.contracts.money.prices import price, share
from node.chain.bitshares.contracts.money.vesting import Vesting, aged, deposited, withdrawn
from node.chain.bitshares.contracts.money.workers import Project, shares

AMOUNTS = st.integers(0, 1 << 60)
SECONDS = st.integers(0, 1 << 32)


@pytest.mark.parametrize(
    ("base", "per_kbyte", "size_bytes", "expected"),
    [(0, 0, 100, 0), (7, 0, 100, 7), (7, 1024, 100, 107), (7, 100, 10, 7), (7, 100, 11, 8),
     (0, 100_000, 1024, 100_000)],
)  # fmt: skip
def test_a_price_is_the_base_and_the_bytes_rounded_down(
    base: int, per_kbyte: int, size_bytes: int, expected: int
) -> None:
    assert price(base, per_kbyte, size_bytes) == expected


@given(AMOUNTS, st.integers(0, 10_000))
def test_a_share_and_the_rest_are_all(amount: int, parts: int) -> None:
    assert share(amount, parts) == int(Fraction(amount * parts, 10_000))
    assert 0 <= share(amount, parts) <= amount


@given(AMOUNTS, SECONDS)
def test_what_may_be_spent_is_17_of_2_to_the_32_a_second_rounded_up(
    reserve: int, since_s: int
) -> None:
    part = Fraction(17 * since_s, 2**32)
    assert spendable(reserve, since_s) == min(reserve, ceil(reserve * part))


def test_a_tenth_of_a_year_and_the_first_interval() -> None:
    assert spendable(10**15, 0) == 0
    assert spendable(1, 1) == 1
    assert spendable(10**15, 86_400) == 341_981_649_399


@given(
    total=AMOUNTS, left_s=st.integers(1, 1 << 20), interval_s=st.integers(1, 30),
    pay=st.integers(0, 1 << 40), daily=AMOUNTS,
)  # fmt: skip
def test_a_budget_pays_each_block_first_and_then_workers(
    total: int, left_s: int, interval_s: int, pay: int, daily: int
) -> None:
    blocks = sum(1 for _ in range(0, left_s, interval_s)) if left_s < 5_000 else None
    found = budget(
        total, left_s=left_s, interval_s=interval_s, pay_per_block=pay, workers_per_day=daily
    )
    if blocks is not None:
        witnesses = min(total, pay * blocks)
        workers = min(total - witnesses, int(Fraction(daily * left_s, 86_400)))
        assert found == Budget(total=total, witnesses=witnesses, workers=workers)
    assert found.witnesses + found.workers <= total


# ---------------------------------------------------------------- vesting

STEPS = st.lists(
    st.tuples(st.integers(0, 50), st.sampled_from(("pay", "claim")), st.integers(0, 100)),
    max_size=12,
)


@given(vesting_s=st.integers(0, 60), steps=STEPS)
def test_vesting_is_a_sum_of_coin_seconds_second_by_second(
    vesting_s: int, steps: list[tuple[int, str, int]]
) -> None:
    unit_s = max(vesting_s, 1)
    found, now_s, balance, coin_seconds = Vesting(), 0, 0, 0
    for later_s, what, amount in steps:
        for _ in range(later_s):
            coin_seconds = min(coin_seconds + balance, balance * unit_s)
        now_s += later_s
        if what == "pay":
            found = deposited(found, amount, now_s, vesting_s)
            balance += amount
        else:
            found = aged(found, now_s, vesting_s)
            amount = min(amount, found.vested)
            found = withdrawn(found, amount)
            balance, coin_seconds = balance - amount, coin_seconds - amount * unit_s
        assert (found.balance, found.vested * unit_s + found.rest) == (balance, coin_seconds)
        assert 0 <= found.vested <= found.balance


def test_pay_vests_in_a_day_and_half_of_it_in_half_a_day() -> None:
    paid = deposited(Vesting(), 1_000_000, 500, 86_400)
    assert [aged(paid, 500 + s, 86_400).vested for s in (0, 43_200, 86_400, 90_000)] == [
        0, 500_000, 1_000_000, 1_000_000
    ]  # fmt: skip


# ---------------------------------------------------------------- workers

PROJECTS = st.lists(
    st.builds(
        Project, st.integers(0, 99), st.text("ab", min_size=1, max_size=2),
        st.integers(0, 1 << 30), st.integers(0, 3),
    ),
    max_size=6, unique_by=lambda one: one.number,
)  # fmt: skip


@given(PROJECTS, st.integers(0, 1 << 31), st.integers(0, 200_000))
def test_workers_are_paid_by_approval_until_the_budget_is_gone(
    projects: list[Project], whole: int, since_s: int
) -> None:
    paid, left = shares(projects, whole, since_s)
    queue, naive, rest = list(projects), [], whole
    while queue:
        best = max(queue, key=lambda one: (one.approval, -one.number))
        queue.remove(best)
        if best.approval:
            amount = min(rest, int(Fraction(best.daily_pay * since_s, 86_400)))
            naive += [(best.owner, amount)] * bool(amount)
            rest -= amount
    assert (list(paid), left) == (naive, rest)
