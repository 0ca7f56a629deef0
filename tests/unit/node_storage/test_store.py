"""The store: what a commit promises, what survives a kill, what it refuses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from node.chain.model.watermark import Watermark
from node.storage.database import StoredBlock, StoreError
from node.storage.store import Store

CHAIN = b"c" * 32
ROOT = Path(__file__).parents[3]


def block(num: int, branch: str = "a", parent: str | None = None) -> StoredBlock:
    """Return a block named by branch and number, on the same branch unless parent says else."""
    return StoredBlock(
        num=num, id=f"{branch}{num}".encode(),
        previous=f"{parent or branch}{num - 1}".encode(), raw=f"raw {branch}{num}".encode(),
    )  # fmt: skip


def test_blocks_come_back_irreversible_first_parents_first(tmp_path: Path) -> None:
    store = Store(tmp_path, CHAIN)
    for item in (block(2), block(3), block(3, "b", "a"), block(4), block(5)):
        store.put(item)
    store.finalize(3, b"a3")
    store.close()
    again = Store(tmp_path, CHAIN)
    assert list(again.restore()) == [
        (b"raw a2", True), (b"raw a3", True), (b"raw a4", False), (b"raw a5", False),
    ]  # fmt: skip
    assert again.irreversible_id(3) == b"a3"
    assert again.irreversible_id(4) is None
    assert again.irreversible_num(b"a2") == 2
    assert again.irreversible_num(b"a4") is None
    assert again.raw(b"a5") == b"raw a5"
    assert again.raw(b"b3") is None
    assert again.irreversible_after(2, 10) == [b"raw a3"]
    again.close()


def test_a_snapshot_is_kept_and_the_blocks_above_it_come_back(tmp_path: Path) -> None:
    store = Store(tmp_path, CHAIN)
    assert store.snapshot() is None
    for num in range(2, 6):
        store.put(block(num))
    store.finalize(4, b"a4")
    store.keep_snapshot(iter([b"o", b"ne"]))
    store.keep_snapshot(iter([b"two"]))
    store.close()
    again = Store(tmp_path, CHAIN)
    assert again.snapshot() == b"two"
    assert list(again.restore(3)) == [(b"raw a4", True), (b"raw a5", False)]
    again.close()


def test_a_snapshot_goes_with_the_blocks_it_stands_on(tmp_path: Path) -> None:
    store = Store(tmp_path, CHAIN)
    store.keep_snapshot(iter([b"one"]))
    store.close()
    store.path.unlink()
    again = Store(tmp_path, CHAIN)
    assert again.snapshot() is None
    again.close()


def test_watermarks_never_go_down(tmp_path: Path) -> None:
    store = Store(tmp_path, CHAIN)
    store.put_own(block(2), Watermark(producer="producera", num=9, slot=50))
    store.put_own(block(3), Watermark(producer="producera", num=5, slot=60))
    assert store.watermarks() == {"producera": Watermark(producer="producera", num=9, slot=60)}
    store.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from node.chain.model.watermark import Watermark
from node.storage.database import StoredBlock
from node.storage.store import Store
store = Store(Path(sys.argv[1]), b"c" * 32)
def block(num): return StoredBlock(num=num, id=b"a%d" % num, previous=b"a%d" % (num - 1), raw=b"r")
store.put(block(2))
store.put_own(block(3), Watermark(producer="producera", num=3, slot=7))
store.put(block(4))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_an_own_block_and_its_watermark_survive_a_kill_at_once(tmp_path: Path) -> None:
    words = [sys.executable, "-c", KILLED, str(tmp_path)]
    done = subprocess.run(words, check=False, cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    store = Store(tmp_path, CHAIN)
    assert store.raw(b"a2") == b"r"
    assert store.raw(b"a3") == b"r"
    assert store.raw(b"a4") is None
    assert store.watermarks() == {"producera": Watermark(producer="producera", num=3, slot=7)}
    store.close()


def test_a_store_in_use_is_refused(tmp_path: Path) -> None:
    held = Store(tmp_path, CHAIN)
    with pytest.raises(StoreError, match=r"chain\.sqlite: in use by another process"):
        Store(tmp_path, CHAIN)
    held.close()


def test_a_file_in_the_way_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"Not a directory|File exists"):
        Store(tmp_path / "file" / "chain", CHAIN)


def test_something_else_than_a_store_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "chain.sqlite").write_bytes(b"not a database, rather long" * 100)
    with pytest.raises(StoreError, match="file is not a database"):
        Store(tmp_path, CHAIN)


def test_a_disk_that_takes_no_writes_is_one_clear_error_though_open_files_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path, CHAIN)
    store.commit()
    found = list(os.statvfs(tmp_path))
    found[8] |= os.ST_RDONLY
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(found))
    with pytest.raises(StoreError, match=rf"{tmp_path}: Read-only file system"):
        store.commit()


def test_a_full_disk_is_one_clear_error_and_costs_nothing_that_was_durable(tmp_path: Path) -> None:
    store = Store(tmp_path, CHAIN)
    store.put_own(block(2), Watermark(producer="producera", num=2, slot=7))
    store._database._writer.execute(
        "PRAGMA max_page_count = 1"
    )  # SQLite's own limit: what is there, no more
    big = StoredBlock(num=3, id=b"a3", previous=b"a2", raw=bytes(1 << 20))
    with pytest.raises(StoreError, match=r"chain\.sqlite: database or disk is full"):
        store.put_own(big, Watermark(producer="producera", num=3, slot=8))
    store.close()
    again = Store(tmp_path, CHAIN)
    assert again.watermarks() == {"producera": Watermark(producer="producera", num=2, slot=7)}
    assert again.raw(b"a3") is None
    again.close()
