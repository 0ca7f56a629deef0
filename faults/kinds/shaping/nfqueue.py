"""The kernel's packet queue over raw netlink: messages out, packets in. Bytes only, no policy.

Only what a holder needs: bind a queue, copy the first bytes of each packet, give verdicts. GSO
super-packets are taken whole, so a fast link costs few messages; where packets are to be changed,
the kernel cuts them up before, and copies all of each.
Layouts: linux/netfilter/nfnetlink_queue.h.
"""

import socket
import struct
from collections.abc import Iterator

NETLINK_NETFILTER = 12
NLMSG_ERROR = 2
_QUEUE = 3 << 8
PACKET, VERDICT, CONFIG = _QUEUE, _QUEUE | 1, _QUEUE | 2
_REQUEST, _ACK = 1, 4
_CFG_CMD, _CFG_PARAMS, _CFG_QUEUE_MAXLEN, _CFG_MASK, _CFG_FLAGS = 1, 2, 3, 4, 5
_COPY_PACKET, _BIND = 2, 1
_FLAG_GSO = 4
_SO_RCVBUFFORCE = 33
_SOL_NETLINK, _NETLINK_NO_ENOBUFS = 270, 5
_HEADER = struct.Struct("=IHHII")
_ATTR = struct.Struct("=HH")
_VERDICT = struct.Struct("=IHHII BBH HH")
_DROP, _ACCEPT = 0, 1
_PAYLOAD = 10
COPY_BYTES = 64
WHOLE_BYTES = 0xFFFF
QUEUE_LENGTH = 65_000
RECEIVE_BYTES = 8 << 20


class QueueError(Exception):
    """The kernel refused the queue; the message says at which step."""


def open_queue(queue_num: int, *, whole: bool = False) -> socket.socket:
    """Return a netlink socket bound to queue_num; whole: all of each packet is read.

    Raises:
        QueueError: no permission, no such feature, or another program has this queue.
    """
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    link.bind((0, 0))
    link.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BYTES)
    _configure(link, queue_num, _attribute(_CFG_CMD, struct.pack(">BBH", _BIND, 0, 0)), "bind")
    params = struct.pack(">IB", WHOLE_BYTES if whole else COPY_BYTES, _COPY_PACKET)
    _configure(link, queue_num, _attribute(_CFG_PARAMS, params), "copy mode")
    length = _attribute(_CFG_QUEUE_MAXLEN, struct.pack(">I", QUEUE_LENGTH))
    _configure(link, queue_num, length, "length")
    if not whole:
        flag = struct.pack(">I", _FLAG_GSO)
        gso = _attribute(_CFG_MASK, flag) + _attribute(_CFG_FLAGS, flag)
        _configure(link, queue_num, gso, "flags")
    return link


def verdict(queue_num: int, packet_id: int, changed: bytes = b"") -> bytes:
    """Return the message that lets one packet pass, changed to other bytes where they are given;
    several may be joined in one send.
    """
    return _message(
        queue_num, packet_id, _ACCEPT, _attribute(_PAYLOAD, changed) if changed else b""
    )


def drop(queue_num: int, packet_id: int) -> bytes:
    """Return the message that drops one packet."""
    return _message(queue_num, packet_id, _DROP, b"")


def _message(queue_num: int, packet_id: int, word: int, rest: bytes) -> bytes:
    head = _VERDICT.pack(
        32 + len(rest), VERDICT, _REQUEST, 0, 0, 0, 0, socket.htons(queue_num), 12, 2
    )
    return head + struct.pack(">II", word, packet_id) + rest


def packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (packet id, first bytes of the IP packet) of each message in one datagram."""
    position = 0
    while position + 16 <= len(data):
        length, kind = _HEADER.unpack_from(data, position)[:2]
        if length < 16:
            return
        if kind == PACKET:
            yield _packet(data, position + 20, position + length)
        position += (length + 3) & ~3


def _packet(data: bytes, position: int, end: int) -> tuple[int, bytes]:
    packet_id, payload = 0, b""
    while position + 4 <= end:
        size, kind = _ATTR.unpack_from(data, position)
        if size < 4:
            break
        match kind & 0x3FFF:
            case 1:
                packet_id = int.from_bytes(data[position + 4 : position + 8], "big")
            case 10:
                payload = data[position + 4 : position + size]
        position += (size + 3) & ~3
    return packet_id, payload


def _attribute(kind: int, payload: bytes) -> bytes:
    return _ATTR.pack(4 + len(payload), kind) + payload + bytes(-len(payload) % 4)


def _configure(link: socket.socket, queue_num: int, attributes: bytes, step: str) -> None:
    body = struct.pack(">BBH", 0, 0, queue_num) + attributes
    link.send(_HEADER.pack(16 + len(body), CONFIG, _REQUEST | _ACK, 0, 0) + body)
    reply = link.recv(65_536)
    if struct.unpack_from("=H", reply, 4)[0] != NLMSG_ERROR:
        raise QueueError(f"queue {queue_num}: unexpected answer to {step}")
    number = -struct.unpack_from("=i", reply, 16)[0]
    if number:
        raise QueueError(f"queue {queue_num}: {step} refused (errno {number})")
