"""Splits of a running cluster: who goes on, who stands still, and that all agree afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from node import events

pytestmark = [pytest.mark.process, pytest.mark.slow]


@contextmanager
def cuttable(build: Any, proxy: Any, count: int) -> Iterator[tuple[Any, Any]]:
    """Yield a started cluster whose links all run through a network that can be cut."""
    with build.cluster(count) as lab:
        network = proxy.Network()
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


def test_the_majority_goes_on_and_the_minority_rejoins(build: Any, proxy: Any) -> None:
    with cuttable(build, proxy, 4) as (lab, network):
        lab.until_lib(6)
        minority, majority = lab.nodes[:1], lab.nodes[1:]
        network.split(["hosta"], [node.name for node in majority])
        build.until(lambda: minority[0].status()["peers"][0]["state"] == "disconnected", "the cut")
        frozen = minority[0].lib()
        build.until(lambda: min(n.lib() for n in majority) >= frozen + 6, "the majority goes on")
        assert minority[0].lib() <= frozen + 1
        network.heal()
        goal = max(node.lib() for node in majority) + 6
        begun_s = time.monotonic()
        lab.until_lib(goal)
        print(f"rejoined after {time.monotonic() - begun_s:.2f} s")
        assert lab.agreed() > 3 * frozen
        assert minority[0].of(events.Switched)


def test_two_halves_stand_still_and_agree_after_the_split(build: Any, proxy: Any) -> None:
    with cuttable(build, proxy, 4) as (lab, network):
        lab.until_lib(6)
        network.split(["hosta", "hostb"], ["hostc", "hostd"])
        head = max(node.status()["head_num"] for node in lab.nodes)
        build.until(
            lambda: all(node.status()["head_num"] >= head + 6 for node in lab.nodes), "forks"
        )
        frozen = [node.lib() for node in lab.nodes]
        head = max(node.status()["head_num"] for node in lab.nodes)
        build.until(
            lambda: all(node.status()["head_num"] >= head + 3 for node in lab.nodes), "more"
        )
        assert [node.lib() for node in lab.nodes] == frozen
        network.heal()
        lab.until_lib(max(frozen) + 12)
        assert lab.agreed() > 3 * max(frozen)
        assert any(node.of(events.Switched) for node in lab.nodes)
