"""The 48 bytes of an NTP packet as far as faults need them: asked, answered, shifted (RFC 5905).

A time stamp is 64 bits: seconds since 1900 and a fraction. It wraps in 2036; differences are taken
modulo 2**64, so that only clocks decades apart would be confused.
"""

import struct
from typing import NamedTuple

from faults.model.fault import SECOND_NS

PACKET_BYTES = 48
PORT = 123
CLIENT, SERVER = 3, 4

_EPOCH_S = 2_208_988_800
_ERA = 1 << 64
_HEADER = struct.Struct(">BBbbIII")
_STAMPS = struct.Struct(">QQQQ")


class Answer(NamedTuple):
    """A server's reply to one question."""

    stratum: int
    leap: int
    root_ns: int
    """Root dispersion and half the root delay: the server's own error."""
    origin: int
    received: int
    sent: int


def stamp(wall_ns: int) -> int:
    """Return wall time as an NTP time stamp."""
    return ((wall_ns + _EPOCH_S * SECOND_NS) << 32) // SECOND_NS % _ERA


def difference_ns(later: int, earlier: int) -> int:
    """Return later - earlier in nanoseconds; both are time stamps at most 68 years apart."""
    apart = (later - earlier + _ERA // 2) % _ERA - _ERA // 2
    return apart * SECOND_NS >> 32


def question(sent: int) -> bytes:
    """Return a client's packet with this transmit time stamp."""
    return _HEADER.pack(4 << 3 | CLIENT, 0, 0, 0, 0, 0, 0) + _STAMPS.pack(0, 0, 0, sent)


def read_answer(data: bytes) -> Answer | None:
    """Return what a server answered; None for anything else."""
    if len(data) < PACKET_BYTES or data[0] & 7 != SERVER:
        return None
    flags, stratum, _, _, delay, dispersion, _ = _HEADER.unpack_from(data)
    _, origin, received, sent = _STAMPS.unpack_from(data, _HEADER.size)
    root_ns = (dispersion + delay // 2) * SECOND_NS >> 16
    return Answer(stratum, flags >> 6, root_ns, origin, received, sent)


def transmit_stamp(data: bytes) -> int:
    """Return the packet's last time stamp: a client's question is known by it."""
    return int.from_bytes(data[40:48], "big")


def origin_stamp(data: bytes) -> int:
    """Return the time stamp of the question a server's packet answers."""
    return int.from_bytes(data[24:32], "big")


def shifted(data: bytes, by_ns: int) -> bytes:
    """Return a server's answer as it would be with its clock by_ns ahead.

    Reference, receive and transmit time move; the origin is the client's own and stays, and so do
    stamps that are zero (unknown).
    """
    reference, origin, received, sent = _STAMPS.unpack_from(data, _HEADER.size)
    by = (by_ns << 32) // SECOND_NS
    moved = [(each + by) % _ERA if each else 0 for each in (reference, received, sent)]
    stamps = _STAMPS.pack(moved[0], origin, moved[1], moved[2])
    return data[: _HEADER.size] + stamps + data[PACKET_BYTES:]
