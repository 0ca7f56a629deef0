"""Votes on fees on a chain: who may, when again, which wait to be counted, and what they change."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.chain.eosio.contracts.fees.add_bundles import AddBundles
from node.chain.eosio.contracts.fees.bundle_vote import BundleVote
from node.chain.eosio.contracts.fees.compute_fees import ComputeFees
from node.chain.eosio.contracts.fees.endpoints import NAMES as ENDPOINTS
from node.chain.eosio.contracts.fees.median import MULTIPLIER_UNIT
from node.chain.eosio.contracts.fees.set_fee_multiplier import SetFeeMultiplier
from node.chain.eosio.contracts.fees.set_fee_votes import FeeValue, SetFeeVotes
from node.chain.ledger.accounts import MAX_AMOUNT
from node.chain.model.errors import Reason
from node.chain.model.fio_rules import MAX_UNITS
from node.chain.model.operation import Operation
from node.events import FeeChanged
from tests.unit.node_chain.builders import of_kind
from tests.unit.node_eosio.fio_world import CANDIDATES, NAMES, World, register, unregister, vote
from tests.unit.node_eosio.money import fees, is_conserved, money_world, units

MINUTE_SLOTS = 120


def elected(*, top: int = 4, **rules: object) -> World:
    """Return a chain whose six candidates all have votes, the first ones most; so many are top."""
    world = money_world(elected=top, producers=top, **rules)  # type: ignore[arg-type]
    for name in CANDIDATES[top:]:
        assert world.do(register(name)) == ""
    world.run()
    assert world.do(vote("usera", *CANDIDATES), vote("userb", *CANDIDATES[:top])) == ""
    world.run(6)
    assert set(world.election.top) == set(CANDIDATES[:top])
    return world


def values(actor: str, **amounts: int) -> SetFeeVotes:
    said = tuple(FeeValue(end_point=name, value=value) for name, value in amounts.items())
    return SetFeeVotes(fee_values=said, actor=actor)


def times(actor: str, millionths: int = MULTIPLIER_UNIT) -> SetFeeMultiplier:
    return SetFeeMultiplier(multiplier=millionths, actor=actor)


def do(world: World, *operations: Operation, expected: str = "") -> None:
    """Submit them in one transaction and let a block pass."""
    assert world.do(*operations) == expected
    world.run()


def count(world: World, expected: str = "") -> list[FeeChanged]:
    """Count the votes; return what changed."""
    assert world.do(ComputeFees(actor="userd")) == expected
    return of_kind(world.run(), FeeChanged)


def later(world: World, minutes: int) -> None:
    world.slot += minutes * MINUTE_SLOTS - 1
    world.run()


def test_three_votes_of_the_top_make_a_fee_and_tell_so() -> None:
    world = elected()
    for place, name in enumerate(NAMES[:3]):
        do(world, times(name), values(name, transfer=100 * (place + 1)))
    assert fees(world.chain) == {"transfer": (0, True)}
    assert count(world) == [
        FeeChanged(num=world.chain.head.num, endpoint="transfer", before=0, amount=200, votes=3)
    ]
    assert fees(world.chain) == {"transfer": (200, False)}
    count(world, expected=Reason.NO_WORK)


def test_too_few_votes_change_nothing_and_no_longer_wait() -> None:
    world = elected()
    for name in NAMES[:2]:
        do(world, times(name), values(name, transfer=100))
    do(world, values(NAMES[2], transfer=100))
    assert count(world) == [], "the third has no multiplier"
    assert fees(world.chain) == {}
    do(world, times(NAMES[2], MULTIPLIER_UNIT // 2))
    assert [told.amount for told in count(world)] == [100]


def test_a_median_of_nothing_leaves_the_fee() -> None:
    world = elected(fees={"transfer": 7})
    for name in NAMES:
        do(world, times(name), values(name, transfer=0))
    assert count(world) == []
    assert fees(world.chain) == {"transfer": (7, False)}


def test_a_multiplier_lets_all_that_its_producer_voted_on_be_counted_again() -> None:
    world = elected()
    for name in NAMES:
        do(world, times(name), values(name, transfer=100, register=10))
    assert len(count(world)) == 2
    later(world, 2)
    for name in NAMES[:3]:
        do(world, times(name, 3 * MULTIPLIER_UNIT))
    assert fees(world.chain) == {"register": (10, True), "transfer": (100, True)}
    changed = {told.endpoint: (told.before, told.amount) for told in count(world)}
    assert changed == {"register": (10, 30), "transfer": (100, 300)}


def test_those_behind_the_top_may_vote_and_neither_trigger_nor_count() -> None:
    world = elected(top=4)
    for name in NAMES[:2]:
        do(world, times(name), values(name, transfer=100))
    count(world)
    for name in CANDIDATES[4:]:
        do(world, times(name), values(name, transfer=100))
    assert fees(world.chain) == {}
    count(world, expected=Reason.NO_WORK)


def test_who_enters_the_top_brings_its_votes_which_wait_for_anothers() -> None:
    world = elected(top=4)
    late = CANDIDATES[4]
    for name in (*NAMES[1:3], late):
        do(world, times(name), values(name, transfer=100))
    assert count(world) == []
    do(world, vote("userb", late))
    do(world, unregister(NAMES[0]))
    world.run(6)
    assert late in world.election.top
    assert fees(world.chain) == {}, "a change of the schedule triggers nothing"
    later(world, 2)
    do(world, times(NAMES[1]))
    assert [(told.amount, told.votes) for told in count(world)] == [(100, 3)]


def test_who_is_not_of_rank_may_not_vote() -> None:
    world = elected(voting_rank=5)
    for account in (CANDIDATES[5], "usera"):
        for operation in (
            times(account),
            values(account, transfer=1),
            BundleVote(bundled_transactions=1, actor=account),
        ):
            do(world, operation, expected=Reason.NOT_OF_RANK)
    do(world, times(CANDIDATES[4]))
    do(world, unregister(NAMES[0]))
    do(world, times(NAMES[0]), expected=Reason.NOT_OF_RANK)
    do(world, times(CANDIDATES[5]))


def test_between_two_votes_there_is_a_pause_for_each_kind_and_endpoint() -> None:
    world = elected()
    name = NAMES[0]
    bundle = BundleVote(bundled_transactions=1, actor=name)
    do(world, times(name), values(name, transfer=1), bundle)
    world.run(world.slot % 2)
    later(world, 1)
    do(world, times(name, 2), expected=Reason.TOO_SOON)
    do(world, bundle, expected=Reason.TOO_SOON)
    later(world, 1)
    do(world, times(name, 2), bundle)
    do(world, values(name, transfer=2, register=1), expected=Reason.TOO_SOON)
    do(world, values(name, register=1))
    later(world, 57)
    do(world, values(name, transfer=2), expected=Reason.TOO_SOON)
    later(world, 1)
    do(world, values(name, transfer=2))
    twice = FeeValue(end_point="vote", value=1)
    do(world, SetFeeVotes(fee_values=(twice, twice), actor=name), expected=Reason.TOO_SOON)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (times(NAMES[0], 0), Reason.BAD_FEE_VOTE),
        (values(NAMES[0], transfers=1), Reason.UNKNOWN_ENDPOINT),
        (values(NAMES[0], transfer=MAX_AMOUNT + 1), Reason.BAD_FEE_VOTE),
        (values(NAMES[0], transfer=MAX_AMOUNT), ""),
        (BundleVote(bundled_transactions=0, actor=NAMES[0]), Reason.BAD_FEE_VOTE),
        (BundleVote(bundled_transactions=MAX_UNITS + 1, actor=NAMES[0]), Reason.BAD_FEE_VOTE),
        (AddBundles(fio_address="usera", bundle_sets=1, actor="usera"), Reason.UNKNOWN_ADDRESS),
        (AddBundles(fio_address="usera@lab", bundle_sets=0, actor="usera"), Reason.BAD_BUNDLES),
        (SetFeeVotes(fee_values=(), actor=NAMES[0]), ""),
    ],
)
def test_a_vote_that_cannot_be_is_refused_by_name(operation: Operation, expected: str) -> None:
    assert elected().do(operation) == expected


def test_only_so_many_fees_are_counted_at_a_time_in_order_of_their_names() -> None:
    world = elected(fees_per_call=3)
    for name in NAMES[:3]:
        do(world, times(name), values(name, **dict.fromkeys(ENDPOINTS, 10)))
    counted = []
    while any(pending for _, pending in fees(world.chain).values()):
        told = count(world)
        assert len(told) <= 3
        counted += [each.endpoint for each in told]
    assert counted == list(ENDPOINTS)


def test_ten_of_twelve_fees_are_counted_at_once_by_default() -> None:
    world = elected()
    for name in NAMES[:3]:
        do(world, times(name), values(name, **dict.fromkeys(ENDPOINTS, 1)))
    assert (len(ENDPOINTS), len(count(world)), len(count(world))) == (12, 10, 2)


def test_voting_on_fees_costs_what_was_voted() -> None:
    world = elected(fees={"set_fee_multiplier": 3, "set_fee_vote": 5, "bundle_vote": 7})
    name = NAMES[0]
    before = world.chain._ledger.balance(name)
    do(world, times(name), values(name, transfer=1))
    do(world, BundleVote(bundled_transactions=1, actor=name))
    assert before - world.chain._ledger.balance(name) == 15
    later(world, 2)
    over = SetFeeMultiplier(multiplier=1, max_fee=2, actor=name)
    do(world, over, expected=Reason.MAX_FEE_EXCEEDED)
    assert is_conserved(world.chain, world.genesis)


def test_a_bundle_is_worth_the_median_of_the_tops_votes_or_the_default() -> None:
    world = elected(bundle_units=8)
    sold = AddBundles(fio_address="userd@lab", bundle_sets=2, actor="userc")
    for place, name in enumerate(NAMES):
        do(world, BundleVote(bundled_transactions=10 * (place + 1), actor=name))
        if place == 1:
            do(world, sold)
    assert units(world.chain, "userd") == 8 + 2 * 8
    again = AddBundles(fio_address="userd@lab", bundle_sets=1, actor="userc")
    do(world, again)
    assert units(world.chain, "userd") == 24 + 25


VOTES = st.lists(
    st.tuples(
        st.sampled_from(CANDIDATES),
        st.sampled_from((None, None, *ENDPOINTS[:2])),
        st.integers(0, 4 * MULTIPLIER_UNIT),
    ),
    max_size=20,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(VOTES, st.integers(1, 4))
def test_fees_are_those_of_a_recount(votes: list[tuple[str, str | None, int]], least: int) -> None:
    """The recount looks at all that was ever said, newest first, when votes are counted at last."""
    world = elected(median_votes=least, multiplier_pause_s=0, fee_vote_pause_s=0)
    said: list[tuple[str, str | None, int]] = []
    for name, endpoint, number in votes:
        value = number if endpoint else max(number, 1)
        asked = values(name, **{endpoint: value}) if endpoint else times(name, value)
        do(world, asked)
        said.insert(0, (name, endpoint, value))
    pending = fees(world.chain)
    if pending:
        count(world)
    assert fees(world.chain) == {
        endpoint: (expected, False)
        for endpoint in pending
        if (expected := _recount(said, endpoint, least))
    }


def _recount(said: list[tuple[str, str | None, int]], endpoint: str, least: int) -> int:
    """What the newest words of each of the top come to, 0 where they change nothing."""
    amounts = []
    for name in NAMES:
        own = [(about, value) for who, about, value in said if who == name]
        multiplier = next((value for about, value in own if about is None), None)
        wanted = next((value for about, value in own if about == endpoint), None)
        if multiplier is not None and wanted is not None:
            amounts.append(multiplier * wanted // 1_000_000)
    if len(amounts) < least:
        return 0
    while len(amounts) > 2:
        amounts.remove(max(amounts))
        amounts.remove(min(amounts))
    return sum(amounts) // len(amounts)
