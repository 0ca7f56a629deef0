"""The part of pair_traffic.py that runs on a host: read over SSH by its Python, prints JSON.

Sends numbered datagrams to every peer and counts theirs; asked to, it sends each back, so that the
sender knows the round trip. All hosts run it at once: it waits a little until all peers are heard,
then sends for the time asked, then waits until all have finished. Standard library of Python 3.7.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import select
import socket
import struct
import sys
import time
from typing import Any

MARK = b"slotlab pair "
FRAME = struct.Struct("!cIQ")
HELLO, DATA, BACK, DONE = b"h", b"d", b"b", b"f"
MEET_S = 8.0
LINGER_S = 3.0
AGAIN_S = 0.2
ROUND_TRIP_MAX_S = 1.0


class Peer:
    """What went to and came from one other host."""

    def __init__(self, address: str, port: int) -> None:
        self.target = (address, port)
        self.sent = 0
        self.seen: set[int] = set()
        self.rtt_ns: list[int] = []
        self.heard = False
        self.finished = False


class Traffic:
    """One socket, all peers."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.peers = {name: Peer(*where) for name, where in asked["peers"].items()}
        self.by_address = {plain(peer.target[0]): peer for peer in self.peers.values()}
        self.echo = bool(asked["echo"])
        self.padding = bytes(asked["bytes"])
        family = socket.AF_INET6 if ":" in asked["bind"] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind((asked["bind"], asked["port"]))
        self.socket.setblocking(False)

    def send(self, peer: Peer, kind: bytes, number: int = 0, stamp_ns: int = 0) -> None:
        """Send one datagram; one that cannot leave counts as lost."""
        frame = MARK + FRAME.pack(kind, number, stamp_ns or time.monotonic_ns())
        with contextlib.suppress(OSError):
            self.socket.sendto(frame + self.padding, peer.target)

    def send_all(self, kind: bytes) -> None:
        """Send one datagram to every peer."""
        for peer in self.peers.values():
            self.send(peer, kind)

    def listen(self, until: float) -> None:
        """Take what arrives until the monotonic time `until`, and at least what is there."""
        while True:
            left = until - time.monotonic()
            if not select.select([self.socket], [], [], max(0.0, left))[0]:
                return
            for _ in range(256):
                try:
                    data, sender = self.socket.recvfrom(2048)
                except OSError:
                    break
                self.take(data, sender[0])
            if left <= 0:
                return

    def take(self, data: bytes, sender: str) -> None:
        """Count one datagram."""
        peer = self.by_address.get(plain(sender))
        if peer is None or not data.startswith(MARK) or len(data) < len(MARK) + FRAME.size:
            return
        kind, number, stamp_ns = FRAME.unpack_from(data, len(MARK))
        peer.heard = True
        if kind == DATA:
            peer.seen.add(number)
            if self.echo:
                self.send(peer, BACK, number, stamp_ns)
        elif kind == BACK:
            peer.rtt_ns.append(time.monotonic_ns() - stamp_ns)
        elif kind == DONE:
            peer.finished = True

    def repeat(self, kind: bytes, for_s: float, attribute: str) -> None:
        """Send kind to all again and again until every peer has the attribute, or for_s is over."""
        until = time.monotonic() + for_s
        while time.monotonic() < until:
            self.send_all(kind)
            self.listen(time.monotonic() + AGAIN_S)
            if all(getattr(peer, attribute) for peer in self.peers.values()):
                break
        self.send_all(kind)

    def data(self, rate: float, seconds: float) -> None:
        """Send the numbered datagrams, spread over time and peers."""
        start, peers = time.monotonic(), list(self.peers.values())
        for number in range(int(rate * seconds)):
            for place, peer in enumerate(peers):
                self.listen(start + (number + place / len(peers)) / rate)
                self.send(peer, DATA, number)
                peer.sent += 1
        self.listen(time.monotonic() + (ROUND_TRIP_MAX_S if self.echo else AGAIN_S))


def plain(address: str) -> str:
    """Return an address in its one canonical form, without a scope."""
    return str(ipaddress.ip_address(address.split("%")[0]))


def main() -> None:
    """Run, and print what was sent and seen by peer; the request is the first argument, as JSON."""
    asked = json.loads(sys.argv[1])
    traffic = Traffic(asked)
    traffic.repeat(HELLO, MEET_S, "heard")
    traffic.data(asked["rate"], asked["seconds"])
    traffic.repeat(DONE, LINGER_S, "finished")
    print(
        json.dumps(
            {
                name: {"sent": peer.sent, "received": len(peer.seen), "rtt_ns": peer.rtt_ns}
                for name, peer in traffic.peers.items()
            }
        )
    )


if __name__ == "__main__":
    main()
