"""Asks NTP servers what this host's wall clock is worth; used as evidence only."""

import contextlib
import select
import socket
import time
from collections.abc import Sequence
from typing import NamedTuple

from faults.host.clock.ntp_packet import (
    PACKET_BYTES,
    PORT,
    Answer,
    difference_ns,
    question,
    read_answer,
    stamp,
)

SAMPLES = 4
MARK = 0x510_7AB
"""The firewall mark of questions that go past our own redirection of NTP."""


class Sample(NamedTuple):
    """offset_ns: this host's wall clock minus the server's, off by at most bound_ns."""

    offset_ns: int
    bound_ns: int
    rtt_ns: int


def ask(
    servers: Sequence[str], timeout_s: float, *, mark: int = 0, port: int = PORT
) -> dict[str, Sample]:
    """Return by server the sample with the tightest bound; a server that is silent is missing.

    All are asked at once, up to SAMPLES times, for timeout_s together.
    """
    deadline = time.monotonic() + timeout_s
    best: dict[str, Sample] = {}
    for _ in range(SAMPLES):
        found = _round(servers, deadline, mark, port)
        for server, sample in found.items():
            if server not in best or sample.bound_ns < best[server].bound_ns:
                best[server] = sample
        if not found or time.monotonic() >= deadline:
            break
    return best


def socket_to(server: str, mark: int, port: int = PORT) -> socket.socket:
    """Return a UDP socket connected to the server, its packets marked (root only, 0: not).

    Raises:
        OSError: no way there, or not allowed.
    """
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    link = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        if mark:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
        link.setblocking(False)
        link.connect((server, port))
    except OSError:
        link.close()
        raise
    return link


def _round(servers: Sequence[str], deadline: float, mark: int, port: int) -> dict[str, Sample]:
    found: dict[str, Sample] = {}
    with contextlib.ExitStack() as stack:
        asked: dict[socket.socket, tuple[str, int]] = {}
        for server in servers:
            with contextlib.suppress(OSError, ValueError):
                link = stack.enter_context(socket_to(server, mark, port))
                sent = stamp(time.time_ns())
                link.send(question(sent))
                asked[link] = server, sent
        while asked and (left := deadline - time.monotonic()) > 0:
            for link in select.select(list(asked), [], [], left)[0]:
                arrived = stamp(time.time_ns())
                server, sent = asked[link]
                try:
                    answer = read_answer(link.recv(PACKET_BYTES * 4))
                except OSError:
                    del asked[link]
                    continue
                if answer is None or answer.origin != sent:
                    continue
                del asked[link]
                if 1 <= answer.stratum <= 15 and answer.leap != 3:
                    found[server] = _sample(sent, answer, arrived)
    return found


def _sample(sent: int, answer: Answer, arrived: int) -> Sample:
    there_ns = difference_ns(sent, answer.received)
    back_ns = difference_ns(arrived, answer.sent)
    rtt_ns = max(1, back_ns - there_ns)
    bound_ns = answer.root_ns + rtt_ns // 2
    return Sample((there_ns + back_ns) // 2, bound_ns, rtt_ns)
