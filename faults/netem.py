"""netem: the tc lines that delay flows to some peers and leave all other traffic as it was.

A prio qdisc of our own handle becomes the interface's root; its first three bands carry ordinary
traffic by the kernel's default map, each further band one (delay, jitter) pair. u32 filters pick
the node's flows by destination address and port. Deleting the root gives the kernel's default back.
"""

from __future__ import annotations

import ipaddress
from itertools import product

from faults.fault import FaultError

ORDINARY_BANDS = 3
BANDS_MAX = 16
LIMIT_PACKETS = 20_000
"""netem's own queue; its default of 1,000 packets would drop what a busy link sends in 80 ms."""

_PRIOMAP = "1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1"


def netem_handle(token: str) -> str:
    """Return the root handle (hex, without colon) of the arming with this token."""
    return f"5{int(token[:3], 16):03x}"


def netem_commands(
    interface: str,
    node_port: int,
    peers: list[tuple[str, int, int]],
    token: str,
    *,
    ordered: bool = True,
) -> list[str]:
    """Return `tc -batch` lines delaying packets to each (address, delay_ns, jitter_ns).

    With ordered a plain FIFO stands inside netem, so jitter spreads packets without swapping them.

    Raises:
        FaultError: too_many_delays, more different delays than a prio qdisc has bands.
    """
    kinds = sorted({(delay_ns, jitter_ns) for _, delay_ns, jitter_ns in peers})
    bands = ORDINARY_BANDS + len(kinds)
    if bands > BANDS_MAX:
        raise FaultError("too_many_delays", f"netem takes {BANDS_MAX - ORDINARY_BANDS} a host")
    handle = netem_handle(token)
    dev = f"dev {interface}"
    lines = [f"qdisc add {dev} root handle {handle}: prio bands {bands} priomap {_PRIOMAP}"]
    for number, (delay_ns, jitter_ns) in enumerate(kinds, start=ORDINARY_BANDS + 1):
        delay = f"delay {_us(delay_ns)}us" + (f" {_us(jitter_ns)}us" if jitter_ns else "")
        child = f"{int(handle, 16) + number & 0xFFFF:x}"
        lines.append(
            f"qdisc add {dev} parent {handle}:{number:x} handle {child}: netem"
            f" limit {LIMIT_PACKETS} {delay}"
        )
        if ordered and jitter_ns:
            lines.append(f"qdisc add {dev} parent {child}:1 pfifo limit {LIMIT_PACKETS}")
    for address, delay_ns, jitter_ns in peers:
        band = ORDINARY_BANDS + 1 + kinds.index((delay_ns, jitter_ns))
        lines += _filters(
            f"filter add {dev} parent {handle}:", address, node_port, f"{handle}:{band:x}"
        )
    return lines


def _filters(head: str, address: str, node_port: int, flow: str) -> list[str]:
    six = ipaddress.ip_address(address).version == 6
    family, protocol, prio = ("ip6", "ipv6", 2) if six else ("ip", "ip", 1)
    length = 128 if six else 32
    return [
        f"{head} protocol {protocol} prio {prio} u32 match {family} dst {address}/{length}"
        f" match {family} protocol {number} 0xff match {family} {port} {node_port} 0xffff"
        f" flowid {flow}"
        for number, port in product((6, 17), ("dport", "sport"))
    ]


def _us(value_ns: int) -> int:
    return round(value_ns / 1000)
