"""C.11 and C.17: how many are elected, by votes for a number or by 75 %, and what members weigh."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.chain.bitshares.contracts.voting.authority import Authority, authority
from node.chain.bitshares.contracts.voting.counts import (
    CountRule,
    Tie,
    elected_number,
    top75_number,
    voted_number,
)
from node.chain.bitshares.contracts.voting.majority import majority_stake
from node.chain.bitshares.contracts.voting.ranking import rank
from node.chain.bitshares.contracts.voting.rows import Opinion
from node.chain.bitshares.contracts.voting.tally import Limits, eighths_left, tally
from node.chain.model.bitshares_rules import DAY_S, VotingRules

NO_LIMIT = Limits(1001, 1001)


@pytest.mark.parametrize(
    ("wanted", "graphene", "seed"),
    [
        ({}, 1, 1),
        ({0: 9}, 1, 1),
        ({1: 1}, 1, 3),
        ({1: 2}, 3, 3),
        ({1: 50, 5: 50}, 11, 3),
        ({1: 51, 5: 49}, 3, 3),
        ({0: 900, 1: 50, 5: 50}, 11, 3),
        ({1: 49, 5: 51}, 11, 11),
        ({2: 30, 3: 20, 10: 50}, 21, 7),
    ],
)
def test_the_number_is_the_least_that_more_than_half_of_who_does_not_abstain_wants_no_more_of(
    wanted: dict[int, int], graphene: int, seed: int
) -> None:
    total = sum(wanted.values())
    assert voted_number(wanted, total, 1001, "graphene") == graphene
    assert voted_number(wanted, total, 1001, "seed") == seed


def test_stake_for_more_than_there_may_be_is_for_no_number_and_does_not_abstain() -> None:
    stakes = {"a": 60, "b": 50}
    opinions = {"a": Opinion(num_witness=9), "b": Opinion(num_witness=3)}
    found = tally(stakes, opinions, VotingRules(), Limits(7, 7), now_s=0)
    assert (found.total, dict(found.witnesses.histogram)) == (110, {1: 50})
    assert voted_number(found.witnesses.histogram, found.total, 7, "graphene") == 7


@given(
    wanted=st.dictionaries(st.integers(0, 12), st.integers(0, 20)),
    most=st.integers(1, 25),
    tie=st.sampled_from(("graphene", "seed")),
)
def test_the_number_is_odd_and_no_smaller_one_has_enough(
    wanted: dict[int, int], most: int, tie: Tie
) -> None:
    wanted = {k: stake for k, stake in wanted.items() if k <= most // 2}
    total = sum(wanted.values())
    number = voted_number(wanted, total, most, tie)
    others = total - wanted.get(0, 0)
    assert number % 2 == 1
    if others < 2:
        return
    for smaller in range(3, number, 2):
        agree = Fraction(sum(wanted.get(k, 0) for k in range(1, smaller // 2 + 1)), others)
        assert agree < Fraction(1, 2) or (tie == "graphene" and agree == Fraction(1, 2))


@pytest.mark.parametrize(
    ("approvals", "number"),
    [
        ([], 1),
        ([0, 0, 0], 1),
        ([100, 75, 74], 2),
        ([100, 75, 75, 75, 74], 4),
        ([3, 3, 3, 2, 0], 3),
        ([7, 6, 5], 2),
    ],
)
def test_by_75_percent_all_are_in_who_have_three_quarters_of_the_best(
    approvals: list[int], number: int
) -> None:
    assert top75_number(approvals, 1, 1001) == number
    assert top75_number(approvals, 10, 1001) == 10
    assert top75_number([100] * 30, 10, 21) == 21


def test_the_documents_example_of_16_and_8_percent_would_have_23() -> None:
    """16 % for the best, 12 % (three quarters of that) for 22 more, 8 % for the next."""
    assert top75_number([16, *[12] * 22, *[8] * 40], 10, 1001) == 23


@given(
    votes=st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 3)), count=st.integers(0, 9)
)
def test_ties_go_to_who_registered_first_and_who_has_no_votes_fills_up(
    votes: dict[str, int], count: int
) -> None:
    positions = {name: 7 - place for place, name in enumerate("abcdefgh")}
    found = rank(positions, votes, count)
    order = [*found.elected, *found.others]
    assert sorted(order) == sorted(positions)
    assert len(found.elected) == min(count, 8)
    for one, other in pairwise(order):
        first, second = votes.get(one, 0), votes.get(other, 0)
        assert first > second or (first == second and positions[one] < positions[other])
    for name, why in found.out.items():
        last = votes.get(found.elected[-1], 0) if found.elected else None
        own = votes.get(name, 0)
        assert (why == "registered_later") == (own == last)
        assert why != "no_votes" or own == 0
    assert all(len({votes.get(name, 0) for name in tied}) == 1 for tied in found.ties)


@given(
    votes=st.dictionaries(
        st.sampled_from("abcdefgh"), st.integers(0, 1 << 62), min_size=1, max_size=8
    )
)
def test_a_weight_has_16_bits_and_more_than_half_of_all_decides(votes: dict[str, int]) -> None:
    elected = sorted(votes, key=lambda name: -votes[name])
    found = authority(elected, votes)
    if not any(votes.values()):
        assert found is None
        return
    assert found is not None
    weights = dict(found.members)
    assert list(weights) == [name for name in elected if votes[name]]
    best = votes[elected[0]]
    assert weights[elected[0]].bit_length() == min(best.bit_length(), 16)
    for name, weight in weights.items():
        exact = Fraction(votes[name] * weights[elected[0]], best)
        assert weight == 1 or abs(weight - exact) <= 1
    assert 2 * found.threshold > sum(weights.values()) >= 2 * (found.threshold - 1)


def test_weights_are_votes_without_so_many_low_bits_that_the_greatest_has_16() -> None:
    votes = {"a": 0x1FFFF, "b": 0x10000, "c": 1, "d": 0}
    assert authority("abcd", votes) == Authority(
        (("a", 0xFFFF), ("b", 0x8000), ("c", 1)), (0xFFFF + 0x8000 + 1) // 2 + 1
    )
    assert authority("d", votes) is None


@pytest.mark.parametrize(
    ("days", "eighths"),
    [
        (0, 8),
        (359, 8),
        (360, 7),
        (404, 7),
        (405, 6),
        (360 + 6 * 45, 1),
        (360 + 7 * 45, 0),
        (999, 0),
    ],
)
def test_a_vote_loses_an_eighth_each_45_days_after_360(days: int, eighths: int) -> None:
    rules = VotingRules(full_vote_s=360 * DAY_S)
    opinion = Opinion(time_s=1_000)
    assert eighths_left(opinion, rules, 1_000 + days * DAY_S) == eighths
    assert eighths_left(opinion, VotingRules(), 1_000 + days * DAY_S) == 8


def test_a_proxys_own_opinion_counts_and_its_own_proxy_only_where_the_depth_allows() -> None:
    opinions = {
        "a": Opinion(proxy="b", witnesses=("wa",)),
        "b": Opinion(proxy="c", witnesses=("wb",)),
        "c": Opinion(proxy="a", witnesses=("wc",)),
    }
    for depth, whose in enumerate(("wa", "wb", "wc", "wa")):
        found = tally({"a": 5}, opinions, VotingRules(proxy_depth=depth), NO_LIMIT, now_s=0)
        assert dict(found.witnesses.approvals) == {whose: 5}
    silent = tally({"a": 5}, {"a": Opinion(proxy="x")}, VotingRules(), NO_LIMIT, now_s=0)
    assert (dict(silent.witnesses.approvals), silent.total) == ({}, 5)


@given(
    approvals=st.lists(st.integers(0, 12), min_size=1, max_size=6),
    is_top75=st.booleans(),
    least=st.integers(1, 4),
)
def test_the_least_stake_for_a_majority_is_the_least_that_wins_one(
    approvals: list[int], is_top75: bool, least: int
) -> None:
    rule = CountRule(is_top75=is_top75, tie="graphene", least=least, most=99, room=125)
    places = elected_number(rule, approvals, {}, 0)

    def wins(stake: int, own: int) -> bool:
        votes = {f"h{i}": one for i, one in enumerate(approvals)}
        votes |= {f"o{i}": stake for i in range(own)}
        count = elected_number(rule, list(votes.values()), {}, 0) if is_top75 else places
        elected = rank({name: i for i, name in enumerate(votes)}, votes, count).elected
        return 2 * sum(name[0] == "o" for name in elected) > len(elected)

    most = max(approvals) + 2
    found = next(s for s in range(1, most + 1) if any(wins(s, own) for own in range(1, 10)))
    assert majority_stake(approvals, places, rule) == found


def test_by_75_percent_a_majority_takes_more_stake_than_by_number() -> None:
    """The document's claim: of a long tail of candidates, half are had for little."""
    tail = [100, 90, 80, 8, 7, 6, 5, 4, 3, 2, 1]
    number = CountRule(is_top75=False, tie="graphene", least=11, most=1001, room=125)
    near = CountRule(is_top75=True, tie="graphene", least=3, most=1001, room=125)
    assert majority_stake(tail, 11, number) == 7
    assert majority_stake(tail, 3, near) == 75
