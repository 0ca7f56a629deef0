"""The queues of this controller, one a lab, as files: what waits, runs and has ended.

A folder `queues/<lab>/<n>` for each entry, numbered through all queues: `entry.json`, the campaign
as it was when it was added, and `log`, what its drivers said. Entries change under one lock, and
each file is whole at any moment, also after a loss of power.
"""

import contextlib
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from harness.controller import store
from harness.controller.file_lock import held
from harness.controller.state_dir import state_home, write_private
from harness.errors import EXIT_STOPPED, LockError, StoreError, UsageError
from harness.labs.process import ProcessId, is_alive, this_process
from harness.unattended.entry import OVER, Entry

KEPT = 50
"""Entries of a queue that are kept when they are over."""
CHANGE_S = 20.0
WORKER_S = 5.0
ENTRY, LOG = "entry.json", "log"


@dataclass(frozen=True, slots=True)
class Queue:
    """The queue of one lab, by its folder."""

    path: Path

    @property
    def name(self) -> str:
        """Return the lab's name in the names of files and units."""
        return self.path.name

    def entries(self) -> list[Entry]:
        """Return all entries that are kept, oldest first.

        Raises:
            StoreError: one cannot be read.
        """
        numbers = sorted(int(p.parent.name) for p in self.path.glob(f"[0-9]*/{ENTRY}"))
        return [self.entry(n) for n in numbers]

    def entry(self, n: int) -> Entry:
        """Return one entry as it is now.

        Raises:
            StoreError: it cannot be read.
        """
        path = self.path / str(n) / ENTRY
        try:
            return msgspec.json.decode(path.read_bytes(), type=Entry)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise StoreError(f"{path}: cannot be read: {error}; remove {path.parent}") from error

    def log(self, n: int) -> Path:
        """Return the file of what the drivers of an entry said."""
        return self.path / str(n) / LOG

    def add(self, wished: Sequence[tuple[Entry, Mapping[str, str]]]) -> list[Entry]:
        """Return new entries at the queue's end, each with its campaign's files, if it has one.

        What is over for long is forgotten.
        """
        with changing():
            first = 1 + max((each.n for queue in every() for each in queue.entries()), default=0)
            for old in [each for each in self.entries() if each.state in OVER][:-KEPT]:
                shutil.rmtree(self.path / str(old.n))
            return [
                self._added(msgspec.structs.replace(entry, n=first + i, batch=first), files)
                for i, (entry, files) in enumerate(wished)
            ]

    def _added(self, entry: Entry, files: Mapping[str, str]) -> Entry:
        folder = self.path / str(entry.n)
        folder.mkdir(parents=True, mode=0o700)
        for name, text in files.items():
            write_private(folder / name, text.encode())
        if files:
            file = folder / f"{entry.campaign}.yml"
            entry = msgspec.structs.replace(entry, file=str(file))
        self.log(entry.n).touch(mode=0o600)
        self._write(entry)
        return entry

    def change(self, n: int, **fields: Any) -> Entry:
        """Return an entry with other values of these fields."""
        with changing():
            entry = msgspec.structs.replace(self.entry(n), **fields)
            self._write(entry)
        return entry

    def _write(self, entry: Entry) -> None:
        data = msgspec.json.format(msgspec.json.encode(entry), indent=1) + b"\n"
        write_private(self.path / str(entry.n) / ENTRY, data)

    def cancel(self, n: int, why: str) -> Entry:
        """Return an entry that waits as cancelled, and one that is run as one that shall end."""
        with changing():
            entry = self.entry(n)
            if entry.state == "waiting":
                changes = {"state": "cancelled", "status": EXIT_STOPPED, "why": why}
            else:
                changes = {"cancel": entry.state == "running"}
            entry = msgspec.structs.replace(entry, **changes)
            self._write(entry)
        return entry

    def begin(self, none: Callable[[], None]) -> Entry | None:
        """Return the entry that is run from now on, and know its run from now on.

        none: called where there is none, while nobody can add one.
        """
        with changing():
            entry = self.next()
            if entry is None:
                none()
                return None
            run = entry.run or str(Path(entry.runs) / entry.campaign / store.new_name())
            entry = msgspec.structs.replace(entry, state="running", run=run)
            self._write(entry)
        return entry

    def next(self) -> Entry | None:
        """Return what is to be run now: what was begun before, else what waits longest."""
        left = [each for each in self.entries() if each.state not in OVER]
        return min(left, key=lambda each: (each.state != "running", each.n), default=None)

    @contextlib.contextmanager
    def worked(self) -> Iterator[None]:
        """Hold the queue while the block runs: nobody else works it through.

        Raises:
            LockError: somebody does.
        """
        busy = LockError(f"{self.path}: another process works it through")
        with held(self._worker, WORKER_S, lambda: busy) as file:
            file.write(msgspec.json.encode(this_process()).decode())
            file.flush()
            yield

    @property
    def is_worked(self) -> bool:
        """Return whether a process works the queue through."""
        try:
            return is_alive(msgspec.json.decode(self._worker.read_bytes(), type=ProcessId))
        except (OSError, msgspec.MsgspecError):
            return False

    @property
    def _worker(self) -> Path:
        return self.path / "worker.lock"


@contextlib.contextmanager
def changing() -> Iterator[None]:
    """Hold all queues while the block runs: nobody else adds, changes or ends any.

    Raises:
        LockError: somebody has held them for long.
    """
    busy = LockError(f"{_root()}: another process changes the queues: try again")
    with held(_root() / "change.lock", CHANGE_S, lambda: busy):
        yield


def of_lab(lab_id: str) -> Queue:
    """Return the queue of a lab, which need not have one yet."""
    safe = re.sub(r"[^A-Za-z0-9_-]", "-", lab_id)
    return Queue(_root() / safe[-60:])


def every() -> list[Queue]:
    """Return all queues that have had an entry."""
    return [Queue(path) for path in sorted(_root().glob("*")) if path.is_dir()]


def numbered(n: int) -> tuple[Queue, Entry]:
    """Return the entry of that number, and its queue.

    Raises:
        UsageError: there is none.
    """
    for queue in every():
        if (queue.path / str(n) / ENTRY).exists():
            return queue, queue.entry(n)
    raise UsageError(f"{n}: no entry of a queue has that number; see `slotlab queue list`")


def of_run(name: str, runs: Path) -> tuple[Queue, Entry]:
    """Return the entry whose run is meant, by `store.find`; "": what runs, else what ran last.

    Raises:
        UsageError: there is none.
    """
    found = [(queue, entry) for queue in every() for entry in queue.entries()]
    if name:
        path = str(store.find(name, runs).path)
        found = [(queue, entry) for queue, entry in found if entry.run == path]
    if not found:
        raise UsageError(
            f"{name}: it was not handed over; `slotlab run --resume {name} --detach` does that"
            if name
            else "nothing was handed over; `slotlab run CAMPAIGN --detach` does that"
        )
    order = {"running": 2, "waiting": 0}
    return max(found, key=lambda each: (order.get(each[1].state, 1), each[1].n))


def by_run() -> dict[str, tuple[Queue, Entry]]:
    """Return what was handed over, by the folder of its run."""
    return {e.run: (queue, e) for queue in every() for e in queue.entries() if e.run}


def _root() -> Path:
    return state_home() / "queues"
