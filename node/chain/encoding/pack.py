"""Upstream's raw packing: little-endian integers, LEB128 counts; and a bounded reader."""

import struct
from typing import Any

_SHORT = tuple(bytes((number,)) for number in range(0x80))
"""The varuints of one byte, which nearly all are."""


class DecodeError(Exception):
    """The bytes are not what they claim to be; the peer that sent them is wrong."""


def pack_varuint(number: int) -> bytes:
    """Return number (u32) as LEB128, upstream's varuint32."""
    if 0 <= number < 0x80:
        return _SHORT[number]
    if 0x80 <= number < 0x4000:
        return bytes((number & 0x7F | 0x80, number >> 7))
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def pack_bytes(data: bytes) -> bytes:
    """Return data behind its length."""
    return pack_varuint(len(data)) + data


class Reader:
    """Reads packed values from one buffer and never past its end; at: how far that has come."""

    __slots__ = ("_data", "_size", "at")

    def __init__(self, data: bytes) -> None:
        self._data, self._size = data, len(data)
        self.at = 0

    def take(self, size: int) -> bytes:
        """Return the next size bytes."""
        at = self.at
        self.at = end = at + size
        if end > self._size:
            raise DecodeError(f"truncated: {size} bytes wanted at offset {at}")
        return self._data[at:end]

    def fixed(self, layout: struct.Struct) -> tuple[Any, ...]:
        """Return the next values of a layout, all at once."""
        at = self.at
        self.at = end = at + layout.size
        if end > self._size:
            raise DecodeError(f"truncated: {layout.size} bytes wanted at offset {at}")
        return layout.unpack_from(self._data, at)

    def uint(self, layout: str) -> int:
        """Return the next integer of the struct layout, for example `<I`."""
        number: int = struct.unpack(layout, self.take(struct.calcsize(layout)))[0]
        return number

    def varuint(self) -> int:
        """Return the next varuint32; a longer form than needed is refused."""
        data, at = self._data, self.at
        if at < self._size and (byte := data[at]) < 0x80:
            self.at = at + 1
            return byte
        if at + 1 < self._size and 0 < (high := data[at + 1]) < 0x80:
            self.at = at + 2
            return byte & 0x7F | high << 7
        number = shift = 0
        for byte in data[at : at + 5]:
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                if number > 0xFFFFFFFF or byte == 0:
                    break
                self.at = at + shift // 7
                return number
        raise DecodeError(f"bad varuint at offset {at}")

    def count(self, *, most: int) -> int:
        """Return the next varuint as a count of at most `most`."""
        number = self.varuint()
        if number > most:
            raise DecodeError(f"count {number} is over {most}")
        return number

    def var_bytes(self, *, most: int) -> bytes:
        """Return the next length-prefixed bytes, at most `most` long."""
        size = self.varuint()
        if size > most:
            raise DecodeError(f"{size} bytes are over {most}")
        return self.take(size)

    def since(self, begin: int) -> bytes:
        """Return what was read since it was at begin."""
        return self._data[begin : self.at]

    def rest(self) -> bytes:
        """Return what is left."""
        return self._data[self.at :]

    def end(self) -> None:
        """Check that nothing is left."""
        if self.at != self._size:
            raise DecodeError(f"{self._size - self.at} bytes too many")


def expect(reader: Reader, wanted: bytes, otherwise: str) -> None:
    """Read bytes that must be wanted.

    Raises:
        DecodeError: they are not; otherwise says what is wrong then.
    """
    if reader.take(len(wanted)) != wanted:
        raise DecodeError(otherwise)
