"""Puts the lines of a trial into the tables of their kinds, and knows who wrote which when."""

from collections import Counter, defaultdict
from typing import Any, NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt

from metrics.intake.lines.event_frames import COLUMNS_OF, NUMBERS, PLACE, Frame
from metrics.intake.lines.event_host import HostLines
from metrics.intake.lines.event_rows import OTHERS, Writer
from metrics.intake.written import Written
from metrics.model.arrays import Ints

AT_ONCE = 50_000
"""So many rows of a kind are put into its table at once: each time costs as much as hundreds."""
CELLS_MOST = 32
"""Lists of so many numbers at most are put in by cells, a column for each of their places."""
_EXAMPLES: dict[str, Any] = {
    "BIGINT": 0, "BOOLEAN": False, "VARCHAR": "", "JSON": "", "BIGINT[]": 1, "VARCHAR[]": [""],
    NUMBERS: 2**62,
}  # fmt: skip
"""What stands before all others: what lists hold, the database sees by the first ones."""


class _Stamps(NamedTuple):
    """Of rows in the order of their table, by the names of their columns."""

    place: Ints
    seq: Ints
    wall_ns: Ints
    mono_ns: Ints


class Inserter:
    """Mutable: puts rows into the tables of their kinds, many at once.

    told: of each (host, writer, boot, kind) how many lines.
    """

    def __init__(self, db: duckdb.DuckDBPyConnection, trial: int) -> None:
        self._db, self._trial = db, trial
        self._waiting: dict[str, list[Frame]] = defaultdict(list)
        self._writers: list[Writer] = []
        self._stamps: dict[str, list[_Stamps]] = defaultdict(list)
        self.told: Counter[tuple[str, str, str, str]] = Counter()

    def add(self, lines: HostLines) -> None:
        """Take what came in of a host."""
        before = len(self._writers)
        self._writers += lines.writers
        for word, frame in lines.frames.items():
            frame[PLACE] = [own + before for own in frame[PLACE]]
            self._waiting[word].append(frame)
            if sum(len(own) for each in self._waiting[word] for own in each[PLACE]) >= AT_ONCE:
                self._put(word)

    def end(self) -> None:
        """Put in what still waits."""
        for word in [*self._waiting]:
            self._put(word)

    def in_order(self) -> set[str]:
        """Return the kinds whose rows have come by writer and number."""
        _, rank = _ranked([writer.node for writer in self._writers])
        return {word for word, own in self._stamps.items() if _rises(_joined(own), rank)}

    def written(self) -> dict[tuple[str, str], Written]:
        """Return the lines of each (host, writer)."""
        by_kind = {word: _joined(stamps) for word, stamps in self._stamps.items()}
        if not by_kind:
            return {}
        kinds = [*COLUMNS_OF]
        counts = [len(stamps.seq) for stamps in by_kind.values()]
        kind = np.repeat([kinds.index(word) for word in by_kind], counts)
        stamps = _joined([*by_kind.values()])
        writers, writer = _ranked([(each.host, each.node) for each in self._writers])
        boots, boot = _ranked([each.boot for each in self._writers])
        who = writer[stamps.place]
        order = np.lexsort((stamps.seq, who))
        columns = (
            stamps.seq, kind, boot[stamps.place] + len(kinds), stamps.wall_ns, stamps.mono_ns,
        )  # fmt: skip
        edges = np.searchsorted(who[order], np.arange(len(writers) + 1))
        return {
            each: Written(
                [*kinds, *boots], *(own[order[edges[n] : edges[n + 1]]] for own in columns)
            )
            for n, each in enumerate(writers)
        }

    def _put(self, word: str) -> None:
        frames, columns = self._waiting.pop(word), COLUMNS_OF[word]
        types = {PLACE: "BIGINT", **columns}
        arrays = {
            name: _concatenated([own[name] for own in frames], types.get(name, NUMBERS))
            for name in frames[0]
        }
        self._note(word, arrays)
        lists: dict[str, str] = {}
        shown = self._alike(arrays.pop(PLACE))
        for name in (name for name, sql in columns.items() if sql == "BIGINT[]"):
            cells, lists[name] = _lists(name, arrays.pop(name), arrays.pop(name + NUMBERS))
            shown |= cells
        taken = ", ".join(lists.get(name, f'"{name}"') for name in columns)
        self._db.register("frame", shown | arrays)
        self._db.execute(
            f"INSERT INTO event_{word} SELECT {self._trial}, {taken} FROM frame OFFSET 1"
        )
        self._db.unregister("frame")

    def _alike(self, place: Ints) -> dict[str, npt.NDArray[Any]]:
        """Return the columns that say who wrote rows, by place of the writer."""
        said = zip(Writer._fields, zip(*self._writers, strict=True), strict=True)
        return {
            name: np.asarray(own, dtype=np.int64 if name == "v" else object)[place]
            for name, own in said
        }

    def _note(self, word: str, arrays: dict[str, npt.NDArray[Any]]) -> None:
        """Keep who wrote rows when, and count them; the first row is an example."""
        stamps = _Stamps(*(arrays[name][1:] for name in _Stamps._fields))
        self._stamps[word].append(stamps)
        if word == OTHERS:
            kinds = arrays["kind"][1:].tolist()
            told = Counter(zip(stamps.place.tolist(), kinds, strict=True))
        else:
            counts = np.bincount(stamps.place).tolist()
            told = Counter({(place, word): count for place, count in enumerate(counts) if count})
        for (place, kind), count in told.items():
            _, *who = self._writers[place]
            self.told[*who, kind] += count


def _concatenated(parts: list[list[npt.NDArray[Any]]], sql: str) -> npt.NDArray[Any]:
    """Return arrays of a column one after the other, after an example."""
    every = [own for part in parts for own in part]
    first = np.empty(1, dtype=every[0].dtype)
    first[0] = _EXAMPLES[sql]
    return np.concatenate([first, *every])


def _lists(name: str, lengths: Ints, numbers: Ints) -> tuple[dict[str, npt.NDArray[Any]], str]:
    """Return columns, and how SQL makes a column of lists of them."""
    longest = int(lengths.max())
    if longest > CELLS_MOST:
        ends = np.cumsum(lengths)[:-1]
        own = (each.tolist() for each in np.split(numbers, ends))
        return {name: np.fromiter(own, dtype=object)}, f'"{name}"'
    cells = np.zeros((longest, len(lengths)), dtype=np.int64)
    cells.T[np.arange(longest) < lengths[:, None]] = numbers
    names = [f"{name} {n}" for n in range(longest)]
    each = ", ".join(f'"{cell}"' for cell in names)
    return {name: lengths, **dict(zip(names, cells, strict=True))}, f'[{each}][:"{name}"]'


def _ranked(values: list[Any]) -> tuple[list[Any], Ints]:
    """Return the different values in order, and the place of each value among them."""
    found = sorted({*values})
    places = {value: place for place, value in enumerate(found)}
    return found, np.asarray([places[value] for value in values])


def _joined(stamps: list[_Stamps]) -> _Stamps:
    return _Stamps(*map(np.concatenate, zip(*stamps, strict=True)))


def _rises(stamps: _Stamps, rank: Ints) -> bool:
    """Return whether each row comes after the one before, by rank of its writer and number."""
    who, seq = rank[stamps.place], stamps.seq
    rises = np.where(who[1:] == who[:-1], seq[1:] > seq[:-1], who[1:] > who[:-1])
    return bool(rises.all())
