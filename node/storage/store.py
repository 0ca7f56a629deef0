"""The node's memory on disk: blocks, which of them are irreversible, and what was signed.

A thread writes, in the order in which it is told to. An own block, its watermark and all before it
are durable when `put_own` returns. Received blocks gather until the next own block, `finalize` or
`commit`, and are told from memory until they are durable.
"""

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from node.chain.model.watermark import Watermark
from node.storage import snapshot_file
from node.storage.database import Batch, Database, StoredBlock
from node.storage.writer import Wake, Writer

UNWRITTEN_MAX = 1_000
UNWRITTEN_BYTES_MAX = 32 * 1024 * 1024
"""So much is not durable yet at most, in blocks and in bytes; beyond it the chain waits for its
disk."""


class Store:
    """Blocks and watermarks of one chain, in folder/chain.sqlite, and its snapshot beside it.

    Raises:
        StoreError: from any call; one line with the file and the cause. When the thread fails,
        `settle` raises it, which wake has called.
    """

    def __init__(self, folder: Path, chain_id: bytes, *, wake: Wake = lambda call: None) -> None:
        self.path = folder / "chain.sqlite"
        self.snapshot_path = folder / "chain.snapshot"
        self._database = Database(self.path, chain_id)
        if self._database.is_new:
            # One without the blocks behind it is of a store that was removed.
            snapshot_file.remove(self.snapshot_path)
        self._writer = Writer(self._database.write, wake=wake, settle=self.settle)
        self._gathered = Batch()
        self._unwritten: dict[bytes, StoredBlock] = {}
        self._unwritten_bytes = 0
        self._underway: deque[tuple[int, Batch]] = deque()
        self._then: deque[tuple[int, Callable[[], None]]] = deque()

    # ------------------------------------------------------------ writing

    def put(self, block: StoredBlock) -> None:
        """Keep a received block; it is on its way to the disk at the next commit."""
        self._gather(block)
        if self._is_full():
            self._forget_written()
            if self._is_full():
                self._hand(self._gathered)
                self._writer.wait()
                self._forget_written()

    def put_own(self, block: StoredBlock, mark: Watermark) -> None:
        """Keep a block of ours with its watermark; all so far is durable when this returns."""
        self._gather(block)
        self._gathered.mark = mark
        self._hand(self._gathered)
        self._writer.wait()

    def finalize(self, num: int, block_id: bytes, then: Callable[[], None] | None = None) -> None:
        """Mark block_id and its ancestors irreversible, drop other branches up to num.

        then is called (by settle) once that is durable.
        """
        self._gathered.final = num, block_id
        number = self._hand(self._gathered)
        if then is not None:
            self._then.append((number, then))

    def commit(self) -> None:
        """Let everything put so far become durable, on a disk that takes more."""
        self._database.refuse_read_only()
        if self._gathered.blocks:
            self._hand(self._gathered)
        self._forget_written()

    def settle(self) -> None:
        """Call those for whom what they wait for is durable."""
        self._writer.check()
        self._forget_written()
        while self._then and self._then[0][0] <= self._writer.done:
            self._then.popleft()[1]()

    def sync(self) -> None:
        """Wait until everything put so far is durable, and call those who wait for it."""
        self.commit()
        self._writer.wait()
        self.settle()

    def close(self) -> None:
        """Write what is left and close."""
        try:
            self.commit()
        finally:
            try:
                self._writer.close()
            finally:
                self._database.close()

    # ------------------------------------------------------------ reading

    def restore(self, after_num: int = 0) -> Iterator[tuple[bytes, bool]]:
        """Return (bytes, irreversible) of each durable block above after_num, parents first.

        In the order they came, which decides ties and what a node is bound to.
        """
        query = (
            "SELECT raw, irreversible FROM blocks WHERE num > ? ORDER BY irreversible DESC, entry"
        )
        for raw, irreversible in self._database.rows(query, after_num):
            yield raw, bool(irreversible)

    def keep_snapshot(self, pieces: Iterator[bytes]) -> None:
        """Keep the state at an irreversible block instead of the one kept so far, in good time.

        pieces is asked for them on another thread, after what was put so far is durable.
        """
        self._writer.work(snapshot_file.write(self.snapshot_path, pieces))

    @property
    def keeps_snapshot(self) -> bool:
        """Return whether a snapshot is not durable yet."""
        return self._writer.works

    def snapshot(self) -> bytes | None:
        """Return the bytes of the snapshot that is durable."""
        return snapshot_file.read(self.snapshot_path)

    def watermarks(self) -> dict[str, Watermark]:
        """Return the watermark of each producer that has signed here."""
        rows = self._database.rows("SELECT producer, num, slot FROM watermarks")
        return {name: Watermark(producer=name, num=num, slot=slot) for name, num, slot in rows}

    def irreversible_id(self, num: int) -> bytes | None:
        """Return the id of the irreversible block num."""
        query = "SELECT id FROM blocks WHERE num = ? AND irreversible = 1"
        found: bytes | None = self._marked().one(query, num)
        return found

    def irreversible_num(self, block_id: bytes) -> int | None:
        """Return the number of block_id if it is irreversible here."""
        query = "SELECT num FROM blocks WHERE id = ? AND irreversible = 1"
        found: int | None = self._marked().one(query, block_id)
        return found

    def raw(self, block_id: bytes) -> bytes | None:
        """Return the bytes of a block."""
        unwritten = self._unwritten.get(block_id)
        if unwritten is not None:
            return unwritten.raw
        found: bytes | None = self._database.one("SELECT raw FROM blocks WHERE id = ?", block_id)
        return found

    def irreversible_after(self, num: int, most: int) -> list[bytes]:
        """Return the bytes of the irreversible blocks above num, in order, at most that many."""
        query = "SELECT raw FROM blocks WHERE num > ? AND irreversible = 1 ORDER BY num LIMIT ?"
        return [row[0] for row in self._marked().rows(query, num, most)]

    def irreversible_below(self, num: int) -> Iterator[tuple[int, bytes]]:
        """Yield (number, bytes) of the irreversible blocks below num, the highest first."""
        query = "SELECT num, raw FROM blocks WHERE num < ? AND irreversible = 1 ORDER BY num DESC"
        yield from self._marked().rows(query, num)

    # ------------------------------------------------------------ inside

    def _gather(self, block: StoredBlock) -> None:
        self._gathered.blocks.append(block)
        if block.id not in self._unwritten:
            self._unwritten[block.id] = block
            self._unwritten_bytes += len(block.raw)

    def _is_full(self) -> bool:
        return len(self._unwritten) > UNWRITTEN_MAX or self._unwritten_bytes > UNWRITTEN_BYTES_MAX

    def _hand(self, batch: Batch) -> int:
        self._gathered = Batch()
        number = self._writer.hand(batch)
        self._underway.append((number, batch))
        return number

    def _forget_written(self) -> None:
        while self._underway and self._underway[0][0] <= self._writer.done:
            for block in self._underway.popleft()[1].blocks:
                if self._unwritten.pop(block.id, None) is not None:
                    self._unwritten_bytes -= len(block.raw)

    def _marked(self) -> Database:
        """Return the database once no final mark is underway: only a few milliseconds after one."""
        self._forget_written()
        if any(batch.final is not None for _, batch in self._underway):
            self._writer.wait()
        return self._database
