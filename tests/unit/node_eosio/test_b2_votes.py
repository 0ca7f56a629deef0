"""Votes for producers: who may be voted for, what a vote weighs, and that it follows balances."""

from __future__ import annotations

import pytest

from node.chain.eosio.contracts.transfer import Transfer
from node.chain.eosio.contracts.voting.rows import Voter
from node.chain.model.errors import Reason
from node.chain.model.fio_rules import VoteLock
from node.chain.model.operation import Operation
from node.events import Registered, Voted
from tests.unit.node_chain.builders import make_genesis, of_kind, producer_names
from tests.unit.node_eosio.fio_world import (
    NAMES,
    World,
    become_proxy,
    fio_genesis,
    proxy,
    register,
    resign_proxy,
    unregister,
    vote,
)

A, B, C, D = NAMES


def send(sender: str, recipient: str, amount: int) -> Transfer:
    """Return a transfer."""
    return Transfer(sender=sender, recipient=recipient, amount=amount)


def test_a_vote_weighs_the_whole_balance_for_each_of_its_producers_and_replaces_the_last() -> None:
    world = World()
    assert world.do(vote("usera", B, A)) == ""
    assert world.do(vote("userb", B)) == ""
    effects = world.run()
    assert world.votes() == {A: 1000, B: 2000}
    assert world.voter("usera") == Voter(producers=(A, B), weight=1000)
    num = world.chain.head.num
    assert of_kind(effects, Voted) == [
        Voted(num=num, account="usera", producers=[A, B], weight=1000),
        Voted(num=num, account="userb", producers=[B], weight=1000),
    ]
    assert world.do(vote("usera", C)) == ""
    world.run()
    assert world.votes() == {B: 1000, C: 1000}
    assert world.do(vote("userb")) == ""
    world.run()
    assert world.votes() == {C: 1000}
    assert world.voter("userb") == Voter(weight=1000)


def test_the_weight_follows_each_transfer_and_reward_of_the_voter() -> None:
    world = World()
    world.do(vote("usera", A))
    world.run()
    world.do(send("usera", "userb", 300))
    world.do(send("userc", "usera", 1))
    world.run()
    assert world.votes() == {A: 701}
    world.do(send("usera", "userb", 700), vote("usera", A, B))
    world.run()
    assert world.votes() == {A: 1, B: 1}


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        (vote("usera", A, A), Reason.DUPLICATE_VOTE),
        (vote("usera", "userb"), Reason.INACTIVE_PRODUCER),
        (vote("usera", "nobody"), Reason.INACTIVE_PRODUCER),
        (vote("usera", "producere"), Reason.INACTIVE_PRODUCER),
        (vote("usera", A, B, C, D), Reason.TOO_MANY_VOTES),
        (vote("nobody", A), Reason.UNKNOWN_ACCOUNT),
        (proxy("usera", "usera"), Reason.PROXY_OF_PROXY),
        (proxy("usera", "userb"), Reason.NOT_A_PROXY),
        (unregister("producere"), Reason.NOT_REGISTERED),
        (register(A), Reason.SAME_REGISTRATION),
        (register(A, url="x" * 512), Reason.BAD_URL),
    ],
)
def test_what_breaks_a_rule_is_refused_by_name_and_leaves_no_trace(
    operation: Operation, reason: Reason
) -> None:
    world = World(fio_genesis(votes=3))
    assert world.do(operation) == reason
    world.run()
    assert world.votes() == {}
    assert world.voter("usera") is None


def test_without_fios_rules_nobody_can_vote_or_register() -> None:
    names = ("usera", *producer_names(1))
    genesis = fio_genesis()
    plain = make_genesis(accounts=genesis.accounts)
    world = World(plain)
    for operation in (
        vote("usera", A),
        proxy("usera", A),
        register("usera"),
        unregister(names[1]),
        become_proxy("usera"),
        resign_proxy("usera"),
    ):
        assert world.do(operation) == Reason.NO_DELEGATION


def test_a_voter_must_drop_a_producer_that_was_deactivated_before_voting_again() -> None:
    world = World()
    world.do(vote("usera", A, B))
    world.do(unregister(B))
    effects = world.run()
    assert [(told.account, told.active) for told in of_kind(effects, Registered)] == [(B, False)]
    assert world.do(vote("usera", A, B)) == Reason.INACTIVE_PRODUCER
    world.do(send("usera", "userb", 1))
    world.run()
    assert world.votes() == {A: 999, B: 999}, "the old vote still follows the balance"
    assert world.producer(B).key == b""
    assert world.do(vote("usera", A)) == ""
    world.run()
    assert world.votes() == {A: 999}
    assert world.do(register(B)) == ""
    world.run()
    assert world.producer(B).active


def test_what_is_locked_without_a_vote_counts_only_where_all_is_locked() -> None:
    locks = [
        VoteLock(account="usera", amount=400),
        VoteLock(account="userb", amount=1000),
        VoteLock(account="userc", amount=400, can_vote=True),
    ]
    world = World(fio_genesis(locks=locks))
    for user, name in (("usera", A), ("userb", B), ("userc", C)):
        world.do(vote(user, name))
    world.run()
    assert world.votes() == {A: 600, B: 1000, C: 1000}
    world.do(send("usera", "userd", 600))
    world.do(send("userd", "userb", 1))
    world.run()
    assert world.votes() == {A: 400, B: 1, C: 1000}


def test_once_the_domain_expired_nobody_is_voted_for_and_within_the_grace_who_registers() -> None:
    world = World(fio_genesis(domain_expires_s=3, domain_grace_s=5))
    world.do(vote("usera", A))
    world.run(6)
    assert world.do(vote("usera", B)) == ""
    world.run(2)
    assert world.do(vote("usera", C)) == Reason.DOMAIN_EXPIRED
    assert world.do(vote("usera")) == ""
    assert world.do(unregister(D)) == Reason.DOMAIN_EXPIRED
    assert world.do(register("producere")) == ""
    assert world.do(become_proxy("userb")) == ""
    assert world.do(proxy("userc", "userb")) == ""
    assert world.do(resign_proxy("userb")) == Reason.DOMAIN_EXPIRED
    world.run(10)
    assert world.do(register("producerf")) == Reason.DOMAIN_EXPIRED
    assert world.do(become_proxy("userc")) == Reason.DOMAIN_EXPIRED
    assert world.do(proxy("userd", "userb")) == Reason.DOMAIN_EXPIRED
