"""The thread that writes: in order, bounded, failing aloud; and what is told while it is behind."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.chain.model.watermark import Watermark
from node.storage import snapshot_file, store
from node.storage.database import Batch, Database, StoreError
from node.storage.store import Store
from node.storage.writer import Writer
from tests.unit.node_storage.test_store import CHAIN, ROOT, block
from tests.waiting import wait_until

MARK = Watermark(producer="producera", num=9, slot=9)


class Disk:
    """Takes batches, or long work, only while it is open; written: what it took, in order."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.asked = threading.Event()
        self.written: list[object] = []
        self.woken: list[Callable[[], None]] = []
        self.writer = Writer(self.write, wake=self.woken.append, settle=lambda: None)

    def write(self, batches: Sequence[Batch]) -> None:
        self.asked.set()
        self.open.wait()
        self.written += [batch.final for batch in batches]

    def work(self, name: str, slices: int) -> Iterator[None]:
        for number in range(slices):
            self.written.append((name, number))
            yield


@contextmanager
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Let no batch reach a database until the event that is yielded is set."""
    lets, write = threading.Event(), Database.write

    def later(self: Database, batches: Sequence[Batch]) -> None:
        lets.wait()
        write(self, batches)

    with monkeypatch.context() as patch:
        patch.setattr(Database, "write", later)
        yield lets
        lets.set()


def final(num: int) -> Batch:
    return Batch(final=(num, b"a%d" % num))


def test_what_was_handed_over_is_done_in_that_order_and_final_marks_wake_the_owner() -> None:
    disk = Disk()
    disk.writer.hand(final(1))
    disk.asked.wait()
    disk.writer.hand(Batch(blocks=[block(2)]))
    disk.writer.hand(final(3))
    assert (disk.writer.done, disk.written, disk.woken) == (0, [], [])
    disk.open.set()
    disk.writer.wait()
    assert disk.written == [(1, b"a1"), None, (3, b"a3")]
    disk.writer.close()
    assert (disk.writer.done, len(disk.woken)) == (3, 2)


def test_long_work_comes_after_what_was_before_it_and_lets_batches_through() -> None:
    disk = Disk()
    between = threading.Event()

    def work() -> Iterator[None]:
        disk.written.append("begun")
        yield
        between.wait()
        yield
        disk.written.append("over")

    disk.writer.hand(final(1))
    disk.writer.work(work())
    assert disk.writer.works
    disk.open.set()
    wait_until(lambda: "begun" in disk.written, "long work begins")
    disk.writer.hand(final(2))
    between.set()
    disk.writer.wait()
    disk.writer.work(disk.work("second", 3))
    disk.writer.close()
    assert [each for each in disk.written if each != "over"] == [
        (1, b"a1"), "begun", (2, b"a2"), *[("second", number) for number in range(3)],
    ]  # fmt: skip
    assert not disk.writer.works


@pytest.mark.parametrize("how", ["batch", "long work"])
def test_a_failure_in_the_thread_wakes_the_owner_and_is_raised_from_then_on(how: str) -> None:
    def fail(_batches: Sequence[Batch]) -> None:
        raise StoreError("the disk is full")

    def failing() -> Iterator[None]:
        yield
        raise StoreError("the disk is full")

    woken: list[Callable[[], None]] = []
    writer = Writer(fail, wake=woken.append, settle=lambda: writer.check())
    if how == "batch":
        writer.hand(final(1))
    else:
        writer.work(failing())
    wait_until(lambda: bool(woken), "the owner is woken")
    for refused in (woken[0], lambda: writer.hand(final(2)), writer.wait):
        with pytest.raises(StoreError, match="the disk is full"):
            refused()
    writer.close()  # Told already.


def test_an_own_block_waits_for_all_that_was_put_before(tmp_path: Path) -> None:
    kept = Store(tmp_path, CHAIN)
    for num in (2, 3, 4):
        kept.put(block(num))
    kept.finalize(3, b"a3")
    kept.put(block(5))
    kept.put_own(block(6), MARK)
    # What the other connection sees is what is durable.
    assert list(kept.restore()) == [
        (b"raw a2", True), (b"raw a3", True),
        (b"raw a4", False), (b"raw a5", False), (b"raw a6", False),
    ]  # fmt: skip
    assert kept.watermarks() == {"producera": MARK}
    kept.close()


def test_blocks_are_told_before_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with slow(monkeypatch) as lets:
        kept = Store(tmp_path, CHAIN)
        kept.put(block(2))
        kept.commit()
        kept.put(block(3))
        assert list(kept.restore()) == []
        assert [kept.raw(b"a2"), kept.raw(b"a3"), kept.raw(b"a4")] == [b"raw a2", b"raw a3", None]
        lets.set()
        kept.sync()
        assert not kept._unwritten
        assert [kept.raw(b"a2"), kept.raw(b"a3"), kept.raw(b"a4")] == [b"raw a2", b"raw a3", None]
        kept.close()


def test_what_is_irreversible_is_told_as_it_will_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    with slow(monkeypatch) as lets:
        kept = Store(tmp_path, CHAIN)
        for num in (2, 3, 4):
            kept.put(block(num))
        kept.finalize(3, b"a3", then=lambda: told.append("final"))
        kept.settle()
        assert told == []
        threading.Timer(0.05, lets.set).start()
        assert kept.irreversible_id(3) == b"a3"  # It waited for the disk.
        assert kept.irreversible_num(b"a4") is None
        assert kept.irreversible_after(1, 9) == [b"raw a2", b"raw a3"]
        kept.settle()
        kept.settle()
        assert told == ["final"]
        kept.close()


@pytest.mark.parametrize("bound", ["UNWRITTEN_MAX", "UNWRITTEN_BYTES_MAX"])
def test_a_chain_that_is_too_far_ahead_of_its_disk_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    most = 20
    monkeypatch.setattr(store, bound, most if bound == "UNWRITTEN_MAX" else most * len("raw a10"))
    kept, seen = Store(tmp_path, CHAIN), []
    for num in range(10, 99):
        kept.put(block(num))
        seen.append(len(kept._unwritten))
    assert max(seen) == most
    kept.close()
    assert len(list(Store(tmp_path, CHAIN).restore())) == 89


def test_a_store_whose_thread_failed_says_so_to_whoever_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[Callable[[], None]] = []

    def fail(self: Database, batches: Sequence[Batch]) -> None:
        raise StoreError(f"{self.path}: disk I/O error")

    monkeypatch.setattr(Database, "write", fail)
    kept = Store(tmp_path, CHAIN, wake=woken.append)
    kept.put(block(2))
    kept.commit()
    wait_until(lambda: bool(woken), "the owner is woken")
    for refused in (woken[0], lambda: kept.put_own(block(3), MARK), kept.sync):
        with pytest.raises(StoreError, match=r"chain\.sqlite: disk I/O error"):
            refused()


def test_a_snapshot_that_was_not_finished_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "chain.snapshot"
    assert list(snapshot_file.write(path, iter([b"old"]))) == [None]
    unfinished = snapshot_file.write(path, iter([b"new", b"er"]))
    next(unfinished)
    assert snapshot_file.read(path) == b"old"
    assert list(snapshot_file.write(path, iter([b"ne", b"west"]))) == [None, None]
    assert snapshot_file.read(path) == b"newest"


def test_a_snapshot_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"chain\.snapshot: No such file or directory"):
        next(snapshot_file.write(tmp_path / "gone" / "chain.snapshot", iter([b"x"])))


KILLED = """
import os, signal, sys, threading
from pathlib import Path
from node.chain.model.watermark import Watermark
from node.storage.database import StoredBlock
from node.storage.store import Store
store, last = Store(Path(sys.argv[1]), b"c" * 32), int(sys.argv[2])
def block(num):
    return StoredBlock(num=num, id=b"a%d" % num, previous=b"a%d" % (num - 1), raw=bytes(2000))
