"""netem: the tc lines that delay flows to some peers and leave all other traffic as it was.

A prio qdisc of our own handle becomes the interface's root; its first three bands carry ordinary
traffic by the kernel's default map, each further band one (delay, jitter) pair. u32 filters pick
the node's flows by destination address and port. Deleting the root gives the kernel's default back.
"""

import ipaddress
from itertools import product

import msgspec

from faults.kinds.delay.held import Held, PeerDelay
from faults.model.fault import FaultError

ORDINARY_BANDS = 3
BANDS_MAX = 16
LIMIT_PACKETS = 20_000
"""netem's own queue; its default of 1,000 packets would drop what a busy link sends in 80 ms."""

_IN_ORDER = " rate 100gbit"
"""With a rate netem lets no packet overtake another; at this one it adds nothing else."""

_PRIOMAP = "1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1"


def netem_handle(token: str) -> str:
    """Return the root handle (hex, without colon) of the arming with this token."""
    return f"5{int(token[:3], 16):03x}"


class Band(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One netem of ours: the class of the root it stands in, its own handle, its delay."""

    flow: str
    handle: str
    delay_ns: int
    jitter_ns: int


def netem_bands(peers: list[PeerDelay], token: str) -> list[Band]:
    """Return a band for each different pair of delay and jitter among the peers.

    Raises:
        FaultError: too_many_delays, more different delays than a prio qdisc has bands.
    """
    kinds = sorted({(peer.delay_ns, peer.jitter_ns) for peer in peers})
    if ORDINARY_BANDS + len(kinds) > BANDS_MAX:
        raise FaultError("too_many_delays", f"netem takes {BANDS_MAX - ORDINARY_BANDS} a host")
    root = netem_handle(token)
    return [
        Band(f"{root}:{number:x}", f"{int(root, 16) + number & 0xFFFF:x}:", delay_ns, jitter_ns)
        for number, (delay_ns, jitter_ns) in enumerate(kinds, start=ORDINARY_BANDS + 1)
    ]


def netem_commands(fault: Held, token: str) -> list[str]:
    """Return `tc -batch` lines delaying packets to each peer of the fault.

    The delay stands still here, and a helper moves it (netem_jitter).

    Raises:
        FaultError: too_many_delays.
    """
    bands = netem_bands(fault.peers, token)
    handle = netem_handle(token)
    dev = f"dev {fault.interface}"
    count = ORDINARY_BANDS + len(bands)
    lines = [f"qdisc add {dev} root handle {handle}: prio bands {count} priomap {_PRIOMAP}"]
    for band in bands:
        lines.append(
            f"qdisc add {dev} parent {band.flow} handle {band.handle} netem limit {LIMIT_PACKETS} "
            f"delay {_us(band.delay_ns)}us{_IN_ORDER if band.jitter_ns else ''}"
        )
    flows = {(band.delay_ns, band.jitter_ns): band.flow for band in bands}
    for peer in fault.peers:
        flow = flows[peer.delay_ns, peer.jitter_ns]
        head = f"filter add {dev} parent {handle}:"
        lines += _filters(head, peer.address, fault.node_port, flow)
    return lines


def change_line(interface: str, band: Band, delay_ns: int) -> str:
    """Return the `tc -batch` line that gives a band of ordered packets another delay."""
    return (
        f"qdisc change dev {interface} parent {band.flow} handle {band.handle} netem"
        f" limit {LIMIT_PACKETS} delay {_us(delay_ns)}us{_IN_ORDER}"
    )


def _filters(head: str, address: str, node_port: int, flow: str) -> list[str]:
    six = ipaddress.ip_address(address).version == 6
    family, protocol, prio = ("ip6", "ipv6", 2) if six else ("ip", "ip", 1)
    length = 128 if six else 32
    return [
        f"{head} protocol {protocol} prio {prio} u32 match {family} dst {address}/{length} match "
        f"{family} protocol {number} 0xff match {family} {port} {node_port} 0xffff flowid {flow}"
        for number, port in product((6, 17), ("dport", "sport"))
    ]


def _us(value_ns: int) -> int:
    return round(value_ns / 1000)
