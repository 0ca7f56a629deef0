"""Works a queue through, one campaign after another; each is run by a driver, `slotlab run`.

A driver that ends without a report, however it ended, is followed by another that goes on with its
run: after seconds where a trial more was sealed meanwhile, else after longer and longer pauses,
and not for ever. What a process that is gone has begun is gone on with by the next.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from harness.errors import EXIT_BY_VERDICT, EXIT_LAB, EXIT_OK, EXIT_OPERATOR, EXIT_STOPPED
from harness.unattended import notice
from harness.unattended.entry import Entry, State
from harness.unattended.queue import Queue
from metrics.model.run_folder import SEAL, load_json

PAUSES_S = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 600.0)
"""Before another driver, after so many that sealed no trial: a rack has the time to boot."""
POLL_S = 0.2
NO_PROGRAM = 127
TAIL_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How an entry ended."""

    state: State = "ended"
    status: int
    verdict: str = ""
    why: str = ""


def work(queue: Queue, *, last: Callable[[], None], pauses_s: Sequence[float] = PAUSES_S) -> bool:
    """Carry out all entries of a queue, and return whether none is left (else: told to stop).

    SIGTERM tells: the driver heals, collects and ends, and its entry is gone on with later.
    last: called while nobody can add an entry, as there is none.

    Raises:
        LockError: another process works the queue through.
    """
    halt = threading.Event()

    def halted(number: int, frame: FrameType | None) -> None:
        halt.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, halted)
    with ExitStack() as ours:
        ours.enter_context(queue.worked())

        def none() -> None:
            last()
            ours.close()  # who adds an entry from now on finds no worker

        while not halt.is_set():
            entry = queue.begin(none)
            if entry is None:
                return True
            Errand(queue, entry.n, halt, pauses_s).carry_out(entry)
    return False


@dataclass(frozen=True, slots=True)
class Errand:
    """One entry while it is carried out; halt: leave it as it is, for later."""

    queue: Queue
    n: int
    halt: threading.Event
    pauses_s: Sequence[float]

    def carry_out(self, entry: Entry) -> None:
        """Run drivers until the entry has ended or is cancelled, and tell of it; or until halt."""
        while not self.halt.is_set():
            ended = _cancelled() if entry.cancel else self._driven(entry)
            if ended is not None:
                self._end(ended)
                return
            entry = self._paused()

    def _driven(self, entry: Entry) -> Ended | None:
        """Run one driver; return how the entry ended by that, None where it did not."""
        before = _stamp(entry)
        status = self._drive(entry)
        if self.halt.is_set():
            return None
        entry = self.queue.entry(self.n)
        reported = _stamp(entry) != before or status in (EXIT_OK, EXIT_BY_VERDICT["fail"])
        verdict = _verdict(entry) if reported else ""
        if entry.cancel:
            return _cancelled(verdict)
        if status == EXIT_OPERATOR:
            return Ended(status=EXIT_OPERATOR, why=self._last_words())
        if verdict:
            return Ended(status=EXIT_BY_VERDICT.get(verdict, EXIT_LAB), verdict=verdict)
        return self._tried(entry, status)

    def _drive(self, entry: Entry) -> int:
        """Return the exit status of a driver, negative where a signal ended it."""
        words = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-P", "-m", "harness"]
        try:
            with self.queue.log(self.n).open("ab") as log:
                driver = subprocess.Popen(
                    [*words, *entry.words()], cwd=entry.folder,
                    env=os.environ | entry.environment,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                )  # fmt: skip
        except OSError as error:
            self._say(f"no driver: {error.filename}: {error.strerror}")
            return NO_PROGRAM
        told = False
        while True:
            try:
                return driver.wait(POLL_S)
            except subprocess.TimeoutExpired:
                if not told and (self.halt.is_set() or self.queue.entry(self.n).cancel):
                    driver.terminate()
                    told = True

    def _tried(self, entry: Entry, status: int) -> Ended | None:
        """Note a driver that ended without a report; return the end after too many in vain."""
        sealed = sum(1 for _ in Path(entry.run).glob(f"trials/*/{SEAL}"))
        tries = 1 + (entry.tries if sealed <= entry.sealed else 0)
        self.queue.change(self.n, tries=tries, sealed=sealed)
        how = f"by {signal.Signals(-status).name}" if status < 0 else f"with exit status {status}"
        if tries > len(self.pauses_s):
            why = f"{tries} drivers ended without a report, the last {how}: {self._last_words()}"
            return Ended(status=EXIT_LAB, why=why)
        self._say(
            f"the driver ended {how}, without a report; another goes on in"
            f" {self.pauses_s[tries - 1]:g} s"
        )
        return None

    def _paused(self) -> Entry:
        """Return the entry after the pause that is due, or as soon as it is cancelled."""
        entry = self.queue.entry(self.n)
        left_s = self.pauses_s[entry.tries - 1] if entry.tries else 0.0
        while left_s > 0 and not entry.cancel and not self.halt.wait(min(POLL_S, left_s)):
            left_s -= POLL_S
            entry = self.queue.entry(self.n)
        return entry

    def _end(self, ended: Ended) -> None:
        """Tell who asked for it, and note the end: in this order, so that none is kept silent."""
        entry = self.queue.entry(self.n)
        if entry.notify:
            problem = notice.tell(
                entry.notify, run=entry.run, status=ended.status, verdict=ended.verdict,
                folder=entry.folder, environment=entry.environment, log=self.queue.log(self.n),
            )  # fmt: skip
            if problem:
                self._say(problem)
        self.queue.change(
            self.n, state=ended.state, status=ended.status, verdict=ended.verdict, why=ended.why
        )
        if ended.status != EXIT_OK and entry.stop_on_failure:
            self._stop_batch(entry)

    def _stop_batch(self, failed: Entry) -> None:
        for each in self.queue.entries():
            if each.batch == failed.batch and each.state == "waiting":
                self.queue.cancel(
                    each.n, f"entry {failed.n} failed, and --stop-on-failure was given"
                )

    def _say(self, text: str) -> None:
        with self.queue.log(self.n).open("a") as log:
            log.write(f"unattended: {text}\n")

    def _last_words(self) -> str:
        """Return the last line that a driver said."""
        with self.queue.log(self.n).open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - TAIL_BYTES))
            lines = log.read().decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else "it said nothing"


def _cancelled(verdict: str = "") -> Ended:
    why = "cancelled by the operator"
    return Ended(state="cancelled", status=EXIT_STOPPED, verdict=verdict, why=why)


def _stamp(entry: Entry) -> tuple[int, int] | None:
    """Return what tells one summary of a run from another, None where there is none."""
    try:
        found = (Path(entry.run) / "summary.json").stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def _verdict(entry: Entry) -> str:
    summary = load_json(Path(entry.run) / "summary.json")
    return str(summary.get("verdict", "")) if isinstance(summary, dict) else ""
