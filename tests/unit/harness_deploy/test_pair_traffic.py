"""Two hosts, here two addresses of this machine, count what passes between them, each way."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from typing import Any

from harness.preflight.pair_traffic import SCRIPT


def asked(address: str, other: str, port: int) -> str:
    return json.dumps(
        {
            "bind": address, "port": port, "peers": {other: [other, port]},
            "rate": 50, "seconds": 1, "echo": True, "bytes": 200,
        }
    )  # fmt: skip


def test_loss_round_trips_connections_and_large_datagrams_are_counted() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    pair = ("127.0.0.1", "127.0.0.2")
    hosts = [
        subprocess.Popen(
            [sys.executable, "-S", "-E", "-c", SCRIPT.read_text(), asked(address, other, port)],
            stdout=subprocess.PIPE,
        )
        for address, other in (pair, pair[::-1])
    ]
    said: list[dict[str, Any]] = [json.loads(host.communicate(timeout=60)[0]) for host in hosts]
    for found, other in zip(said, pair[::-1], strict=True):
        rtt_ns = found[other].pop("rtt_ns")
        assert found == {
            other: {"sent": 50, "received": 50, "tcp": "", "large_bytes": 15_972, "large": 5}
        }
        assert len(rtt_ns) == 50
