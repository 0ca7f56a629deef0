"""The node's memory on disk: blocks, which of them are irreversible, and what was signed.

SQLite in WAL mode with synchronous=FULL: a commit that returned survives kill -9 and power loss.
An own block and its watermark are one commit; received blocks gather in an open transaction that is
committed with the next own block, with `finalize`, or by `commit`. One process at a time holds it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node.chain.model.watermark import Watermark

SCHEMA = b"1"
_PROBE_BYTES = 64 * 1024
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS blocks (
    entry INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, num INTEGER NOT NULL,
    previous BLOB NOT NULL, raw BLOB NOT NULL, irreversible INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS blocks_by_num ON blocks (num);
CREATE TABLE IF NOT EXISTS watermarks (
    producer TEXT PRIMARY KEY, num INTEGER NOT NULL, slot INTEGER NOT NULL);
"""
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


class StoreError(Exception):
    """The machine or the operator is wrong: disk full, read-only, in use, another chain's store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBlock:
    """A block's bytes and what the store must know of it."""

    num: int
    id: bytes
    previous: bytes
    raw: bytes


class Store:
    """Blocks and watermarks of one chain, in folder/chain.sqlite.

    Raises:
        StoreError: from any call; one line with the file and the cause.
    """

    def __init__(self, folder: Path, chain_id: bytes) -> None:
        self.path = folder / "chain.sqlite"
        with self._guard():
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path, timeout=1.0, isolation_level=None)
        try:
            self._open(chain_id)
        except StoreError:
            self._db.close()
            raise

    def put(self, block: StoredBlock) -> None:
        """Keep a received block; durable at the next commit."""
        with self._guard():
            self._begin()
            self._insert(block)

    def put_own(self, block: StoredBlock, mark: Watermark) -> None:
        """Keep a block of ours with its watermark; both are durable when this returns."""
        with self._guard():
            self._begin()
            self._insert(block)
            self._db.execute(_UPSERT_MARK, (mark.producer, mark.num, mark.slot))
            self._db.execute("COMMIT")

    def finalize(self, num: int, block_id: bytes) -> None:
        """Mark block_id and its ancestors irreversible, drop other branches up to num, durably."""
        with self._guard():
            self._begin()
            self._db.execute(_ANCESTORS, (block_id,))
            self._db.execute("DELETE FROM blocks WHERE num <= ? AND irreversible = 0", (num,))
            self._db.execute("COMMIT")

    def commit(self) -> None:
        """Make everything put so far durable."""
        if self._db.in_transaction:
            with self._guard():
                self._db.execute("COMMIT")

    def close(self) -> None:
        """Commit and close."""
        try:
            self.commit()
        finally:
            self._db.close()

    def restore(self, after_num: int = 0) -> Iterator[tuple[bytes, bool]]:
        """Return (bytes, irreversible) of each block above after_num, parents first.

        In the order they came, which decides ties and what a node is bound to.
        """
        query = (
            "SELECT raw, irreversible FROM blocks WHERE num > ? ORDER BY irreversible DESC, entry"
        )
        with self._guard():
            for raw, irreversible in self._db.execute(query, (after_num,)):
                yield raw, bool(irreversible)

    def put_snapshot(self, raw: bytes) -> None:
        """Keep the state at an irreversible block instead of the one kept so far, durably."""
        with self._guard():
            self._begin()
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('snapshot', ?)", (raw,))
            self._db.execute("COMMIT")

    def snapshot(self) -> bytes | None:
        """Return the bytes put_snapshot kept last."""
        found: bytes | None = self._one("SELECT value FROM meta WHERE key = ?", "snapshot")
        return found

    def watermarks(self) -> dict[str, Watermark]:
        """Return the watermark of each producer that has signed here."""
        with self._guard():
            rows = self._db.execute("SELECT producer, num, slot FROM watermarks").fetchall()
        return {name: Watermark(producer=name, num=num, slot=slot) for name, num, slot in rows}

    def irreversible_id(self, num: int) -> bytes | None:
        """Return the id of the irreversible block num."""
        query = "SELECT id FROM blocks WHERE num = ? AND irreversible = 1"
        found: bytes | None = self._one(query, num)
        return found

    def irreversible_num(self, block_id: bytes) -> int | None:
        """Return the number of block_id if it is irreversible here."""
        query = "SELECT num FROM blocks WHERE id = ? AND irreversible = 1"
        found: int | None = self._one(query, block_id)
        return found

    def raw(self, block_id: bytes) -> bytes | None:
        """Return the bytes of a block."""
        found: bytes | None = self._one("SELECT raw FROM blocks WHERE id = ?", block_id)
        return found

    def irreversible_after(self, num: int, most: int) -> list[bytes]:
        """Return the bytes of the irreversible blocks above num, in order, at most that many."""
        query = "SELECT raw FROM blocks WHERE num > ? AND irreversible = 1 ORDER BY num LIMIT ?"
        with self._guard():
            return [row[0] for row in self._db.execute(query, (num, most))]

    def irreversible_below(self, num: int) -> Iterator[tuple[int, bytes]]:
        """Yield (number, bytes) of the irreversible blocks below num, the highest first."""
        query = "SELECT num, raw FROM blocks WHERE num < ? AND irreversible = 1 ORDER BY num DESC"
        with self._guard():
            yield from self._db.execute(query, (num,))

    def _one(self, query: str, value: int | bytes | str) -> Any:
        with self._guard():
            row = self._db.execute(query, (value,)).fetchone()
        return None if row is None else row[0]

    def _begin(self) -> None:
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")

    def _insert(self, block: StoredBlock) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO blocks (id, num, previous, raw) VALUES (?, ?, ?, ?)",
            (block.id, block.num, block.previous, block.raw),
        )

    def _open(self, chain_id: bytes) -> None:
        """Take the file for us alone, prove that it can be written, and check whose it is."""
        with self._guard():
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_TABLES)
            self._begin()
            for key, value in (("schema", SCHEMA), ("chain_id", chain_id)):
                self._db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (key, value))
            probe = "INSERT OR REPLACE INTO meta VALUES ('probe', zeroblob(?))"
            self._db.execute(probe, (_PROBE_BYTES,))
            self._db.execute("COMMIT")
            meta = dict(
                self._db.execute("SELECT key, value FROM meta WHERE key IN ('schema', 'chain_id')")
            )
        if meta["schema"] != SCHEMA:
            raise StoreError(f"{self.path}: written by another version; remove it or use that one")
        if meta["chain_id"] != chain_id:
            raise StoreError(
                f"{self.path}: holds chain {meta['chain_id'].hex()[:16]}, the genesis file says "
                f"{chain_id.hex()[:16]}; remove the store or give its own genesis"
            )

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """Turn what SQLite and the file system say into one line."""
        try:
            yield
        except OSError as error:
            raise StoreError(f"{self.path.parent}: {error.strerror}") from error
        except sqlite3.Error as error:
            cause = "in use by another process" if "locked" in str(error) else str(error)
            raise StoreError(f"{self.path}: {cause}") from error
