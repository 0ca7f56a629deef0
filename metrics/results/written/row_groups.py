"""Parquet files joined as they are: the row groups of all, one after the other, under one footer.

What they hold is neither unpacked nor packed anew, which takes longer than to write it once. A
footer is a struct of Thrift's compact protocol, between the pages and its length; what it says of
places in its file is moved. Source: https://parquet.apache.org/docs/file-format/metadata/ and
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

MAGIC = b"PAR1"
TRUE, FALSE, BINARY, LIST, STRUCT = 1, 2, 8, 9, 12
NUMBERS = (4, 5, 6)
SIZES = {1: 1, 2: 1, 3: 1, 7: 8}
"""Types: of fields that are their own value, of bytes, of lists and structs; of numbers of 16, 32
and 64 bits; and how many bytes truths (in lists), bytes and floats take.
"""
NUM_ROWS, ROW_GROUPS, CHUNKS, META, ORDINAL = 3, 4, 1, 3, 7
"""Fields of a file, a row group and a chunk of a column, by number."""
PLACES_OF_GROUP, PLACES_OF_CHUNK, PLACES_OF_META = (5,), (2, 4, 6), (9, 10, 11, 14)
"""Fields that say where in the file something is; 0 stands for nowhere."""
LONG = 15
"""From so many elements on, a list tells how many it has after its head."""
Field = tuple[int, Any]
"""Type and value."""
Struct = dict[int, Field]
"""Fields by number, as they come."""


def join(parts: Sequence[Path], path: Path) -> None:
    """Write one file of several that have the same columns, in their order."""
    footers: list[Struct] = []
    with path.open("wb") as out:
        out.write(MAGIC)
        for part in parts:
            whole = part.read_bytes()
            begin = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
            footers.append(_read_struct(BytesIO(whole[begin:-8])))
            _move(footers[-1], out.tell() - len(MAGIC))
            out.write(memoryview(whole)[len(MAGIC) : begin])
        packed = _packed_struct(_joined(footers))
        out.write(packed + len(packed).to_bytes(4, "little") + MAGIC)


def _joined(footers: list[Struct]) -> Struct:
    """Return the footer of all row groups; else it says what the first one does."""
    groups = [group for footer in footers for group in footer[ROW_GROUPS][1][1]]
    for place, group in enumerate(groups):
        if ORDINAL in group:
            group[ORDINAL] = group[ORDINAL][0], place
    first = footers[0]
    rows = sum(footer[NUM_ROWS][1] for footer in footers)
    return first | {
        NUM_ROWS: (first[NUM_ROWS][0], rows), ROW_GROUPS: (LIST, (STRUCT, groups)),
    }  # fmt: skip


def _move(footer: Struct, by: int) -> None:
    """Move all that a footer says of places in its file."""

    def move(struct: Struct, places: Sequence[int]) -> None:
        for number in places:
            kind, place = struct.get(number, (0, 0))
            if place:
                struct[number] = kind, place + by

    for group in footer[ROW_GROUPS][1][1]:
        move(group, PLACES_OF_GROUP)
        for chunk in group[CHUNKS][1][1]:
            move(chunk, PLACES_OF_CHUNK)
            move(chunk[META][1], PLACES_OF_META)


def _read_struct(data: BytesIO) -> Struct:
    found: Struct = {}
    number = 0
    while head := data.read(1)[0]:
        kind, step = head & 15, head >> 4
        number = number + step if step else _read_signed(data)
        found[number] = kind, kind if kind in (TRUE, FALSE) else _read(kind, data)
    return found


def _read(kind: int, data: BytesIO) -> Any:
    """Return a value; of a list, the type of its elements with them."""
    if kind in NUMBERS:
        return _read_signed(data)
    if kind in SIZES:
        return data.read(SIZES[kind])
    if kind == BINARY:
        return data.read(_read_number(data))
    if kind == LIST:
        head = data.read(1)[0]
        count, of = head >> 4, head & 15
        count = _read_number(data) if count == LONG else count
        return of, [_read(of, data) for _ in range(count)]
    assert kind == STRUCT, f"type {kind} is of no footer"
    return _read_struct(data)


def _read_number(data: BytesIO) -> int:
    found = shift = 0
    while (byte := data.read(1)[0]) & 128:
        found |= (byte & 127) << shift
        shift += 7
    return found | byte << shift


def _read_signed(data: BytesIO) -> int:
    number = _read_number(data)
    return number >> 1 ^ -(number & 1)


def _packed_struct(struct: Struct) -> bytes:
    out, before = bytearray(), 0
    for number, (kind, value) in struct.items():
        step = number - before
        out += bytes([step << 4 | kind]) if 0 < step <= LONG else bytes([kind]) + _signed(number)
        out += b"" if kind in (TRUE, FALSE) else _packed(kind, value)
        before = number
    return bytes(out) + b"\0"


def _packed(kind: int, value: Any) -> bytes:
    if kind in NUMBERS:
        return _signed(value)
    if kind in SIZES:
        return bytes(value)
    if kind == BINARY:
        return _number(len(value)) + bytes(value)
    if kind == LIST:
        of, items = value
        count = len(items)
        head = bytes([min(count, LONG) << 4 | of]) + (_number(count) if count >= LONG else b"")
        return head + b"".join(_packed(of, item) for item in items)
    return _packed_struct(value)


def _number(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _signed(number: int) -> bytes:
    return _number(number << 1 ^ number >> 63)
