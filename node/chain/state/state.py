"""Tables of key to row: a journal for each block, savepoints in it, one digest for all of it.

Everything here belongs to one branch, the head's: a fork switch undoes blocks and applies others.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import msgspec

K = TypeVar("K", str, int, bytes)
V = TypeVar("V")
_PACK = msgspec.msgpack.Encoder(order="deterministic")


@dataclass(frozen=True, slots=True)
class Table(Generic[K, V]):
    """A table by name: keys of one type, rows that are never changed but replaced.

    row: int, bytes, or a struct that MessagePack can hold and that compares by value.
    """

    name: str
    key: type[K]
    row: type[V]


Image = dict[str, dict[Any, Any]]
"""All rows of all tables, by name of the table."""


Change = tuple[str, Any, Any]
"""A table's name, a key, and what it held before it was changed; None: nothing."""


@dataclass(slots=True)
class _Journal:
    """One block's changes, oldest first, and the digest before it. A closed one never changes."""

    num: int
    digest: bytes
    changes: list[Change] = field(default_factory=list)


class State:
    """All rows at the head, or in the block that is open on it.

    One block at a time: open, change, then close or abort; undo takes the newest closed one back.
    Mutable: the rows, the open journal, journals of blocks that can be undone, the digest.
    """

    __slots__ = ("_digest", "_journals", "_open", "_rows", "_tables")

    def __init__(self, tables: Iterable[Table[Any, Any]]) -> None:
        self._tables = {table.name: table for table in tables}
        self._rows: Image = {name: {} for name in self._tables}
        self._journals: deque[_Journal] = deque()
        self._open: _Journal | None = None
        self._digest = bytes(32)

    # ------------------------------------------------------------ rows

    def get(self, table: Table[K, V], key: K) -> V | None:
        """Return the row of key, None where there is none."""
        row: V | None = self._rows[table.name].get(key)
        return row

    def rows(self, table: Table[K, V]) -> Mapping[K, V]:
        """Return a view of all rows, in an order that depends on history: sort what matters."""
        return MappingProxyType(self._rows[table.name])

    def put(self, table: Table[K, V], key: K, row: V) -> None:
        """Set the row of key."""
        assert self._open is not None
        name = table.name
        rows = self._rows[name]
        self._open.changes.append((name, key, rows.get(key)))
        rows[key] = row

    def remove(self, table: Table[K, V], key: K) -> None:
        """Drop the row of key, which is there."""
        assert self._open is not None
        before = self._rows[table.name].pop(key)
        self._open.changes.append((table.name, key, before))

    def row_after(self, table: Table[K, V], key: K, num: int) -> V | None:
        """Return key's row after block num, which is not older than what can be undone."""
        journals = [*self._journals, *([self._open] if self._open else [])]
        for journal in journals:
            if journal.num <= num:
                continue
            for name, changed, before in journal.changes:
                if name == table.name and changed == key:
                    row: V | None = before
                    return row
        return self.get(table, key)

    # ------------------------------------------------------------ blocks

    @property
    def digest(self) -> bytes:
        """Return the commitment to all rows after the newest closed block, and to its history."""
        return self._digest

    @property
    def is_open(self) -> bool:
        """Return whether a block is open."""
        return self._open is not None

    def open(self, num: int) -> None:
        """Begin block num."""
        assert self._open is None
        self._open = _Journal(num, self._digest)

    def savepoint(self) -> int:
        """Return a mark of what the open block has changed so far."""
        assert self._open is not None
        return len(self._open.changes)

    def rollback(self, savepoint: int) -> list[Change]:
        """Take back what the open block changed since the savepoint; return that, newest first."""
        assert self._open is not None
        taken = self._open.changes[savepoint:][::-1]
        del self._open.changes[savepoint:]
        _take_back(self._rows, taken)
        return taken

    def close(self, seed: bytes) -> bytes:
        """End the open block; return the new digest: over the old one, seed and what changed."""
        assert self._open is not None
        journal = self._open
        touched = defaultdict[str, set[Any]](set)
        for name, key, _ in journal.changes:
            touched[name].add(key)
        now = [
            (name, key, self._rows[name].get(key))
            for name in sorted(touched)
            for key in sorted(touched[name])
        ]
        self._digest = sha256(self._digest + seed + _PACK.encode(now)).digest()
        self._journals.append(journal)
        self._open = None
        return self._digest

    def changed(self) -> list[Change]:
        """Return what the newest closed block changed, with the rows that it left; None: none.

        In the order in which they were changed first.
        """
        touched = dict.fromkeys([(name, key) for name, key, _ in self._journals[-1].changes])
        return [(name, key, self._rows[name].get(key)) for name, key in touched]

    def repeat(self, num: int, changed: Iterable[Change], digest: bytes) -> None:
        """Do block num over, by what it changed and its digest where the state was the same."""
        assert self._open is None
        journal = _Journal(num, self._digest)
        for name, key, row in changed:
            rows = self._rows[name]
            before = rows.get(key)
            if row is not None:
                rows[key] = row
            elif before is not None:
                del rows[key]
            else:
                continue  # Set and dropped again.
            journal.changes.append((name, key, before))
        self._journals.append(journal)
        self._digest = digest

    def abort(self) -> list[Change]:
        """Drop the open block; return the changes that were taken back."""
        taken = self.rollback(0)
        self._open = None
        return taken

    def undo(self) -> list[Change]:
        """Take back the newest closed block; return its changes."""
        assert self._open is None
        journal = self._journals.pop()
        self._digest = journal.digest
        taken = journal.changes[::-1]
        _take_back(self._rows, taken)
        return taken

    def commit(self, num: int) -> None:
        """Give up undo for blocks up to num."""
        while self._journals and self._journals[0].num <= num:
            self._journals.popleft()

    # ------------------------------------------------------------ images

    def image(self, num: int) -> tuple[Image, bytes]:
        """Return all rows and the digest after block num, not older than what can be undone."""
        return self.frozen(num)()

    def frozen(self, num: int) -> Callable[[], tuple[Image, bytes]]:
        """Return what gives the image, once, on whatever thread, whatever comes next here.

        Only tables of references are copied at once.
        """
        rows, digest = {name: rows.copy() for name, rows in self._rows.items()}, self._digest
        undone = [] if self._open is None else [self._open.changes.copy()]
        for journal in reversed(self._journals):
            if journal.num <= num:
                break
            undone.append(journal.changes)
            digest = journal.digest

        def image() -> tuple[Image, bytes]:
            for changes in undone:
                _take_back(rows, reversed(changes))
            return rows, digest

        return image

    def load(self, image: Mapping[str, Mapping[Any, Any]], digest: bytes) -> None:
        """Begin with the rows of an image, of which nothing can be undone."""
        assert not self._journals
        assert self._open is None
        for name, rows in self._rows.items():
            # In place: who looks at a table's rows goes on looking at them.
            rows.clear()
            rows.update(image[name])
        self._digest = digest


def _take_back(image: Image, changes: Iterable[Change]) -> None:
    """Undo changes, which come newest first."""
    for name, key, before in changes:
        if before is None:
            del image[name][key]
        else:
            image[name][key] = before


def read_image(builtins: Mapping[str, Any], tables: Iterable[Table[Any, Any]]) -> Image:
    """Return the image that MessagePack made plain values of.

    Raises:
        msgspec.ValidationError: a table is missing or unknown, or a row is not what its table
            holds.
    """
    known = {table.name: table for table in tables}
    odd = sorted(known.keys() ^ builtins.keys())
    if odd:
        raise msgspec.ValidationError(f"table {odd[0]!r} is missing or unknown")
    image: Image = {}
    for name, table in known.items():
        rows: Any = dict[table.key, table.row]  # type: ignore[name-defined]
        try:
            image[name] = msgspec.convert(builtins[name], rows, builtin_types=(bytes,))
        except msgspec.ValidationError as error:
            raise msgspec.ValidationError(f"table {name!r}: {error}") from error
    return image
