"""Structs as bytes: their fields in order, each packed by its kind as one consensus system does."""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

from node.chain.encoding.pack import DecodeError, Reader, pack_bytes, pack_varuint

Account = Annotated[str, "account"]
"""An account's name."""
Amount = Annotated[int, "amount"]
"""Units of the core asset, 0 or more."""
Number = Annotated[int, "u64"]
Key = Annotated[bytes, "key"]
"""A compressed public key."""
Blob = Annotated[bytes, "bytes"]
Text = Annotated[str, "text"]
Flag = Annotated[bool, "flag"]
OptionalNumber = Annotated[int | None, "optional_u64"]
OptionalText = Annotated[str | None, "optional_text"]

MAX_BLOB_BYTES = 65_536
MAX_LIST = 1024


def _as_it_is(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Layout:
    """How a value becomes bytes, is read back and is printed as JSON; read raises DecodeError.

    code: as what `struct` unpacks it, value: what that stands for; "" where its size varies.
    """

    write: Callable[[Any], bytes]
    read: Callable[[Reader], Any]
    show: Callable[[Any], Any] = _as_it_is
    code: str = ""
    value: Callable[[Any], Any] = _as_it_is


def fixed(
    code: str,
    write: Callable[[Any], bytes],
    value: Callable[[Any], Any] = _as_it_is,
    show: Callable[[Any], Any] = _as_it_is,
) -> Layout:
    """Return how values of a fixed size are packed; neighbours are then unpacked at once."""
    form = struct.Struct(f"<{code}")
    return Layout(write, lambda reader: value(reader.fixed(form)[0]), show, code, value)


def _read_text(reader: Reader) -> str:
    try:
        return reader.var_bytes(most=MAX_BLOB_BYTES).decode()
    except UnicodeDecodeError as error:
        raise DecodeError("text is not UTF-8") from error


def _optional(kind: Layout) -> Layout:
    """Return how a value, or None, is packed: behind a flag that says whether it is there."""
    return Layout(
        lambda value: b"\x00" if value is None else b"\x01" + kind.write(value),
        lambda reader: kind.read(reader) if _read_flag(reader) else None,
    )


def _read_flag(reader: Reader) -> bool:
    flag = reader.take(1)
    if flag not in (b"\x00", b"\x01"):
        raise DecodeError("bad flag")
    return flag == b"\x01"


_NUMBER = fixed("Q", lambda number: number.to_bytes(8, "little"))
_TEXT = Layout(lambda text: pack_bytes(text.encode()), _read_text)
PLAIN: Mapping[str, Layout] = {
    "u64": _NUMBER,
    "optional_u64": _optional(_NUMBER),
    "bytes": Layout(pack_bytes, lambda reader: reader.var_bytes(most=MAX_BLOB_BYTES), bytes.hex),
    "text": _TEXT,
    "optional_text": _optional(_TEXT),
    "flag": Layout(lambda flag: bytes((flag,)), _read_flag),
}
"""The kinds that both systems pack alike."""


def layout_of(kind: type[Any], kinds: Mapping[str, Layout]) -> Layout:
    """Return how values of a struct are packed: one field after the other, lists behind a count.

    kind: a msgspec Struct or a dataclass whose fields are of the kinds above, structs of such, or
    tuples of either.
    """
    hints = get_type_hints(kind, include_extras=True)
    # Annotations of the class that are no fields (ClassVar) have no value in an object.
    fields = {name: _layout(hint, kinds) for name, hint in hints.items() if name in _names(kind)}
    writers = [(name, layout.write) for name, layout in fields.items()]
    parts = _parts(fields)
    # Printed under the names that upstream gives them.
    printed = getattr(kind, "__struct_encode_fields__", _names(kind))
    keys = dict(zip(_names(kind), printed, strict=True))
    showers = [(keys[name], name, layout.show) for name, layout in fields.items()]

    def write(value: Any) -> bytes:
        return b"".join([write_one(getattr(value, name)) for name, write_one in writers])

    def read(reader: Reader) -> Any:
        found: dict[str, Any] = {}
        for form, values, name, read_one in parts:
            if values:
                for (field, value), raw in zip(values, reader.fixed(form), strict=True):
                    found[field] = value(raw)
            if name:
                found[name] = read_one(reader)
        return kind(**found)

    def show(value: Any) -> Any:
        return {key: show_one(getattr(value, name)) for key, name, show_one in showers}

    return Layout(write, read, show)


class _Part(NamedTuple):
    """Fields of a fixed size in a row, unpacked at once, and the one that follows; "" for none."""

    form: struct.Struct
    values: tuple[tuple[str, Callable[[Any], Any]], ...]
    name: str
    read: Callable[[Reader], Any]


def _parts(fields: Mapping[str, Layout]) -> list[_Part]:
    """Return in which parts fields are read, so that few calls do it."""
    parts: list[_Part] = []
    code, values = "<", list[tuple[str, Callable[[Any], Any]]]()
    for name, field in fields.items():
        if field.code:
            code += field.code
            values.append((name, field.value))
        else:
            parts.append(_Part(struct.Struct(code), tuple(values), name, field.read))
            code, values = "<", []
    return [*parts, _Part(struct.Struct(code), tuple(values), "", _as_it_is)] if values else parts


def _names(kind: type[Any]) -> tuple[str, ...]:
    names: tuple[str, ...] = getattr(kind, "__struct_fields__", ())
    return names or tuple(kind.__dataclass_fields__)


def _layout(hint: Any, kinds: Mapping[str, Layout]) -> Layout:
    if get_origin(hint) is Annotated:
        return kinds[get_args(hint)[1]]
    if get_origin(hint) is tuple:
        return _tuple_of(_layout(get_args(hint)[0], kinds))
    return layout_of(hint, kinds)


def _tuple_of(item: Layout) -> Layout:
    def write(values: tuple[Any, ...]) -> bytes:
        return pack_varuint(len(values)) + b"".join([item.write(value) for value in values])

    def read(reader: Reader) -> tuple[Any, ...]:
        return tuple([item.read(reader) for _ in range(reader.count(most=MAX_LIST))])

    def show(values: tuple[Any, ...]) -> list[Any]:
        return [item.show(value) for value in values]

    return Layout(write, read, show)
