"""Splits of a running cluster: who goes on, who stands still, and that all agree afterwards.

And that no transaction is lost that a node took while it, or its way to the producers, was cut off.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from node import events
from tests.process.cluster import client as client_of
from tests.process.cluster import cluster
from tests.process.proxy import Network
from tests.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.slow]


@contextmanager
def cuttable(count: int, *, observers: int = 0) -> Iterator[tuple[Any, Any]]:
    """Yield a started cluster whose links all run through a network that can be cut."""
    with cluster(count, observers=observers) as lab:
        network = Network()
        own = {node.name: node.config.node_port for node in lab.nodes}
        for node in lab.nodes:
            peers = [
                msgspec.structs.replace(
                    peer, node_port=network.connect(node.name, peer.host, own[peer.host])
                )
                for peer in node.config.peers
            ]
            node.config = msgspec.structs.replace(node.config, peers=peers)
        lab.start()
        try:
            yield lab, network
        finally:
            network.close()


def test_the_majority_goes_on_and_the_minority_rejoins() -> None:
    with cuttable(4) as (lab, network):
        lab.until_lib(6)
        minority, majority = lab.nodes[:1], lab.nodes[1:]
        network.split(["hosta"], [node.name for node in majority])
        wait_until(lambda: minority[0].status()["peers"][0]["state"] == "disconnected", "the cut")
        frozen = minority[0].lib()
        wait_until(lambda: min(n.lib() for n in majority) >= frozen + 6, "the majority goes on")
        assert minority[0].lib() <= frozen + 1
        network.heal()
        goal = max(node.lib() for node in majority) + 6
        lab.until_lib(goal)
        assert lab.agreed() > 3 * frozen
        assert minority[0].of(events.Switched)


def test_two_halves_stand_still_and_agree_after_the_split() -> None:
    with cuttable(4) as (lab, network):
        lab.until_lib(6)
        network.split(["hosta", "hostb"], ["hostc", "hostd"])
        head = max(node.status()["head_num"] for node in lab.nodes)
        wait_until(
            lambda: all(node.status()["head_num"] >= head + 6 for node in lab.nodes), "forks"
        )
        frozen = [node.lib() for node in lab.nodes]
        head = max(node.status()["head_num"] for node in lab.nodes)
        wait_until(lambda: all(node.status()["head_num"] >= head + 3 for node in lab.nodes), "more")
        assert [node.lib() for node in lab.nodes] == frozen
        network.heal()
        lab.until_lib(max(frozen) + 12)
        assert lab.agreed() > 3 * max(frozen)
        assert any(node.of(events.Switched) for node in lab.nodes)


def taken(node: Any, state: str) -> set[str]:
    """Return the transactions that reached a state of their life at the node they entered."""
    told = [record for record in node.of(events.Txs) if record.state == state]
    return {id_ for record in told for id_ in record.ids}


def final(node: Any) -> set[str]:
    """Return the first 8 bytes of each transaction in the blocks that are irreversible here."""
    ids = set(node.irreversible().values())
    blocks = [record for record in node.of(events.Applied) if record.id in ids]
    return {short for block in blocks for short in block.transactions}


def until_final(node: Any, others: list[Any]) -> None:
    """Wait until all that node took is irreversible there and in the chains of others."""
    accepted = taken(node, "accepted")
    assert accepted
    short = {name[:16] for name in accepted}
    wait_until(lambda: taken(node, "irreversible") == accepted, "all are irreversible")
    wait_until(lambda: all(short <= final(other) for other in others), "others have them")


def until_cut(node: Any, hosts: list[str]) -> None:
    """Wait until node knows that it does not reach hosts."""
    wait_until(
        lambda: {node.peer_state(host) for host in hosts} == {"disconnected"}, "the cut is noticed"
    )


def test_what_an_observer_took_while_it_was_cut_off_becomes_irreversible() -> None:
    with cuttable(3, observers=1) as (lab, network):
        lab.until_lib(6)
        *producers, observer = lab.nodes
        hosts = [node.name for node in producers]
        network.split([observer.name], hosts)
        until_cut(observer, hosts)
        load = client_of(lab, observer, seconds=2)
        load.start()
        assert load.wait() == 0
        assert taken(observer, "included") == set()
        network.heal()
        until_final(observer, producers)


def test_no_transaction_is_lost_around_the_moments_of_a_cut_and_its_healing() -> None:
    with cuttable(3, observers=1) as (lab, network):
        lab.until_lib(6)
        *producers, observer = lab.nodes
        hosts = [node.name for node in producers]
        load = client_of(lab, observer, seconds=8)
        load.start()
        wait_until(lambda: taken(observer, "accepted"), "the load begins")
        # Too short for anybody to notice: the connections stay.
        network.split([observer.name], hosts)
        network.heal()
        before = len(taken(observer, "accepted"))
        network.split([observer.name], hosts)
        until_cut(observer, hosts)
        assert len(taken(observer, "accepted")) > before
        network.heal()
        assert load.wait() == 0
        until_final(observer, producers)


def test_what_was_under_way_on_a_cut_link_goes_round_by_a_third_node() -> None:
    with cuttable(3, observers=2) as (lab, network):
        lab.until_lib(6)
        *producers, cut_off, between = lab.nodes
        load = client_of(lab, cut_off, seconds=4)
        load.start()
        wait_until(lambda: taken(cut_off, "accepted"), "the load begins")
        network.split([cut_off.name], [node.name for node in producers])
        assert load.wait() == 0
        until_final(cut_off, [*producers, between])
