"""Carries recipes out: runs commands, writes the skew file, moves the clock, and says between which
moments it happened.
"""

import contextlib
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from faults.host.boottime import boottime_ns
from faults.host.clock import host_clock
from faults.host.clock.skew_file import write_skew
from faults.model.fault import Command, MoveClock, RestoreClock, SetSkew, Step

TIMEOUT_S = 10.0
PIPE_BYTES = 32 * 1024
"""A longer input may not fit into a pipe (64 KiB) that nobody reads yet."""
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The steps ran between before_ns and after_ns (boot time); error is "" or the first
    failure.
    """

    before_ns: int
    after_ns: int
    error: str = ""


def run(steps: tuple[Step, ...]) -> Outcome:
    """Return the outcome of the steps, in order; the first failure that may not be stops them."""
    before_ns = boottime_ns()
    for step in steps:
        error = _step(step)
        if error:
            return Outcome(before_ns, boottime_ns(), error)
    return Outcome(before_ns, boottime_ns())


class Loaded:
    """One command that runs already and waits for its input: fired, it costs a write and no start.

    Nothing happens if it is never fired: at the end of its input it goes.
    """

    def __init__(self, command: Command) -> None:
        self._command = command
        self._pulled_ns: int | None = None
        self._process = subprocess.Popen(
            command.words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, env=environment(),
        )  # fmt: skip

    def pull(self) -> None:
        """Set the command to work, at once: no thread need wake before it."""
        pipe = self._process.stdin
        if pipe is None or len(self._command.stdin) > PIPE_BYTES:
            return
        self._pulled_ns = boottime_ns()
        with contextlib.suppress(OSError):  # its exit status says what it did not get
            pipe.write(self._command.stdin)
            pipe.close()
        self._process.stdin = None

    @property
    def pulled(self) -> bool:
        """Return whether the command is at work or has been."""
        return self._pulled_ns is not None

    def fire(self) -> Outcome:
        """Return the outcome once the command has had its input and ended."""
        before_ns = self._pulled_ns or boottime_ns()
        error = self._end(None if self.pulled else self._command.stdin)
        return Outcome(before_ns, boottime_ns(), error)

    def drop(self) -> None:
        """End the command without it having done anything."""
        self._end("")

    def _end(self, text: str | None) -> str:
        try:
            _, said = self._process.communicate(text, timeout=self._command.timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            return _failure(self._command, f"no answer within {self._command.timeout_s:g} s")
        return _failure(self._command, said) if self._process.returncode else ""


def load(steps: tuple[Step, ...]) -> Loaded | None:
    """Return the steps as one command that waits for its input; None when they are not such."""
    match steps:
        case (Command(("nft", text)) as short,):
            command = replace(short, words=("nft", "-f", "-"), stdin=f"{text}\n")
        case (Command(words, stdin=stdin) as command,) if stdin and words[-1] == "-":
            pass
        case _:
            return None
    try:
        return Loaded(command)
    except OSError:
        return None


def output(words: tuple[str, ...], timeout_s: float = TIMEOUT_S) -> tuple[int, str, str]:
    """Return exit status, standard output and error of a command; 127 when it is not installed."""
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, errors="replace", timeout=timeout_s,
            check=False, env=environment(),
        )  # fmt: skip
    except FileNotFoundError:
        return 127, "", f"{words[0]}: not installed"
    except subprocess.TimeoutExpired:
        return 124, "", f"{words[0]}: no answer within {timeout_s:g} s"
    return done.returncode, done.stdout, done.stderr


def environment() -> dict[str, str]:
    """Return the environment commands run in: system tools only, no locale."""
    return _ENVIRONMENT | {k: v for k, v in os.environ.items() if k == "SYSTEMD_BUS_TIMEOUT"}


def _step(step: Step) -> str:
    match step:
        case SetSkew(path, offset_ns, drift_ppb):
            try:
                write_skew(path, offset_ns, drift_ppb)
            except OSError as error:
                return f"{path}: {error.strerror}"
            return ""
        case MoveClock(marker, by_ns, by_ppb):
            return _clock(partial(host_clock.move, marker, by_ns, by_ppb))
        case RestoreClock(marker):
            return _clock(partial(host_clock.restore, marker))
        case Command():
            return _command(step)


def _clock(action: Callable[[], None]) -> str:
    try:
        action()
    except OSError as error:
        return f"clock: {error.filename}: {error.strerror}"
    return ""


def _command(command: Command) -> str:
    try:
        done = subprocess.run(
            command.words,
            input=command.stdin,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=command.timeout_s,
            check=False,
            env=environment(),
        )
    except FileNotFoundError:
        error = "not installed"
    except subprocess.TimeoutExpired:
        error = f"no answer within {command.timeout_s:g} s"
    else:
        if done.returncode == 0:
            return ""
        error = done.stderr
    return _failure(command, error)


def _failure(command: Command, said: str) -> str:
    """Return the first line of what a failed command said, "" when it may fail."""
    error = said.strip().splitlines()[0][:200] if said.strip() else "failed"
    return "" if command.may_fail else f"{command.words[0]}: {error}"
