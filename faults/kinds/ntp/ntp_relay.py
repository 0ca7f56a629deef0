"""The relay behind ntp_offset: passes this host's NTP questions on and shifts the answers' time.

`python -m faults.kinds.ntp.ntp_relay SPEC` listens on loopback alone, one port a server, and asks
the real server by marked packets, which our redirection lets pass. It needs no agent: it ends by
itself at its deadline, and gives up root once its sockets are open. It imports little, because it
must be there within the seconds between the preparation of a fault and the fault, on slow hosts
too.
"""

import contextlib
import json
import os
import selectors
import signal
import socket
import sys
from typing import Any

import msgspec

from faults.host.boottime import boottime_ns
from faults.host.clock.ntp_client import socket_to
from faults.host.clock.ntp_packet import (
    PACKET_BYTES,
    PORT,
    SERVER,
    origin_stamp,
    shifted,
    transmit_stamp,
)

PENDING_MAX = 256
PENDING_NS = 2_000_000_000
WAKE_S = 0.5
PACKET_BYTES_MAX = 1500
NOBODY = 65534

Address = tuple[Any, ...]


class Upstream(msgspec.Struct, frozen=True):
    """One real server and the loopback address and port that stand for it."""

    server: str
    listen: str
    listen_port: int
    port: int = PORT


class Spec(msgspec.Struct, frozen=True):
    """What the relay is told on its command line."""

    by_ns: int
    mark: int
    until_boottime_ns: int
    pid_file: str
    stats_file: str
    upstreams: list[Upstream]


class Line:
    """One server's two sockets, and which client asked with which time stamp."""

    __slots__ = ("answered", "asked", "here", "pending", "refused", "there")

    def __init__(self, here: socket.socket, there: socket.socket) -> None:
        self.here = here
        self.there = there
        self.pending: dict[int, tuple[Address, int]] = {}
        self.asked = self.answered = self.refused = 0

    def close(self) -> None:
        """Close both sockets."""
        self.here.close()
        self.there.close()

    def ask(self, now_ns: int) -> None:
        """Pass on the questions that wait."""
        while packet := _receive(self.here):
            data, client = packet
            self._forget(now_ns)
            if len(data) < PACKET_BYTES or len(self.pending) >= PENDING_MAX:
                self.refused += 1
                continue
            self.pending[transmit_stamp(data)] = client, now_ns + PENDING_NS
            self.asked += 1
            with contextlib.suppress(OSError):
                self.there.send(data)

    def answer(self, by_ns: int) -> None:
        """Pass back the answers that wait, shifted."""
        while packet := _receive(self.there):
            data = packet[0]
            if len(data) < PACKET_BYTES or data[0] & 7 != SERVER:
                continue
            client = self.pending.pop(origin_stamp(data), None)
            if client is None:
                self.refused += 1
                continue
            self.answered += 1
            with contextlib.suppress(OSError):
                self.here.sendto(shifted(data, by_ns), client[0])

    def _forget(self, now_ns: int) -> None:
        for key in [key for key, (_, until_ns) in self.pending.items() if until_ns < now_ns]:
            del self.pending[key]


def main(text: str) -> int:
    """Return 0 once the deadline has come or the relay was told to end; 2 for a wrong spec."""
    try:
        spec = msgspec.json.decode(text, type=Spec)
    except msgspec.DecodeError as error:
        print(f"ntp_relay: {error}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    os.write(_fresh(spec.pid_file), str(os.getpid()).encode())
    stats = _fresh(spec.stats_file)
    with contextlib.ExitStack() as stack:
        lines = {each.server: _open(each, spec.mark) for each in spec.upstreams}
        for line in lines.values():
            stack.callback(line.close)
        _become_nobody()
        _serve(spec, lines, stats)
    return 0


def _serve(spec: Spec, lines: dict[str, Line], stats: int) -> None:
    with selectors.DefaultSelector() as selector:
        for line in lines.values():
            selector.register(line.here, selectors.EVENT_READ, (line, True))
            selector.register(line.there, selectors.EVENT_READ, (line, False))
        _write_stats(stats, lines)
        while boottime_ns() < spec.until_boottime_ns:
            ready = selector.select(WAKE_S)
            for key, _ in ready:
                line, from_client = key.data
                if from_client:
                    line.ask(boottime_ns())
                else:
                    line.answer(spec.by_ns)
            if ready:
                _write_stats(stats, lines)


def _open(upstream: Upstream, mark: int) -> Line:
    there = socket_to(upstream.server, mark, upstream.port)
    family = there.family
    here = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    here.setblocking(False)
    here.bind((upstream.listen, upstream.listen_port))
    return Line(here, there)


def _receive(link: socket.socket) -> tuple[bytes, Address] | None:
    try:
        return link.recvfrom(PACKET_BYTES_MAX)
    except OSError:
        return None


def _fresh(name: str) -> int:
    """Return a descriptor of a new file of ours; what had the name before is gone."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(name, flags, 0o644)


def _become_nobody() -> None:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def _write_stats(descriptor: int, lines: dict[str, Line]) -> None:
    rows = {
        server: {"asked": line.asked, "answered": line.answered, "refused": line.refused}
        for server, line in lines.items()
    }
    data = json.dumps(rows).encode()
    with contextlib.suppress(OSError):
        os.pwrite(descriptor, data, 0)
        os.ftruncate(descriptor, len(data))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
