"""Ports of loopback for real nodes, of benches and of tests."""

import os
import socket
from contextlib import suppress
from itertools import cycle, islice

from harness.errors import RunError

_EACH = 256
_PARTS = range(10_000, 32_768 - _EACH, _EACH)
"""Below what Linux gives to connections (ip_local_port_range, 32768 and more)."""
_FIRST = _PARTS[os.getpid() % len(_PARTS)]
_PORTS = cycle(range(_FIRST, _FIRST + _EACH))


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody listens on, held together until all are drawn.

    None is of those that the kernel gives to connections: somebody's own, or a peer's that tries to
    reach the very port, could hold it while its node is down. Processes draw from parts of their
    own, and each port seldom.

    Raises:
        RunError: there are not so many.
    """
    held: list[socket.socket] = []
    try:
        for port in islice(_PORTS, _EACH):
            with suppress(OSError):
                held.append(socket.create_server(("127.0.0.1", port)))
            if len(held) == count:
                return [int(one.getsockname()[1]) for one in held]
        raise RunError(f"fewer than {count} ports of loopback are free from {_FIRST} on")
    finally:
        for one in held:
            one.close()
