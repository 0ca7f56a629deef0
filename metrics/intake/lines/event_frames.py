"""Rows of events as frames: arrays for each column of a kind, as a database takes them in."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import chain
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from metrics.intake.lines.event_rows import COLUMNS, ENCODER, OTHERS, ROWS, WORDS, Writer
from node import events

Frame = dict[str, list[npt.NDArray[Any]]]
"""By column of a kind an array for each piece that was read; PLACE stands for the writer's own.

Lists of numbers are two columns: how many numbers each holds, and, with NUMBERS in its name, all
numbers of all: an object for each would take six times as much memory.
"""
Row = Any
"""A row of `event_rows`, or the envelope of a line of an unknown kind."""
PLACE = "place"
"""The place of a row's writer among all writers."""
NUMBERS = "[]"
_WRITER = attrgetter(*Writer._fields)
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
    """Mutable: rows on their way into tables, by kind, and who wrote them."""

    def __init__(self) -> None:
        self.by_kind: dict[str, Frame] = {}
        self._places: dict[tuple[Any, ...], int] = {}

    @property
    def writers(self) -> list[Writer]:
        """Return who wrote the rows, by place."""
        return [Writer(*who) for who in self._places]

    def add(self, rows: list[Row]) -> None:
        """Take rows."""
        writers = dict.fromkeys(map(_WRITER, rows))
        for who in writers:
            self._places.setdefault(who, len(self._places))
        by_type: dict[type, list[Row]] = defaultdict(list)
        for row in rows:
            by_type[type(row)].append(row)
        for kind, own in by_type.items():
            word = WORDS.get(kind, OTHERS)
            frame = self.by_kind.setdefault(word, {name: [] for name in (PLACE, *_MAKERS[word])})
            frame[PLACE].append(self._place(own, alike=len(writers) == 1))
            for name, column in _MAKERS[word].items():
                frame[name].append(column(own))

    def _place(self, rows: list[Row], alike: bool) -> npt.NDArray[Any]:
        """Return the place of each row's writer; alike: they have one, as in nearly all pieces."""
        if alike:
            return np.full(len(rows), self._places[_WRITER(rows[0])])
        return _array(map(self._places.__getitem__, map(_WRITER, rows)), "BIGINT")


_Column = Callable[[list[Row]], npt.NDArray[Any]]


def _array(values: Iterable[Any], sql: str) -> npt.NDArray[Any]:
    kind = {"BIGINT": np.int64, "BOOLEAN": np.bool_}.get(sql, object)
    return np.fromiter(_texts(values) if sql == "JSON" else values, dtype=kind)


def _maker(name: str, sql: str) -> _Column:
    get = attrgetter(name)
    return lambda rows: _array(map(get, rows), sql)


def _list_makers(column: str, name: str) -> dict[str, _Column]:
    get = attrgetter(name)
    return {
        column: lambda rows: _array(map(len, map(get, rows)), "BIGINT"),
        column + NUMBERS: lambda rows: _array(chain.from_iterable(map(get, rows)), "BIGINT"),
    }


def _makers(word: str) -> dict[str, _Column]:
    """Return what makes each column of a kind of its rows, but the writer's."""
    row = ROWS.get(word, events.Envelope)
    names = {field.encode_name: field.name for field in msgspec.structs.fields(row)}
    found: dict[str, _Column] = {}
    for column, sql in COLUMNS_OF[word].items():
        if sql == "BIGINT[]":
            found |= _list_makers(column, names[column])
        elif column not in Writer._fields:
            found[column] = _maker(names[column], sql)
    return found


_MAKERS = {word: _makers(word) for word in COLUMNS_OF}
