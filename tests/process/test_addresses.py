"""Real nodes and probes on addresses of their own: IPv6, and flows that keep to one address."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import msgspec
import psutil
import pytest

from tests.process.cluster import cluster
from tests.waiting import wait_until

pytestmark = pytest.mark.process


def move(lab: Any, addresses: list[str]) -> None:
    """Have each node of lab listen on its own address and know its peers there."""
    by_host = {node.name: address for node, address in zip(lab.nodes, addresses, strict=True)}
    for node in lab.nodes:
        peers = [
            msgspec.structs.replace(peer, address=by_host[peer.host], probe_port=peer.node_port + 1)
            for peer in node.config.peers
        ]
        node.config = msgspec.structs.replace(
            node.config, listen=by_host[node.name], peers=peers,
            probe_port=node.config.node_port + 1,
        )  # fmt: skip


def test_nodes_agree_over_ipv6() -> None:
    with cluster(3) as lab:
        move(lab, ["::1"] * 3)
        lab.start()
        lab.until_lib(6)
        assert all(node.end(signal.SIGTERM) == 0 for node in lab.nodes)
        assert lab.agreed() >= 10
        assert [node.log() for node in lab.nodes] == [""] * 3


def test_probes_measure_over_ipv6() -> None:
    with cluster(2) as lab:
        move(lab, ["::1"] * 2)
        for node in lab.nodes:
            node.role = "probe"
        lab.start()

        def whole() -> set[str]:
            path = lab.nodes[0].folder / "events" / "probe.jsonl"
            lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
            events = [json.loads(line) for line in lines]
            return {e["flow"] for e in events if e["kind"] == "probe" and e["received"] == 8}

        wait_until(lambda: whole() == {"clock", "path"}, "whole bursts on both flows")


def test_links_leave_from_the_nodes_own_data_address() -> None:
    number = os.getpid() % 60_000
    own = [f"127.77.{number // 250}.{number % 250 + n}" for n in range(2)]
    with cluster(2) as lab:
        move(lab, own)
        lab.start()
        lab.until_lib(3)
        for node, address, other in zip(lab.nodes, own, reversed(own), strict=True):
            links = [
                (link.laddr.ip, link.raddr.ip)
                for link in psutil.Process(node.process.pid).net_connections("inet")
                if link.raddr
            ]
            assert set(links) == {(address, other)}
