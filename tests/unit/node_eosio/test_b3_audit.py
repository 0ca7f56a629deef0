"""Counting all votes anew repairs what upstream's bug left, and nothing else is wrong."""

from __future__ import annotations

from node.chain.eosio.contracts.voting.audit_votes import AuditVotes
from node.chain.eosio.contracts.voting.rows import Voter
from node.chain.model.errors import Reason
from tests.unit.node_eosio.fio_world import (
    NAMES,
    World,
    become_proxy,
    fio_genesis,
    pay,
    proxy,
    resign_proxy,
    vote,
)

A, B, C, D = NAMES
AUDIT = AuditVotes(actor=D)


def tables(world: World) -> object:
    """Return what the tables of votes hold."""
    image = world.chain._ledger.image(world.chain.head.num).tables
    return [dict(image[name]) for name in ("voters", "producers", "voted")]


def test_an_audit_finds_nothing_to_change() -> None:
    world = World()
    world.do(become_proxy("userc"), vote("userc", C), proxy("userd", "userc"))
    world.do(become_proxy("userb"), proxy("usera", "userb"), resign_proxy("userb"))
    world.do(pay(A, B, by="userc"), vote(B, A, C))
    world.run()
    before = tables(world)
    assert world.do(AUDIT) == ""
    world.run()
    assert tables(world) == before


def test_an_audit_gives_back_what_the_bug_on_a_switch_left_with_the_first_proxy() -> None:
    world = World(fio_genesis(faithful_autoproxy_bug=True))
    for user, name in (("userc", C), ("userd", D)):
        world.do(become_proxy(user), vote(user, name))
    world.do(pay("usera", "usera", by="userc"))
    world.do(pay("usera", "usera", by="userd"))
    world.run()
    assert world.votes() == {C: 2000, D: 1000}
    world.do(AUDIT)
    world.run()
    assert world.votes() == {C: 1000, D: 2000}
    assert world.voter("userd") == Voter(producers=(D,), is_proxy=True, weight=2000, proxied=1000)


def test_who_ever_voted_cannot_audit() -> None:
    world = World()
    world.do(vote(D))
    assert world.do(AUDIT) == Reason.IS_A_VOTER
