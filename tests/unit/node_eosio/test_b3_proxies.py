"""Proxies: what is given to them, of one level, and what becomes of it when somebody changes."""

from __future__ import annotations

from node.chain.eosio.contracts.transfer import Transfer
from node.chain.eosio.contracts.voting.rows import Voter
from node.chain.model.errors import Reason
from node.events import Proxied, Registered
from tests.unit.node_chain.builders import of_kind
from tests.unit.node_eosio.fio_world import NAMES, World, become_proxy, proxy, resign_proxy, vote

A, B, C, D = NAMES


def with_proxy(votes_first: bool = False) -> World:
    """Return a world in which userb is a proxy for usera and votes for A and B."""
    world = World()
    if votes_first:
        world.do(vote("userb", A, B), become_proxy("userb"), proxy("usera", "userb"))
    else:
        world.do(become_proxy("userb"), proxy("usera", "userb"), vote("userb", A, B))
    world.run()
    return world


def test_a_proxy_votes_with_its_own_and_all_that_is_given_to_it() -> None:
    for votes_first in (False, True):
        world = with_proxy(votes_first=votes_first)
        assert world.votes() == {A: 2000, B: 2000}
        assert world.voter("usera") == Voter(proxy="userb", weight=1000)
        assert world.voter("userb") == Voter(
            producers=(A, B), is_proxy=True, weight=2000, proxied=1000
        )
        num = world.chain.head.num
        assert of_kind(world.log, Proxied) == [
            Proxied(num=num, account="usera", proxy="userb", weight=1000)
        ]
        assert of_kind(world.log, Registered) == [
            Registered(num=num, account="userb", role="proxy", active=True)
        ]


def test_what_a_follower_owns_goes_on_through_the_proxy() -> None:
    world = with_proxy()
    world.do(Transfer(sender="usera", recipient="userc", amount=400))
    world.run()
    assert world.votes() == {A: 1600, B: 1600}
    world.do(Transfer(sender="userb", recipient="usera", amount=1000))
    world.run()
    assert world.votes() == {A: 1600, B: 1600}
    world.do(vote("userb", C))
    world.run()
    assert world.votes() == {C: 1600}


def test_a_vote_or_another_proxy_takes_the_weight_back() -> None:
    world = with_proxy()
    world.do(become_proxy("userc"), vote("userc", D), proxy("usera", "userc"))
    world.run()
    assert world.votes() == {A: 1000, B: 1000, D: 2000}
    world.do(vote("usera", C))
    world.run()
    assert world.votes() == {A: 1000, B: 1000, C: 1000, D: 1000}
    assert world.voter("userc") == Voter(producers=(D,), is_proxy=True, weight=1000)


def test_choosing_a_proxy_drops_ones_own_votes() -> None:
    world = World()
    world.do(vote("usera", A), become_proxy("userb"))
    world.run()
    world.do(proxy("usera", "userb"))
    world.run()
    assert world.votes() == {}
    assert world.voter("usera") == Voter(proxy="userb", weight=1000)


def test_there_is_one_level_of_proxies() -> None:
    world = with_proxy()
    world.do(become_proxy("userc"), vote("userc", D))
    world.run()
    assert world.do(proxy("userb", "userc")) == Reason.PROXY_OF_PROXY
    assert world.do(become_proxy("userb")) == Reason.ALREADY_A_PROXY
    assert world.do(become_proxy("usera")) == "", "whoever becomes one loses its own"
    world.run()
    assert world.votes() == {A: 1000, B: 1000, D: 1000}
    assert world.voter("usera") == Voter(is_proxy=True, weight=1000)


def test_what_was_given_survives_a_resignation_and_counts_again_after_it() -> None:
    world = with_proxy()
    world.do(resign_proxy("userb"))
    world.run()
    assert world.votes() == {A: 1000, B: 1000}, "its own alone"
    assert world.voter("usera") == Voter(proxy="userb", weight=1000)
    assert world.do(proxy("userc", "userb")) == Reason.NOT_A_PROXY
    world.do(Transfer(sender="usera", recipient="userd", amount=300))
    world.run()
    assert world.votes() == {A: 1000, B: 1000}
    world.do(become_proxy("userb"))
    world.run()
    assert world.votes() == {A: 1700, B: 1700}


def test_who_resigns_without_being_a_proxy_loses_the_one_it_has_and_keeps_its_votes() -> None:
    world = with_proxy()
    world.do(resign_proxy("usera"))
    world.do(vote("userc", C), resign_proxy("userc"))
    assert world.do(resign_proxy("userd")) == ""
    world.run()
    assert world.votes() == {A: 1000, B: 1000, C: 1000}
    assert world.voter("usera") == Voter(weight=1000)
    assert world.voter("userd") is None


def test_who_resigned_can_give_its_own_to_another_and_what_it_was_given_stays_with_it() -> None:
    world = with_proxy()
    world.do(resign_proxy("userb"), become_proxy("userc"), vote("userc", D))
    world.do(proxy("userb", "userc"))
    world.run()
    assert world.votes() == {D: 2000}
    world.do(Transfer(sender="userd", recipient="usera", amount=50))
    world.run()
    assert world.votes() == {D: 2000}, "usera's weight ends with userb"
    assert world.voter("userb") == Voter(proxy="userc", weight=1000, proxied=1050)
