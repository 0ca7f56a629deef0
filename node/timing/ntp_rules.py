"""How an NTP server is written, when its answer counts, when a clock is too far off. Pure.

One rule each for the node, its simulation and the check of a lab.
"""

PORT = 123
LEAP_UNKNOWN = 3
"""The leap indicator of a server whose own clock is not synchronised (RFC 5905, 7.3)."""
STRATUM_MAX = 15
HOLDOVER_PPM = 50
"""How fast the bound of an answer grows with its age."""


def split_server(server: str) -> tuple[str, int]:
    """Return host and port of `name`, `name:port`, `[v6]:port` or a plain IPv6 address.

    Raises:
        ValueError: the port is not a number.
    """
    host, colon, port = server.rpartition(":")
    if not colon or (":" in host and not host.startswith("[")):
        return server.strip("[]"), PORT
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"{server!r}: the port must be a number from 1 to 65535")
    return host.strip("[]"), int(port)


def unsynchronised(leap: int, stratum: int) -> str:
    """Return what a server says of itself that makes its time worth nothing, or an empty text."""
    if leap == LEAP_UNKNOWN or not 1 <= stratum <= STRATUM_MAX:
        return f"stratum {stratum}, leap {leap}"
    return ""


def bound_ns(*, root_ns: int, rtt_ns: int) -> int:
    """Return how far the offset of an exchange may be off.

    root_ns: the server's root dispersion and half its root delay, its own error.
    """
    return root_ns + rtt_ns // 2


def clock_refusal(offset_ns: int, bound_ns: int, limit_ns: int) -> str:
    """Return why a clock that is off by offset_ns, give or take bound_ns, will not do; or ""."""
    if abs(offset_ns) >= limit_ns:
        return "clock_offset"
    return "clock_bound" if abs(offset_ns) + bound_ns >= limit_ns else ""
