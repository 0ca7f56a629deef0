"""Ports of loopback for real processes."""

import socket


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody listens on, held together until all are drawn."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()
