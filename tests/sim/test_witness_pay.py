"""Money of BitShares in the campaign that ships: from fees to the reserve, and on to witnesses."""

from __future__ import annotations

import itertools
from collections import Counter
from fractions import Fraction
from math import ceil
from pathlib import Path

import pytest

from node import events
from tests.sim.runs import facts, meets, simulated
from tests.sim.second import summary

pytestmark = pytest.mark.slow

INTERVAL_S, BLOCKS, PAY = 100, 20, 1_000_000


def test_the_campaign_meets_what_it_expects_and_both_analyses_agree(tmp_path: Path) -> None:
    done, told, run = simulated("witness_pay", tmp_path)
    meets(done, told)
    assert summary.compare(run, told) == []
    pay = told["metrics"]["pay"]
    assert set(pay["by_account"]) == {"producera", "producerb", "userd"}
    assert len(pay["earned_by_account"]) == 5


def test_the_reserve_is_what_fees_brought_and_pay_took_to_the_unit() -> None:
    told = facts("witness_pay", events.FeesPaid, events.Budgeted)
    budgets = [one for one in told if isinstance(one, events.Budgeted)]
    fees = {one.num: sum(one.by_account.values()) for one in told if one not in budgets}
    for before, after in itertools.pairwise(budgets):
        spent = sum(after.earned.values()) + sum(before.to_workers.values())
        assert after.reserve == before.reserve + fees[after.num] - spent
    full = [one for one in budgets if one.for_witnesses == BLOCKS * PAY]
    assert len(full) == 3
    for one in full:
        assert one.spendable == ceil(Fraction(one.reserve * INTERVAL_S * 17, 2**32))


def test_half_of_the_fees_is_paid_from_when_the_committee_has_it_so() -> None:
    told = facts("witness_pay", events.FeesPaid, events.Budgeted)
    budgets = [one for one in told if isinstance(one, events.Budgeted)]
    fees = {one.num: sum(one.by_account.values()) for one in told if one not in budgets}
    # The first without a budget for witnesses is the maintenance that put the change in force.
    changed = [one for one in budgets if one.num > 1].index(
        next(one for one in budgets if one.num > 1 and not one.for_witnesses)
    )
    later = [one for one in budgets if one.num > 1][changed + 1 :]
    assert len(later) == 4
    for one in later:
        assert 0 <= fees[one.num] // 2 - sum(one.earned.values()) < BLOCKS


def test_who_claims_gets_no_more_than_was_earned_by_then() -> None:
    told = facts("witness_pay", events.Budgeted, events.Paid)
    earned: Counter[str] = Counter()
    got: Counter[str] = Counter()
    for one in told:
        if isinstance(one, events.Budgeted):
            for name, units in (*one.earned.items(), *one.to_workers.items()):
                earned[name] += units
        else:
            got[one.account] += one.amount
    assert got <= earned
    assert [one.account for one in told if isinstance(one, events.Paid)] == [
        "producerb", "producera", "producera", "userd"
    ]  # fmt: skip
