"""Asks NTP servers from a host: sent there by check and run by its Python.

Standard library of Python 3.7. What the answers are worth the controller judges.
"""

from __future__ import annotations

import socket
import struct
import time
from typing import Any

NTP_EPOCH_S = 2208988800
ECHO_S = 0.002
"""Servers may round the time stamp that they send back, as the node allows, too."""


def ask_ntp(server: str, port: int, tries: int = 3) -> dict[str, Any]:
    """Return the quickest answer, times in nanoseconds, or why there is none.

    {offset_ns, delay_ns, root_ns, leap, stratum}: what they are worth the controller judges.
    """
    best: dict[str, Any] | None = None
    problem = "no answer"
    for _ in range(tries):
        try:
            family, kind, _, _, address = socket.getaddrinfo(server, port, 0, socket.SOCK_DGRAM)[0]
            with socket.socket(family, kind) as sock:
                sock.settimeout(0.8)
                sock.connect(address)
                sent = time.time()
                sock.send(b"\x23" + bytes(39) + stamped(sent))
                data = sock.recv(512)
                back = time.time()
        except (OSError, UnicodeError, OverflowError, struct.error) as error:
            problem = str(error)
            continue
        if len(data) < 48 or data[0] & 7 != 4 or abs(stamp(data, 24) - sent) > ECHO_S:
            problem = "what it sent is no answer to the question"
            continue
        received, answered = (stamp(data, at) for at in (32, 40))
        root_delay, root_dispersion = struct.unpack_from("!II", data, 4)
        delay = (back - sent) - (answered - received)
        offset = ((received - sent) + (answered - back)) / 2
        if best is None or delay < best["delay_ns"] / 1e9:
            best = {
                "offset_ns": int(offset * 1e9),
                "delay_ns": int(delay * 1e9),
                "root_ns": (root_dispersion + root_delay // 2) * 1_000_000_000 >> 16,
                "leap": data[0] >> 6,
                "stratum": data[1],
            }
    return best or {"problem": problem}


def stamped(seconds: float) -> bytes:
    """Return Unix seconds as an NTP time stamp."""
    return struct.pack("!II", (int(seconds) + NTP_EPOCH_S) % 2**32, int(seconds % 1 * 2**32))


def stamp(data: bytes, at: int) -> float:
    """Return the NTP time stamp at an offset as Unix seconds."""
    seconds, fraction = struct.unpack_from("!II", data, at)
    seconds += 2**32 if seconds < 2**31 else 0  # the era that begins in 2036
    return float(seconds - NTP_EPOCH_S + fraction / 2**32)
