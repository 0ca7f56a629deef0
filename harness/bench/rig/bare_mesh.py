"""A mesh of bare ZeroMQ processes on loopback: the floor of what nodes do with their links.

As nodes have it: one ROUTER each, on which it receives, a DEALER to each other, and CURVE.
`python -m harness.bench.rig.bare_mesh` is one of the processes; it reads on its standard input who
it is, and what to push.
"""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import msgspec
import zmq

from harness.bench.rig.ports import free_ports
from harness.errors import RunError

LOST_MS = 30_000
NUMBER_BYTES = 8

Process = subprocess.Popen[bytes]
T = TypeVar("T")


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """Who a process is: one of some, with their ports and keys."""

    own: int
    ports: list[int]
    publics: list[bytes]
    secret: bytes


class Pushes(msgspec.Struct, frozen=True, kw_only=True):
    """Push k of count is due at first_ns + k * each_ns on the raw clock; members take turns."""

    first_ns: int
    each_ns: int
    count: int
    size_bytes: int


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """When a member began each push of its own, and when it had each of another's, in ns."""

    pushed_ns: dict[int, int]
    got_ns: dict[int, int]


@contextmanager
def mesh(count: int) -> Iterator[list[Process]]:
    """Yield the members of a mesh, each of which has heard each other; they rest until told.

    Raises:
        RunError: one ended.
    """
    ports, pairs = free_ports(count), [zmq.curve_keypair() for _ in range(count)]
    found: list[Process] = []
    try:
        for own, (_, secret) in enumerate(pairs):
            words = (sys.executable, "-m", "harness.bench.rig.bare_mesh")
            found.append(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
            publics = [public for public, _ in pairs]
            _tell(found[-1], Member(own=own, ports=ports, publics=publics, secret=secret))
        for process in found:
            _answer(process, bool)
        yield found
    finally:
        for process in found:
            process.kill()
            process.communicate()


def push(members: Sequence[Process], pushes: Pushes) -> list[float]:
    """Return how long each push took to each other member, in ms.

    Raises:
        RunError: one was lost.
    """
    for process in members:
        _tell(process, pushes)
    seen = [_answer(process, Seen) for process in members]
    pushed_ns = {k: at_ns for each in seen for k, at_ns in each.pushed_ns.items()}
    return [(at_ns - pushed_ns[k]) / 1e6 for each in seen for k, at_ns in each.got_ns.items()]


def _tell(process: Process, what: msgspec.Struct) -> None:
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(what) + b"\n")
    process.stdin.flush()


def _answer(process: Process, kind: type[T]) -> T:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RunError("bench: a member of the bare mesh ended")
    return msgspec.json.decode(line, type=kind)


def _member() -> None:
    """Be a member: link with all, say so, and push what is asked."""
    told = msgspec.json.decode(sys.stdin.buffer.readline(), type=Member)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.setsockopt(zmq.RCVTIMEO, LOST_MS)
    router.curve_server = True
    router.curve_secretkey = told.secret
    router.bind(f"tcp://127.0.0.1:{told.ports[told.own]}")
    dealers = []
    for other, (port, public) in enumerate(zip(told.ports, told.publics, strict=True)):
        if other != told.own:
            dealer = context.socket(zmq.DEALER)
            dealer.curve_serverkey = public
            dealer.curve_publickey, dealer.curve_secretkey = told.publics[told.own], told.secret
            dealer.connect(f"tcp://127.0.0.1:{port}")
            dealer.send(b"")
            dealers.append(dealer)
    for _ in dealers:
        router.recv_multipart()
    _say(True)
    while line := sys.stdin.buffer.readline():
        _say(_pushed(msgspec.json.decode(line, type=Pushes), told, router, dealers))


def _pushed(
    pushes: Pushes, told: Member, router: zmq.Socket[bytes], dealers: list[zmq.Socket[bytes]]
) -> Seen:
    seen = Seen(pushed_ns={}, got_ns={})
    padding = bytes(pushes.size_bytes - NUMBER_BYTES)
    for k in range(pushes.count):
        if k % len(told.ports) != told.own:
            number = router.recv_multipart()[-1][:NUMBER_BYTES]
            seen.got_ns[int.from_bytes(number, "big")] = _now_ns()
            continue
        time.sleep(max(0, pushes.first_ns + k * pushes.each_ns - _now_ns()) / 1e9)
        seen.pushed_ns[k] = _now_ns()
        frame = k.to_bytes(NUMBER_BYTES, "big") + padding
        for dealer in dealers:
            dealer.send(frame)
    return seen


def _say(what: object) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
    sys.stdout.buffer.flush()


def _now_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)


if __name__ == "__main__":
    _member()
