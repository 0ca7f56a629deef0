"""The part of pair_traffic.py that runs on a host: read over SSH by its Python, prints JSON.

Sends numbered datagrams to every peer and counts theirs; asked to, it sends each back, so that the
sender knows the round trip. All hosts run it at once: it waits until all peers are heard, then
sends for the time asked, then waits until all have finished. Standard library of Python 3.7.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import select
import socket
import struct
import sys
import time
from typing import Any

MARK = b"slotlab pair "
FRAME = struct.Struct("!cIQ")
HELLO, DATA, BACK, DONE, LARGE = b"h", b"d", b"b", b"f", b"l"
CONNECT_S = 3.0
LARGE_BYTES_MAX = 16_000
LARGE_COPIES = 5
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
        self.tcp = "no connection in time"
        self.large_bytes = 0
        self.large = 0


class Traffic:
    """One socket, all peers."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.peers = {name: Peer(*where) for name, where in asked["peers"].items()}
        self.by_address = {plain(peer.target[0]): peer for peer in self.peers.values()}
        self.echo = bool(asked["echo"])
        self.padding = bytes(asked["bytes"])
        self.bind = asked["bind"]
        self.family = socket.AF_INET6 if ":" in asked["bind"] else socket.AF_INET
        self.socket = socket.socket(self.family, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind((asked["bind"], asked["port"]))
        self.socket.setblocking(False)
        # Its queue takes the peers' connections; nobody need accept them.
        self.listener = socket.socket(self.family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # the row of the port says who has it
            self.listener.bind((asked["bind"], asked["port"]))
            self.listener.listen(len(self.peers) + 8)

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
                    data, sender = self.socket.recvfrom(LARGE_BYTES_MAX)
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
        elif kind == LARGE:
            peer.large += 1

    def repeat(self, kind: bytes, for_s: float, attribute: str) -> None:
        """Send kind to all again and again until every peer has the attribute, or for_s is over."""
        until = time.monotonic() + for_s
        while time.monotonic() < until:
            self.send_all(kind)
            self.listen(time.monotonic() + AGAIN_S)
            if all(getattr(peer, attribute) for peer in self.peers.values()):
                break
        self.send_all(kind)

    def connect(self) -> None:
        """Try a TCP connection to every peer, as the nodes will."""
        waiting = {}
        for peer in self.peers.values():
            sock = socket.socket(self.family, socket.SOCK_STREAM)
            sock.setblocking(False)
            try:
                sock.bind((self.bind, 0))
                sock.connect(peer.target)
            except BlockingIOError:
                waiting[sock] = peer
            except OSError as error:
                peer.tcp = str(error.strerror)
        until = time.monotonic() + CONNECT_S
        while waiting and time.monotonic() < until:
            self.listen(time.monotonic())
            for sock in select.select([], list(waiting), [], AGAIN_S)[1]:
                number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                waiting.pop(sock).tcp = os.strerror(number) if number else ""
                sock.close()

    def large(self) -> None:
        """Send every peer some datagrams as large as the card lets out in one piece."""
        six = self.family == socket.AF_INET6
        level, discover, mtu = (41, 23, 24) if six else (0, 10, 14)  # Linux's numbers
        for peer in self.peers.values():
            with (
                contextlib.suppress(OSError),
                socket.socket(self.family, socket.SOCK_DGRAM) as sock,
            ):
                sock.bind((self.bind, 0))
                sock.setsockopt(level, discover, 3)  # in one piece, whatever was learnt before
                sock.connect(peer.target)
                size = min(sock.getsockopt(level, mtu), LARGE_BYTES_MAX) - (48 if six else 28)
                frame = MARK + FRAME.pack(LARGE, 0, 0)
                for _ in range(LARGE_COPIES):
                    sock.send(frame + bytes(size - len(frame)))
                peer.large_bytes = size

    def data(self, rate: float, seconds: float) -> None:
        """Send the numbered datagrams, spread over time and peers.

        What a host that was held up did not send in time goes later, never in one burst: what that
        loses tells nothing of cables.
        """
        due, gap_s = time.monotonic(), 1 / (rate * max(1, len(self.peers)))
        for number in range(int(rate * seconds)):
            for peer in self.peers.values():
                self.listen(due)
                self.send(peer, DATA, number)
                peer.sent += 1
                due = max(due + gap_s, time.monotonic())
        self.listen(time.monotonic() + (ROUND_TRIP_MAX_S if self.echo else AGAIN_S))


def plain(address: str) -> str:
    """Return an address in its one canonical form, without a scope."""
    return str(ipaddress.ip_address(address.split("%")[0]))


def main() -> None:
    """Run, and print what was sent and seen by peer; the request is the first argument, as JSON."""
    asked = json.loads(sys.argv[1])
    traffic = Traffic(asked)
    traffic.repeat(HELLO, asked["meet_s"], "heard")
    traffic.connect()
    traffic.large()
    traffic.data(asked["rate"], asked["seconds"])
    traffic.repeat(DONE, asked["meet_s"], "finished")
    report = {
        name: {
            "sent": peer.sent, "received": len(peer.seen), "rtt_ns": peer.rtt_ns, "tcp": peer.tcp,
            "large_bytes": peer.large_bytes, "large": peer.large,
        }
        for name, peer in traffic.peers.items()
    }  # fmt: skip
    print(json.dumps(report))


if __name__ == "__main__":
    main()
