"""netem: the tc lines that treat flows to some peers and leave all other traffic as it was.

An htb of our own handle becomes the interface's root. What u32 filters do not pick by address and
port, it passes on at once; what they do goes through its peer's class, in which LAYERS_MAX netems
hang one below the other, each doing nothing. A layer begins by changing its own netems, and ends by
changing them back: nothing of what others do is touched, and no packet is dropped that waits there.
The last layer to end takes the root away, which gives the kernel's default back.
"""

import ipaddress
from collections.abc import Sequence
from itertools import product

from faults.host.qdiscs import ROOT
from faults.kinds.shaping.shape import ALL_PPM, LIMIT_PACKETS, PeerDelay, Shaped, Treated
from faults.model.bursts import enters
from faults.model.kind import LAYERS_MAX

_FIRST_HANDLE = 0x6000

_IN_ORDER = " rate 100gbit"
"""With a rate netem lets no packet overtake another; at this one it adds nothing else."""
NOTHING = "delay 0us corrupt 0% rate 0bit"
"""What a netem is changed to that shall do nothing: what is not said would stay as it is."""
_ROOM = "rate 100gbit burst 1mb cburst 1mb quantum 60000"


def tree_lines(fault: Shaped) -> list[str]:
    """Return `tc -batch` lines that make root, classes, filters, and netems that do nothing."""
    dev = f"dev {fault.interface}"
    lines = [f"qdisc add {dev} root handle {ROOT} htb default 0"]
    for flow, address in enumerate(fault.flows, start=1):
        lines.append(f"class add {dev} parent {ROOT} classid {ROOT}{flow:x} htb {_ROOM}")
        lines += [
            f"qdisc add {dev} {place(flow, layer)} netem limit {LIMIT_PACKETS}"
            for layer in range(LAYERS_MAX)
        ]
        lines += _filters(f"filter add {dev} parent {ROOT}", address, fault.node_port, flow)
    return lines


def begin_lines(fault: Shaped) -> list[str]:
    """Return `tc -batch` lines that have the layer's netems treat its peers' packets.

    A delay stands still here, and a helper moves it (netem_jitter).
    """
    if fault.trace:
        first_ns = fault.trace[0][1]
        return [moved_line(fault.interface, of_peer(fault, each), first_ns) for each in fault.peers]
    return [
        change_line(fault.interface, of_peer(fault, each), words(each)) for each in fault.treated
    ]


def end_lines(fault: Shaped) -> list[str]:
    """Return `tc -batch` lines that have the layer's netems do nothing again."""
    return [change_line(fault.interface, of_peer(fault, each), NOTHING) for each in fault.treated]


def words(peer: Treated) -> str:
    """Return what netem is told of a peer's packets."""
    late_ns = peer.delay_ns + peer.by_ns
    told = [f"delay {_us(late_ns)}us{_IN_ORDER if peer.jitter_ns else ''}"] if late_ns else []
    if peer.burst > 1:
        enter = enters(peer.loss_ppm / ALL_PPM, peer.burst)
        told.append(f"loss gemodel {100 * enter:.6f}% {100 / peer.burst:.6f}%")
    elif peer.loss_ppm:
        told.append(f"loss random {percent(peer.loss_ppm)}")
    if peer.corrupt_ppm:
        told.append(f"corrupt {percent(peer.corrupt_ppm)}")
    if peer.reorder_ppm:
        # What netem calls reordered is not delayed, and so overtakes the rest.
        told.append(f"reorder {percent(ALL_PPM - peer.reorder_ppm)}")
    if peer.bit_rate:
        told.append(f"rate {peer.bit_rate}bit")
    return " ".join(told)


def percent(ppm: int) -> str:
    """Return a share as tc takes it."""
    return f"{ppm / 10_000:.4f}%"


def moved_line(interface: str, where: str, delay_ns: int) -> str:
    """Return the `tc -batch` line that gives a netem of ordered packets another delay."""
    return change_line(interface, where, f"delay {_us(delay_ns)}us{_IN_ORDER}")


def change_line(interface: str, where: str, told: str) -> str:
    """Return the `tc -batch` line that changes a netem of ours."""
    return f"qdisc change dev {interface} {where} netem limit {LIMIT_PACKETS} {told}"


def of_peer(fault: Shaped, peer: PeerDelay) -> str:
    """Return where the layer's netem for a peer stands."""
    return place(flow_of(fault.flows, peer.address), fault.layer)


def flow_of(flows: Sequence[str], address: str) -> int:
    """Return the number of an address among the flows."""
    return flows.index(address) + 1


def handle(flow: int, layer: int) -> str:
    """Return the handle of a netem of ours."""
    return f"{_FIRST_HANDLE + flow * LAYERS_MAX + layer:x}:"


def place(flow: int, layer: int) -> str:
    """Return where a netem of ours stands, in tc's words: below the one of the layer before."""
    parent = f"{handle(flow, layer - 1)}1" if layer else f"{ROOT}{flow:x}"
    return f"parent {parent} handle {handle(flow, layer)}"


def _filters(head: str, address: str, node_port: int, flow: int) -> list[str]:
    six = ipaddress.ip_address(address).version == 6
    family, protocol, prio = ("ip6", "ipv6", 2) if six else ("ip", "ip", 1)
    length = 128 if six else 32
    return [
        f"{head} protocol {protocol} prio {prio} u32 match {family} dst {address}/{length} match "
        f"{family} protocol {number} 0xff match {family} {port} {node_port} 0xffff"
        f" flowid {ROOT}{flow:x}"
        for number, port in product((6, 17), ("dport", "sport"))
    ]


def _us(value_ns: int) -> int:
    return round(value_ns / 1000)
