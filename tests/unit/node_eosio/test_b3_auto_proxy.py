"""Auto-proxies: whoever never voted leaves it to the technology provider that it uses."""

from __future__ import annotations

from node.chain.eosio.contracts.voting.rows import Voter
from node.events import Proxied
from tests.unit.node_chain.builders import of_kind
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
AUTO_C = Voter(proxy="userc", is_auto_proxy=True, weight=999)


def with_proxies(**rules: bool) -> World:
    """Return a world in which userc is a proxy for C and userd one for D."""
    world = World(fio_genesis(**rules))
    for user, name in (("userc", C), ("userd", D)):
        world.do(become_proxy(user), vote(user, name))
    world.run()
    return world


def test_who_never_voted_gets_the_provider_as_its_proxy_after_what_was_paid() -> None:
    world = with_proxies()
    world.do(pay("usera", "userb", by="userc"))
    effects = world.run()
    assert world.voter("usera") == AUTO_C
    assert world.votes() == {C: 1999, D: 1000}
    assert of_kind(effects, Proxied) == [
        Proxied(
            num=world.chain.head.num, account="usera", proxy="userc", weight=999, automatic=True
        )
    ]
    world.do(pay("userb", "usera", 500, by="userc"))
    world.run()
    assert world.votes() == {C: 3000, D: 1000}


def test_another_provider_takes_over_and_the_first_keeps_nothing() -> None:
    world = with_proxies()
    world.do(pay("usera", "usera", by="userc"))
    world.run()
    world.do(pay("usera", "userb", by="userd"))
    world.run()
    assert world.votes() == {C: 1000, D: 1999}


def test_upstreams_bug_leaves_the_weight_with_the_first_and_gives_the_change_to_the_second() -> (
    None
):
    world = with_proxies(faithful_autoproxy_bug=True)
    world.do(pay("usera", "usera", by="userc"))
    world.run()
    world.do(pay("usera", "userb", 5, by="userd"))
    world.run()
    assert world.votes() == {C: 2000, D: 995}
    world.do(vote("usera", A))
    world.run()
    assert world.votes() == {A: 995, C: 2000}, "all that it weighed is taken from the second"
    assert world.voter("userd") == Voter(producers=(D,), is_proxy=True, weight=0, proxied=-1000)


def test_whoever_chose_anything_is_left_alone() -> None:
    world = with_proxies()
    world.do(vote("usera", A), vote("usera"))
    world.do(proxy("userb", "userc"))
    world.do(become_proxy("producera"))
    world.run()
    for who in ("usera", "userb", "producera"):
        world.do(pay(who, who, by="userd"))
    world.run()
    assert world.voter("usera") == Voter(weight=1000)
    assert world.voter("userb") == Voter(proxy="userc", weight=1000)
    assert world.votes() == {C: 2000, D: 1000}


def test_any_choice_ends_it() -> None:
    for choice in (vote("usera", A), proxy("usera", "userc"), resign_proxy("usera")):
        world = with_proxies()
        world.do(pay("usera", "userb", by="userc"))
        world.do(choice)
        world.do(pay("usera", "userb", by="userd"))
        world.run()
        row = world.voter("usera")
        assert row is not None
        assert not row.is_auto_proxy
        assert world.votes()[D] == 1000


def test_an_address_that_nobody_has_or_whose_owner_is_no_proxy_changes_nothing() -> None:
    world = with_proxies()
    world.do(resign_proxy("userd"))
    for by in ("", "nobody", "userb", "userd"):
        assert world.do(pay("usera", "usera", by=by)) == ""
    world.run()
    assert world.voter("usera") is None
