"""Event lines as rows: envelope and record in one, of a type for each kind; decoded strictly."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Union, get_args

import msgspec

from node import events

OTHERS = "others"
"""Stands for a kind where the kind of a line is not known: of its row there is the envelope."""
NOT_TOLD = -1
"""Stands in a column for a number that a line leaves out; none of these is below zero."""
_AS_TEXT = (
    "producers", "peers", "tally", "out", "weights", "changes", "fees", "by_account", "to_workers",
    "earned", "missed", "held",
)  # fmt: skip
"""Columns kept as written: compared whole, different by kind, or by names of producers."""


class Writer(NamedTuple):
    """What all lines say alike that a writer wrote since a boot of its host."""

    v: int
    host: str
    node: str
    boot: str


def _fields(kind: type[msgspec.Struct]) -> list[tuple[str, Any, Any]]:
    """Return what msgspec.defstruct is told of the fields of a kind, but its tag."""
    return [
        (each.name, *_as_declared(each))
        for each in msgspec.structs.fields(kind)
        if each.name != "kind"
    ]


def _as_declared(each: msgspec.structs.FieldInfo) -> tuple[Any, Any]:
    """Return type and default of a field; a number that may be left out is NOT_TOLD then."""
    if each.default_factory is not msgspec.NODEFAULT:
        return each.type, msgspec.field(default_factory=each.default_factory, name=each.encode_name)
    if each.default is msgspec.UNSET:
        return get_args(each.type)[0], msgspec.field(default=NOT_TOLD, name=each.encode_name)
    return each.type, msgspec.field(default=each.default, name=each.encode_name)


def _row_of(kind: type[msgspec.Struct]) -> type[msgspec.Struct]:
    return msgspec.defstruct(
        kind.__name__,
        [*_fields(events.Envelope), *_fields(kind)],
        tag_field="kind",
        tag=str(kind.__struct_config__.tag),
        kw_only=True,
        gc=False,  # A row holds no cycle.
    )


ROWS = {str(kind.__struct_config__.tag): _row_of(kind) for kind in get_args(events.Event)}
"""The type of the rows of each kind."""
WORDS = {row: word for word, row in ROWS.items()}
DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Union[tuple(ROWS.values())])  # noqa: UP007
"""Of lines: known kinds alone."""
ENCODER = msgspec.json.Encoder()


def _columns(row: type[msgspec.Struct]) -> Iterator[tuple[str, str]]:
    """Yield (name, type) of a column for each field of a row, but those that none can hold."""
    kind = msgspec.inspect.type_info(row)
    assert isinstance(kind, msgspec.inspect.StructType)
    for field in kind.fields:
        sql = "JSON" if field.encode_name in _AS_TEXT else _sql(field.type)
        if sql:
            yield field.encode_name, sql


def _sql(kind: msgspec.inspect.Type) -> str:
    """Return the type of a column that holds values of a type, "" for none."""
    match kind:
        case msgspec.inspect.IntType():
            return "BIGINT"
        case msgspec.inspect.StrType() | msgspec.inspect.LiteralType():
            return "VARCHAR"
        case msgspec.inspect.BoolType():
            return "BOOLEAN"
        case msgspec.inspect.ListType(item_type=item):
            return f"{_sql(item)}[]"
    return ""


COLUMNS = {word: dict(_columns(row)) for word, row in ROWS.items()}
"""By kind the columns of its table after the trial's number: name and type."""
