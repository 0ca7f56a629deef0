"""Upstream's raw packing: little-endian integers, LEB128 counts; and a bounded reader."""

import struct


class DecodeError(Exception):
    """The bytes are not what they claim to be; the peer that sent them is wrong."""


def pack_varuint(number: int) -> bytes:
    """Return number (u32) as LEB128, upstream's varuint32."""
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
    """Reads packed values from one buffer and never past its end."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        """Return the next size bytes."""
        end = self._at + size
        if end > len(self._data):
            raise DecodeError(f"truncated: {size} bytes wanted at offset {self._at}")
        chunk = self._data[self._at : end]
        self._at = end
        return chunk

    def uint(self, layout: str) -> int:
        """Return the next integer of the struct layout, for example `<I`."""
        number = struct.unpack(layout, self.take(struct.calcsize(layout)))[0]
        assert isinstance(number, int)
        return number

    def varuint(self) -> int:
        """Return the next varuint32; a longer form than needed is refused."""
        number = 0
        for shift in (0, 7, 14, 21, 28):
            byte = self.take(1)[0]
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                if number > 0xFFFFFFFF or (byte == 0 and shift):
                    break
                return number
        raise DecodeError(f"bad varuint before offset {self._at}")

    def count(self, *, most: int) -> int:
        """Return the next varuint as a count of at most `most`."""
        number = self.varuint()
        if number > most:
            raise DecodeError(f"count {number} is over {most}")
        return number

    def var_bytes(self, *, most: int) -> bytes:
        """Return the next length-prefixed bytes, at most `most` long."""
        return self.take(self.count(most=most))

    def end(self) -> None:
        """Check that nothing is left."""
        if self._at != len(self._data):
            raise DecodeError(f"{len(self._data) - self._at} bytes too many")


def expect(reader: Reader, wanted: bytes, otherwise: str) -> None:
    """Read bytes that must be wanted.

    Raises:
        DecodeError: they are not; otherwise says what is wrong then.
    """
    if reader.take(len(wanted)) != wanted:
        raise DecodeError(otherwise)
