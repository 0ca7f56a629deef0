"""Probe datagrams and what a burst of them amounts to; opens no socket, reads no clock.

A request and its reply have the same 48 bytes, so nobody can use a prober to multiply traffic. The
8-byte token is random: a reply counts only for a request that is still open. The reply carries the
peer's two stamps and its boot id, without which stamps of different boots would be compared.
"""

import struct
from dataclasses import dataclass, field
from typing import Literal

from node.events import Probe
from node.events.record import PROBE_PACKET_BITS

Flow = Literal["clock", "path"]

BURST = 8
"""Probes to a peer in one go."""
APART_NS = 5_000_000
ANSWER_WITHIN_NS = 2_500_000_000
TOKEN_BYTES = 8
_MAGIC = b"slp1"
_LAYOUT = struct.Struct("<4sB3x8sqq16s")
FRAME_BYTES = _LAYOUT.size
assert 8 * (FRAME_BYTES + 28) == PROBE_PACKET_BITS
_REQUEST, _REPLY = 1, 2
_NO_BOOT = bytes(16)


@dataclass(frozen=True, slots=True)
class Request:
    """Please answer, quoting token."""

    token: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer: received at t2_ns, sent at t3_ns on the clock of boot (16 bytes)."""

    token: bytes
    t2_ns: int
    t3_ns: int
    boot: bytes


def pack_request(token: bytes) -> bytes:
    """Return the datagram of a request."""
    return _LAYOUT.pack(_MAGIC, _REQUEST, token, 0, 0, _NO_BOOT)


def pack_reply(token: bytes, t2_ns: int, t3_ns: int, boot: bytes) -> bytes:
    """Return the datagram of a reply."""
    return _LAYOUT.pack(_MAGIC, _REPLY, token, t2_ns, t3_ns, boot)


def unpack(data: bytes) -> Request | Reply | None:
    """Return what data says, or None when it is not a probe."""
    if len(data) != FRAME_BYTES:
        return None
    magic, kind, token, t2_ns, t3_ns, boot = _LAYOUT.unpack(data)
    if magic != _MAGIC:
        return None
    if kind == _REQUEST:
        return Request(token)
    if kind == _REPLY:
        return Reply(token=token, t2_ns=t2_ns, t3_ns=t3_ns, boot=boot)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The four stamps of one answered probe; t1 and t4 here, t2 and t3 at the peer."""

    t1_ns: int
    t2_ns: int
    t3_ns: int
    t4_ns: int
    boot: str

    @property
    def rtt_ns(self) -> int:
        """Return the time on the wire, both ways."""
        return (self.t4_ns - self.t1_ns) - (self.t3_ns - self.t2_ns)


@dataclass(slots=True)
class Burst:
    """Probes sent to one peer in quick succession, and the answers so far, by index of sending."""

    peer: str
    flow: Flow
    t1s_ns: list[int] = field(default_factory=list)
    answers: dict[int, Exchange] = field(default_factory=dict)
    written: bool = False

    @property
    def complete(self) -> bool:
        """Return whether every probe of the burst was sent and answered."""
        return len(self.answers) == BURST

    def record(self) -> Probe:
        """Return the event: stamps of the smallest round trip, and every round trip."""
        exchanges = [self.answers[index] for index in sorted(self.answers)]
        if not exchanges:
            return Probe(peer=self.peer, flow=self.flow, sent=len(self.t1s_ns), received=0)
        best = min(exchanges, key=lambda exchange: exchange.rtt_ns)
        return Probe(
            peer=self.peer,
            flow=self.flow,
            sent=len(self.t1s_ns),
            received=len(exchanges),
            t1_ns=best.t1_ns,
            t2_ns=best.t2_ns,
            t3_ns=best.t3_ns,
            t4_ns=best.t4_ns,
            peer_boot=best.boot,
            rtts_ns=[exchange.rtt_ns for exchange in exchanges],
        )
