"""Carries recipes out: runs commands, writes the skew file, moves the clock, and says between which
moments it happened.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from faults import host_clock
from faults.boottime import boottime_ns
from faults.clock import write_skew
from faults.fault import Command, MoveClock, RestoreClock, SetSkew, Step

TIMEOUT_S = 10.0
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


def output(words: tuple[str, ...], timeout_s: float = TIMEOUT_S) -> tuple[int, str, str]:
    """Return exit status, standard output and error of a command; 127 when it is not installed."""
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=timeout_s, check=False, env=environment()
        )
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
        error = done.stderr.strip().splitlines()[0][:200] if done.stderr.strip() else "failed"
    return "" if command.may_fail else f"{command.words[0]}: {error}"
