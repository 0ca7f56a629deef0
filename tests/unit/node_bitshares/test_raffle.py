"""B44: an operation that uses the random number of the block before."""

from __future__ import annotations

from collections import Counter

import pytest

from node.chain.bitshares.contracts.raffle.raffle import Raffle
from node.chain.model.bitshares_rules import RandomRules
from node.chain.model.errors import Reason
from node.events import Raffled, RandomNumber, Txs
from tests.unit.node_bitshares.governed import NAMES, grown, state_of
from tests.unit.node_bitshares.second_random import SecondRandom
from tests.unit.node_bitshares.world import START_SLOT, bitshares_genesis
from tests.unit.node_chain.builders import make_chain, of_kind, signed, submit, tick

GENESIS = bitshares_genesis(4, random=RandomRules(on=True))
USERS = ("usera", "userb", "userc", "userd")


def raffle(amount: int = 3, among: tuple[str, ...] = USERS, giver: str = "usera") -> Raffle:
    return Raffle(giver=giver, among=among, amount=amount)


def test_raffles_pick_by_the_number_of_the_block_before_and_each_by_its_own_bits() -> None:
    chain = make_chain(GENESIS, NAMES, enable_stale_production=True)
    known, told = SecondRandom(), list[Raffled]()
    for block in grown(chain, 1):
        known.absorb(block)
    for _ in range(12):
        slot = max(chain.head.slot + 1, START_SLOT)
        while chain.producer_for(slot) == "":
            slot += 1
        submit(chain, signed(chain, raffle(1), raffle(2, giver="userb")), slot=slot)
        before = state_of(chain).random
        assert before == known.number
        effects = tick(chain, slot)
        assert of_kind(effects, RandomNumber)[0].value == before.hex()
        facts = of_kind(effects, Raffled)
        assert [fact.winner for fact in facts] == [known.winner(USERS), known.winner(USERS)]
        told += facts
        known.absorb(chain._fork_db.head.signed)
    assert [(one.account, one.amount) for one in told[:2]] == [("usera", 1), ("userb", 2)]
    owned = dict.fromkeys(USERS, 1000)
    for one in told:
        owned[one.account] -= one.amount
        owned[one.winner] += one.amount
    assert {user: chain.balance(user) for user in USERS} == owned


def test_everybody_wins_about_as_often() -> None:
    chain = make_chain(GENESIS, NAMES, enable_stale_production=True)
    wins = Counter[str]()
    grown(chain, 1)
    for _ in range(40):
        asked = signed(chain, *[raffle(1, giver=USERS[i % 4]) for i in range(16)], lives_s=9)
        slot = max(chain.head.slot + 1, START_SLOT)
        while chain.producer_for(slot) == "":
            slot += 1
        submit(chain, asked, slot=slot)
        wins.update(one.winner for one in of_kind(tick(chain, slot), Raffled))
    assert wins.total() == 640
    # 160 each, give or take four standard deviations of 11.
    assert set(wins) == set(USERS)
    assert all(116 <= count <= 204 for count in wins.values())


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (raffle(0), Reason.ZERO_AMOUNT),
        (raffle(among=()), Reason.BAD_RAFFLE),
        (raffle(among=("userb", "userb")), Reason.BAD_RAFFLE),
        (raffle(among=("userb", "1.2.99")), Reason.UNKNOWN_ACCOUNT),
        (raffle(5_000), Reason.INSUFFICIENT_BALANCE),
    ],
)
def test_a_raffle_that_cannot_be_is_refused(asked: Raffle, reason: Reason) -> None:
    chain = make_chain(GENESIS, NAMES, enable_stale_production=True)
    grown(chain, 5)
    effects = submit(chain, signed(chain, asked), slot=chain.head.slot)
    assert [one.reason for one in of_kind(effects, Txs)] == [reason]


def test_without_random_numbers_there_is_no_raffle() -> None:
    chain = make_chain(bitshares_genesis(4), NAMES, enable_stale_production=True)
    grown(chain, 5)
    effects = submit(chain, signed(chain, raffle()), slot=chain.head.slot)
    assert [one.reason for one in of_kind(effects, Txs)] == [Reason.NO_RANDOM]
