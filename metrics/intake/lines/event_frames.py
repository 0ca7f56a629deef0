"""Rows of events as frames: an array for each column of a kind, as a database takes them in."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from metrics.intake.lines.event_rows import COLUMNS, ENCODER, OTHERS, ROWS, WORDS
from node import events

Frame = Mapping[str, npt.NDArray[Any]]
Row = Any
"""A row of `event_rows`, or the envelope of a line of an unknown kind."""
PLACE = "place"
"""Numbers the rows of a frame; the one at 0 is none, see `EXAMPLES`."""
EXAMPLES: dict[str, Any] = {
    "BIGINT": 0, "BOOLEAN": False, "VARCHAR": "", "JSON": "",
    "BIGINT[]": [2**62], "VARCHAR[]": [""],
}  # fmt: skip
"""A large value of each type: what lists hold, the database sees by the first ones."""
COLUMNS_OF = COLUMNS | {
    OTHERS: {
        field.name: "VARCHAR" if field.type is str else "BIGINT"
        for field in msgspec.structs.fields(events.Envelope)
    }
}
"""The columns of each kind, and of lines of others."""


def _texts(values: Iterable[Any]) -> Iterable[str]:
    return (ENCODER.encode(value).decode() for value in values)


class Frames:
    """Mutable: rows on their way into tables, by kind."""

    def __init__(self) -> None:
        self._parts: dict[str, list[list[npt.NDArray[Any]]]] = defaultdict(list)

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows."""
        by_type: dict[type, list[Row]] = defaultdict(list)
        for row in rows:
            by_type[type(row)].append(row)
        for kind, own in by_type.items():
            word = WORDS.get(kind, OTHERS)
            self._parts[word].append([column(own) for column in _MAKERS[word]])

    def whole(self) -> dict[str, Frame]:
        """Return the frame of each kind of which there are rows."""
        found: dict[str, Frame] = {}
        for word, parts in self._parts.items():
            columns = COLUMNS_OF[word]
            examples = [_array([EXAMPLES[sql]], sql) for sql in columns.values()]
            arrays = [np.concatenate(own) for own in zip(examples, *parts, strict=True)]
            places = {PLACE: np.arange(len(arrays[0]))}
            found[word] = places | dict(zip(columns, arrays, strict=True))
        return found


def _array(values: Iterable[Any], sql: str) -> npt.NDArray[Any]:
    kind = {"BIGINT": np.int64, "BOOLEAN": np.bool_}.get(sql, object)
    return np.fromiter(_texts(values) if sql == "JSON" else values, dtype=kind)


def _maker(name: str, sql: str) -> Callable[[list[Row]], npt.NDArray[Any]]:
    get = attrgetter(name)
    return lambda rows: _array(map(get, rows), sql)


def _makers(word: str) -> list[Callable[[list[Row]], npt.NDArray[Any]]]:
    """Return what makes each column of a kind of its rows."""
    row = ROWS.get(word, events.Envelope)
    names = {field.encode_name: field.name for field in msgspec.structs.fields(row)}
    return [_maker(names[column], sql) for column, sql in COLUMNS_OF[word].items()]


_MAKERS = {word: _makers(word) for word in COLUMNS_OF}