def told(num):
    print("final", num, flush=True)
store.put(block(1))
for num in range(2, 10**6):
    if num % 3:
        store.put(block(num))
    else:
        store.put_own(block(num), Watermark(producer="producera", num=num, slot=num))
        print("own", num, flush=True)
    if num % 4 == 0:
        store.finalize(num - 2, b"a%d" % (num - 2), then=lambda num=num - 2: told(num))
        store.keep_snapshot(iter([b"%d" % (num - 2)] * 9))
    store.settle()
    if num == last:
        threading.Timer(0.0005, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
"""


@settings(deadline=None, max_examples=8)
@given(last=st.integers(2, 40))
def test_a_kill_at_any_moment_leaves_what_was_told_and_a_store_that_restores(
    tmp_path_factory: pytest.TempPathFactory, last: int
) -> None:
    folder = tmp_path_factory.mktemp("killed")
    words = [sys.executable, "-c", KILLED, str(folder), str(last)]
    done = subprocess.run(words, check=False, cwd=ROOT, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    # The last line may have been cut off by the kill, or half of another thread's stand in it.
    lines = re.findall(r"^(own|final) (\d+)$", done.stdout.decode(), re.MULTILINE)
    own = max((int(num) for kind, num in lines if kind == "own"), default=0)
    final_num = max((int(num) for kind, num in lines if kind == "final"), default=0)
    kept = Store(folder, CHAIN)
    flags = [irreversible for _, irreversible in kept.restore()]
    assert len(flags) >= own
    assert flags == sorted(flags, reverse=True)
    assert sum(flags) >= final_num
    mark = kept.watermarks().get("producera")
    assert (0 if mark is None else mark.num) >= own
    snapshot = kept.snapshot()
    if snapshot is not None:
        num = snapshot[: len(snapshot) // 9]
        assert snapshot == num * 9
        assert sum(flags) >= int(num)
    kept.close()
