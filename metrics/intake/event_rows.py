"""Event lines as rows: envelope and record in one, of a type for each kind; decoded strictly."""

from operator import attrgetter
from typing import Any, Union, get_args

import msgspec

from node import events

HEAD = attrgetter("host", "node", "boot", "seq", "wall_ns", "mono_ns")
"""Who wrote a row and when."""


def _fields(kind: type[msgspec.Struct]) -> list[tuple[str, Any, Any]]:
    """Return what msgspec.defstruct is told of the fields of a kind, but its tag."""
    return [
        (each.name, each.type, _as_declared(each))
        for each in msgspec.structs.fields(kind)
        if each.name != "kind"
    ]


def _as_declared(each: msgspec.structs.FieldInfo) -> Any:
    if each.default_factory is not msgspec.NODEFAULT:
        return msgspec.field(default_factory=each.default_factory, name=each.encode_name)
    return msgspec.field(default=each.default, name=each.encode_name)


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
