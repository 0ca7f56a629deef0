"""Measures every pair of hosts at once, without anything deployed: loss, round trips, TCP, MTU.

The datagrams go between the data addresses over the nodes' own UDP port, so that they share the
fate of the nodes' traffic: its firewalls, its cables and its faults.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypedDict

from harness.inventory.inventory import Host
from harness.preflight.host_report import Int
from harness.remote import host_python
from harness.remote.fan_out import Remote
from harness.remote.host_python import read_json

SCRIPT = Path(__file__).with_name("pair_traffic_script.py")
PADDING_BYTES = 200
HOST_RATE_MAX = 1000
"""Datagrams a second that one host sends at most, whatever the number of its peers."""
MEET_S = 8.0
MARGIN_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What to send: rate a second and pair, for how long, and whether to send each one back.

    meet_s: how long hosts wait for each other at most, before they send and after.
    """

    rate: float
    seconds: float
    echo: bool = False
    meet_s: float = MEET_S


class _Said(TypedDict):
    """What a host counted of one peer."""

    sent: Int
    received: Int
    rtt_ns: list[Int]
    tcp: str
    large_bytes: Int
    large: Int


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCount:
    """What one host sent to another and how much arrived; problem: why that is not known.

    rtt_ns holds the round trips that source saw, when they were asked for. tcp: why source got no
    connection. large_bytes: the size of the largest datagrams that source sent, 0 where it could
    not; large: how many of them arrived.
    """

    source: str
    target: str
    port: int
    sent: int = 0
    received: int = 0
    rtt_ns: tuple[int, ...] = ()
    tcp: str = ""
    large_bytes: int = 0
    large: int = 0
    problem: str = ""


def measure(remote: Remote, hosts: Sequence[Host], traffic: Traffic) -> tuple[PairCount, ...]:
    """Return the counts of every directed pair of hosts; it takes a little longer than asked."""
    rate = min(traffic.rate, HOST_RATE_MAX / max(1, len(hosts) - 1))
    commands = {host.name: _command(host, hosts, traffic, rate) for host in hosts}
    text = SCRIPT.read_text()
    within_s = traffic.seconds + 2 * traffic.meet_s + MARGIN_S
    results = remote.run_each(commands, stdin=text, timeout_s=within_s)
    found, judged = read_json(results, dict[str, _Said])
    reports = {name: found.get(name, result.problem) for name, result in judged.items()}
    return tuple(
        _count(source, target, reports[source.name], reports[target.name])
        for source in hosts
        for target in hosts
        if source is not target
    )


def _command(host: Host, hosts: Sequence[Host], traffic: Traffic, rate: float) -> list[str]:
    asked = {
        **asdict(replace(traffic, rate=rate)),
        "bind": host.address,
        "port": host.node_port,
        "peers": {peer.name: [peer.address, peer.node_port] for peer in hosts if peer is not host},
        "bytes": PADDING_BYTES,
    }
    return host_python.command(host, json.dumps(asked))


def _count(
    source: Host, target: Host, sent: dict[str, _Said] | str, got: dict[str, _Said] | str
) -> PairCount:
    count = PairCount(source=source.name, target=target.name, port=target.node_port)
    if isinstance(sent, str):
        return replace(count, problem=f"{source.name} could not measure: {sent}")
    if isinstance(got, str):
        return replace(count, problem=f"{target.name} could not measure: {got}")
    mine, theirs = sent.get(target.name), got.get(source.name)
    if mine is None or theirs is None:
        silent = source if mine is None else target
        return replace(count, problem=f"{silent.name} counted nothing of the other")
    return replace(
        count, sent=mine["sent"], received=theirs["received"], rtt_ns=tuple(mine["rtt_ns"]),
        tcp=mine["tcp"], large_bytes=mine["large_bytes"], large=theirs["large"],
    )  # fmt: skip
