"""C.13 on a chain: what operations cost, where that goes, and how who signs blocks is paid."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from node.chain.bitshares.contracts.money.claim import Claim
from node.chain.bitshares.contracts.money.create_worker import CreateWorker
from node.chain.bitshares.contracts.transfer import Transfer
from node.chain.bitshares.contracts.voting.vote import Vote
from node.chain.bitshares.profile import BitsharesProfile
from node.chain.model.bitshares_rules import MoneyRules
from node.chain.model.errors import GenesisError, Reason
from node.chain.model.operation import Operation
from node.events import Budgeted, FeesPaid, Paid
from tests.unit.node_bitshares.paying import (
    DAY_S,
    MONEY,
    USERS,
    WITNESSES,
    MoneyRecount,
    World,
    kept,
    money_genesis,
    supply,
)
from tests.unit.node_chain.builders import blocks_of, of_kind

TRANSFER_BYTES = 23
"""Of one without a memo: number, fee, two accounts, amount, flags."""
PRICE = 20 + TRANSFER_BYTES * 1_000 // 1_024


def pay(amount: int = 10, *, fee: int = 0, sender: str = "usera", memo: bytes = b"") -> Transfer:
    return Transfer(sender=sender, recipient="userb", amount=amount, fee=fee, memo=memo)


def claim(owner: str = WITNESSES[0], amount: int = 0, *, what: str = "witness") -> Claim:
    return Claim(owner=owner, amount=amount, what=what)


def is_as_counted(world: World) -> bool:
    image = world.chain._ledger.image(world.chain.head.num).tables
    expected = MoneyRecount(world.genesis).read(blocks_of(world.log)).rows()
    there = sum(account.balance for account in world.genesis.accounts)
    assert world.genesis.bitshares is not None
    assert supply(image) == there + world.genesis.bitshares.money.reserve
    assert kept(image) == expected
    return True


# ---------------------------------------------------------------- fees


def test_a_fee_that_is_left_out_is_the_schedules_by_the_bytes() -> None:
    world = World()
    assert world.do(pay(10)) == ""
    world.run()
    assert (world.owned("usera"), world.owned("userb")) == (1000 - 10 - PRICE, 1010)
    assert is_as_counted(world)


def test_a_longer_operation_costs_more() -> None:
    world = World(replace(MONEY, fee_per_kbyte=1_024))
    assert world.do(pay(10, memo=bytes(20))) == ""
    world.run()
    assert world.owned("usera") == 1000 - 10 - 20 - TRANSFER_BYTES - 79 - 20
    assert is_as_counted(world)


@pytest.mark.parametrize(
    ("fee", "reason"), [(1, Reason.INSUFFICIENT_FEE), (PRICE - 1, Reason.INSUFFICIENT_FEE),
                        (PRICE, ""), (PRICE + 100, ""), (991, Reason.INSUFFICIENT_BALANCE)],
)  # fmt: skip
def test_a_fee_that_is_said_may_be_more_than_the_schedules_but_not_less(
    fee: int, reason: str
) -> None:
    world = World()
    assert world.do(pay(10, fee=fee)) == reason
    world.run()
    assert world.owned("usera") == (1000 if reason else 990 - fee)
    assert is_as_counted(world)


def test_the_networks_part_waits_for_maintenance_and_the_rest_does_not() -> None:
    world = World(replace(MONEY, reserve=0))
    world.run()
    assert world.do(pay(fee=500)) == ""
    world.run()
    assert (world.pool.reserve, world.pool.collected) == (400, 100)
    (told,) = of_kind(world.run(12), Budgeted)
    assert (told.reserve, told.collected) == (500, 100)
    assert is_as_counted(world)


def test_what_each_account_paid_is_told_at_maintenance() -> None:
    world = World()
    world.run(2)
    assert world.do(pay(), pay()) == ""
    assert world.do(pay(sender="userc")) == ""
    told = of_kind(world.run(12), FeesPaid)
    assert [one.by_account for one in told] == [{"usera": 2 * PRICE, "userc": PRICE}]
    assert not of_kind(world.run(24), FeesPaid)


def test_without_fees_and_reserve_nothing_is_touched_but_at_maintenance() -> None:
    world = World(MoneyRules(), maintenance_interval_s=20)
    world.run(2)
    before = world.chain._ledger._state._rows["pool"]["main"]
    assert world.do(pay()) == ""
    assert not of_kind(world.run(30), Budgeted)
    assert world.pool is not before
    assert replace(world.pool, budget_s=0) == replace(before, budget_s=0)
    world.run(2)
    assert {name for name, _, _ in world.chain._ledger._state._journals[-1].changes} == {"ring"}


# ---------------------------------------------------------------- pay


def test_nobody_is_paid_in_the_first_interval_and_then_for_each_block() -> None:
    world = World()
    first = 12 - world.chain._fork_db.head.state.time_s % 12  # type: ignore[attr-defined]
    world.run(first)
    assert world.rows("witness_pay") == {}
    assert world.pool.budget == min(9 * 12, -(-(10**9 * first * 17) // 2**32))
    blocks = blocks_of(world.run(5))
    earned = {name: row.balance for name, row in world.rows("witness_pay").items()}
    assert sum(earned.values()) == min(9 * len(blocks), -(-(10**9 * first * 17) // 2**32))
    assert set(earned) <= set(WITNESSES)
    assert is_as_counted(world)


def test_a_percentage_of_the_blocks_own_fees_is_paid_instead() -> None:
    world = World(replace(MONEY, pay_mode="percent_of_fees", pay_percent=3_333, reserve=0))
    world.run(20)
    assert world.rows("witness_pay") == {}
    assert world.do(pay(fee=100), pay(fee=101)) == ""
    world.run(2)
    assert [row.balance for row in world.rows("witness_pay").values()] == [201 * 3_333 // 10_000]
    assert world.pool.budget == 0
    assert is_as_counted(world)


def test_pay_is_claimed_as_it_vests_and_pays_for_its_own_claim() -> None:
    world = World(replace(MONEY, vesting_s=100, witness_pay_per_block=30, reserve=10**12))
    assert world.do(claim()) == Reason.NOT_VESTED
    world.run(40)
    row = world.rows("witness_pay")[WITNESSES[0]]
    assert world.do(claim(amount=row.balance)) == Reason.NOT_VESTED
    assert world.do(claim()) == ""
    (paid,) = of_kind(world.run(2), Paid)
    assert 0 < paid.amount < row.balance
    assert (paid.what, paid.account) == ("witness", WITNESSES[0])
    cost = 3 + (1 + 9 + 8 + 1 + 9) * 1_000 // 1_024
    assert world.owned(WITNESSES[0]) == paid.amount - cost
    assert is_as_counted(world)


def test_one_claims_only_as_what_one_was_paid() -> None:
    world = World()
    world.run(60)
    assert world.do(claim(what="worker")) == Reason.NOT_VESTED
    assert world.do(claim(what="king")) == Reason.NOT_REGISTERED
    assert world.do(claim(USERS[0])) == Reason.NOT_VESTED


def test_what_witnesses_earned_is_told_with_each_budget() -> None:
    world = World(replace(MONEY, reserve=10**12))
    told = of_kind(world.run(60), Budgeted)
    rows = world.rows("witness_pay").items()
    earned = {name: row.balance - row.untold for name, row in rows}
    sums = {name: sum(one.earned.get(name, 0) for one in told) for name in WITNESSES}
    assert sums == earned
    assert all(one.spendable >= one.for_witnesses for one in told)
    assert sum(sum(one.earned.values()) for one in told) > 0


# ---------------------------------------------------------------- workers


def test_a_worker_needs_a_time_a_pay_and_short_texts() -> None:
    world = World()
    good: dict[str, Any] = {"owner": "usera", "lasts_s": 10, "daily_pay": 5, "name": "a"}
    for change in ({"lasts_s": 0}, {"daily_pay": 0}, {"daily_pay": 1 << 62}, {"url": "a" * 128},
                   {"begins_in_s": 1 << 32}):  # fmt: skip
        assert world.do(CreateWorker(**{**good, **change})) == Reason.BAD_WORKER
    assert world.do(CreateWorker(**good), CreateWorker(**good)) == ""
    world.run()
    assert list(world.rows("workers")) == [0, 1]


def test_workers_are_paid_by_approval_while_their_time_lasts_and_the_budget_holds() -> None:
    world = World(replace(MONEY, reserve=10**12, fees={}, worker_budget_per_day=DAY_S * 12))
    for owner, pay_s in (("usera", 5), ("userb", 9), ("userc", 1)):
        asked = CreateWorker(owner=owner, lasts_s=30, daily_pay=DAY_S * pay_s, name=owner)
        assert world.do(asked) == ""
    votes = {"usera": (1, 2), "userd": (0, 1)}
    assert world.do(*(Vote(account=name, workers=told) for name, told in votes.items())) == ""
    told = of_kind(world.run(60), Budgeted)
    # The second has most approval; of those with as much, the one that registered first.
    paid = [one.to_workers for one in told if one.to_workers]
    assert paid == [{"userb": 9 * 12, "usera": 3 * 12}] * 2
    assert world.do(claim("userb", what="worker")) == ""
    (claimed,) = of_kind(world.run(2), Paid)
    assert (claimed.what, claimed.account, claimed.amount) == ("worker", "userb", 9 * 24)
    assert is_as_counted(world)


# ---------------------------------------------------------------- the genesis


@pytest.mark.parametrize(
    ("money", "said"),
    [
        (MoneyRules(fees={"transfers": 1}), "money.fees: transfers is no operation; known are "),
        (MoneyRules(reserve=(1 << 62) - 1), "money.reserve: the balances and the reserve must be"),
    ],
)
def test_a_genesis_that_cannot_be_is_refused_by_name(money: MoneyRules, said: str) -> None:
    with pytest.raises(GenesisError, match=said):
        BitsharesProfile.of(money_genesis(money))


# ---------------------------------------------------------------- by another way

STEPS = st.lists(
    st.one_of(
        st.integers(1, 9),
        st.builds(
            pay, st.integers(1, 300), fee=st.sampled_from((0, 0, 1, 200)),
            sender=st.sampled_from(USERS), memo=st.sampled_from((b"", b"ab")),
        ),
        st.builds(claim, st.sampled_from(WITNESSES), st.sampled_from((0, 0, 5))),
        st.builds(claim, st.sampled_from(USERS), what=st.just("worker")),
        st.builds(
            CreateWorker, owner=st.sampled_from(USERS), begins_in_s=st.integers(0, 20),
            lasts_s=st.integers(1, 60), daily_pay=st.integers(1, 10**7), name=st.just("a"),
        ),
        st.builds(
            Vote, account=st.sampled_from(USERS),
            workers=st.sets(st.integers(0, 3)).map(lambda numbers: tuple(sorted(numbers))),
        ),
    ),
    min_size=5, max_size=25,
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(
    STEPS,
    st.builds(
        MoneyRules,
        reserve=st.sampled_from((0, 10**9, 10**12)),
        fees=st.sampled_from(({}, {"transfer": 20}, {"claim": 3, "transfer": 1})),
        fee_per_kbyte=st.sampled_from((0, 3_000)),
        network_percent=st.integers(0, 10_000),
        pay_mode=st.sampled_from(("fixed_per_block", "percent_of_fees")),
        pay_percent=st.integers(0, 10_000),
        witness_pay_per_block=st.integers(0, 50),
        worker_budget_per_day=st.sampled_from((0, 10**5, 10**8)),
        vesting_s=st.integers(0, 40),
    ),
)
def test_all_money_is_where_a_naive_recount_of_the_blocks_has_it(
    steps: list[int | Operation], money: MoneyRules
) -> None:
    world = World(money)
    for step in steps:
        if isinstance(step, int):
            world.run(step)
        else:
            world.do(step)
    world.run(15)
    assert is_as_counted(world)
