"""The SQLite file of a node's blocks and watermarks: who has it, what is in it, how it is written.

SQLite in WAL mode with synchronous=FULL: a commit that returned survives kill -9 and power loss.
One process at a time holds it; in that, one connection writes and another reads beside it.
"""

import errno
import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from node.chain.model.watermark import Watermark

SCHEMA = b"2"
_PROBE_BYTES = 64 * 1024
_CACHE_KB = 512
"""Of pages, for each connection: blocks are written once and hardly read again."""
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS blocks (
    entry INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, num INTEGER NOT NULL,
    previous BLOB NOT NULL, raw BLOB NOT NULL, irreversible INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS blocks_by_num ON blocks (num);
CREATE TABLE IF NOT EXISTS watermarks (
    producer TEXT PRIMARY KEY, num INTEGER NOT NULL, slot INTEGER NOT NULL);
"""
_INSERT = "INSERT OR IGNORE INTO blocks (id, num, previous, raw) VALUES (?, ?, ?, ?)"
_UPSERT_MARK = """
INSERT INTO watermarks VALUES (?, ?, ?) ON CONFLICT (producer)
DO UPDATE SET num = max(num, excluded.num), slot = max(slot, excluded.slot)
"""
_ANCESTORS = """
WITH RECURSIVE line (id, previous, num) AS (
    SELECT id, previous, num FROM blocks WHERE id = ? AND irreversible = 0
    UNION ALL
    SELECT b.id, b.previous, b.num FROM blocks b JOIN line ON b.id = line.previous
    WHERE b.irreversible = 0)
UPDATE blocks SET irreversible = 1 WHERE id IN (SELECT id FROM line)
"""
_DROP = "DELETE FROM blocks WHERE num <= ? AND irreversible = 0"


class StoreError(Exception):
    """The machine or the operator is wrong: disk full, read-only, in use, another chain's store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBlock:
    """A block's bytes and what the store must know of it."""

    num: int
    id: bytes
    previous: bytes
    raw: bytes


@dataclass(slots=True)
class Batch:
    """Blocks to write, then the watermark of the last of them, if it is ours, or the number and id
    up to which blocks are irreversible.
    """

    blocks: list[StoredBlock] = field(default_factory=list)
    mark: Watermark | None = None
    final: tuple[int, bytes] | None = None


class Database:
    """The file at path, taken for us alone. `write` is one thread's, whichever; `rows` another's.

    Raises:
        StoreError: from any call; one line with the file and the cause.
    """

    def __init__(self, path: Path, chain_id: bytes) -> None:
        self.path = path
        with self._guard():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        self._open_files = ExitStack()
        self._open_files.callback(os.close, self._lock)
        try:
            self._take()
            self._writer, self._reader = self._connected(), self._connected()
            self.is_new = self._open(chain_id)
        except StoreError:
            self.close()
            raise

    def write(self, batches: Sequence[Batch]) -> None:
        """Write them in order, all or none; durable when this returns."""
        with self._guard():
            self._writer.execute("BEGIN IMMEDIATE")
            for batch in batches:
                rows = [(block.id, block.num, block.previous, block.raw) for block in batch.blocks]
                self._writer.executemany(_INSERT, rows)
                if batch.mark is not None:
                    mark = batch.mark
                    self._writer.execute(_UPSERT_MARK, (mark.producer, mark.num, mark.slot))
                if batch.final is not None:
                    num, block_id = batch.final
                    self._writer.execute(_ANCESTORS, (block_id,))
                    self._writer.execute(_DROP, (num,))
            self._writer.execute("COMMIT")

    def refuse_read_only(self) -> None:
        """Refuse a folder that has become read-only, though what is open in it can be written."""
        with self._guard():
            if os.statvfs(self.path.parent).f_flag & os.ST_RDONLY:
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def rows(self, query: str, *values: int | bytes | str) -> Iterator[Any]:
        """Yield the rows of a query, of what is durable."""
        with self._guard():
            yield from self._reader.execute(query, values)

    def one(self, query: str, *values: int | bytes | str) -> Any:
        """Return the only value of the first row, None where there is none."""
        with self._guard():
            row = self._reader.execute(query, values).fetchone()
        return None if row is None else row[0]

    def close(self) -> None:
        """Let go of the file."""
        self._open_files.close()

    def _connected(self) -> sqlite3.Connection:
        with self._guard():
            made = sqlite3.connect(
                self.path, timeout=1.0, isolation_level=None, check_same_thread=False
            )
            self._open_files.callback(made.close)
            made.execute(f"PRAGMA cache_size=-{_CACHE_KB}")
        return made

    def _take(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreError(f"{self.path}: in use by another process") from error

    def _open(self, chain_id: bytes) -> bool:
        """Prove that the file can be written, and check whose it is; return whether it is new."""
        write = self._writer.execute
        with self._guard():
            write("PRAGMA journal_mode=WAL")
            write("PRAGMA synchronous=FULL")
            self._writer.executescript(_TABLES)
            write("BEGIN IMMEDIATE")
            is_new = write("SELECT 1 FROM meta").fetchone() is None
            for key, value in (("schema", SCHEMA), ("chain_id", chain_id)):
                write("INSERT OR IGNORE INTO meta VALUES (?, ?)", (key, value))
            probe = "INSERT OR REPLACE INTO meta VALUES ('probe', zeroblob(?))"
            write(probe, (_PROBE_BYTES,))
            write("COMMIT")
            self._reader.execute("PRAGMA query_only=1")
        meta = dict(self.rows("SELECT key, value FROM meta WHERE key IN ('schema', 'chain_id')"))
        if meta["schema"] != SCHEMA:
            raise StoreError(f"{self.path}: written by another version; remove it or use that one")
        if meta["chain_id"] != chain_id:
            raise StoreError(
                f"{self.path}: holds chain {meta['chain_id'].hex()[:16]}, the genesis file says "
                f"{chain_id.hex()[:16]}; remove the store or give its own genesis"
            )
        return is_new

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """Turn what SQLite and the file system say into one line."""
        try:
            yield
        except OSError as error:
            raise StoreError(f"{self.path.parent}: {error.strerror}") from error
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}") from error
