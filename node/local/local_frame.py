"""Frames on the node's local socket: four bytes, big endian, of length, then that much msgpack.

No socket in here. faults/host/node_client.py speaks the same; one test compares both sides.
"""

import struct
from typing import Any, TypeVar

import msgspec

LENGTH = struct.Struct(">I")
FRAME_BYTES_MAX = 2 * 1024 * 1024

T = TypeVar("T")


class FrameError(Exception):
    """The other side does not speak frames of msgpack; what follows cannot be read either."""


def pack(message: Any) -> bytes:
    """Return message as one frame."""
    body = msgspec.msgpack.encode(message)
    return LENGTH.pack(len(body)) + body


def unpack(body: bytes, kind: type[T]) -> T:
    """Return a frame's content as kind.

    Raises:
        FrameError: it is no such thing.
    """
    try:
        return msgspec.msgpack.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise FrameError(str(error)) from error


class Frames:
    """Cuts a stream of bytes into frames; holds what came of one that is not whole yet."""

    __slots__ = ("_came",)

    def __init__(self) -> None:
        self._came = bytearray()

    def feed(self, data: bytes) -> None:
        """Take what came."""
        self._came += data

    def next(self) -> bytes | None:
        """Return the oldest whole frame's body, None while there is none.

        Raises:
            FrameError: a frame longer than any may be is announced.
        """
        if len(self._came) < LENGTH.size:
            return None
        (size,) = LENGTH.unpack_from(self._came)
        if size > FRAME_BYTES_MAX:
            raise FrameError(f"a frame of {size} bytes; at most {FRAME_BYTES_MAX}")
        end = LENGTH.size + size
        if len(self._came) < end:
            return None
        body = bytes(self._came[LENGTH.size : end])
        del self._came[:end]
        return body
