"""Processes of a lab: started behind a gate, told apart by start time, killed one by one."""

import contextlib
import errno
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from harness.errors import LabError

EXIT_DEADLINE_S = 10.0


class ProcessId(msgspec.Struct, frozen=True):
    """A process, told from a later one of the same pid by its start time (clock ticks)."""

    pid: int
    start_ticks: int


def run(words: Sequence[str], *, stdin: str | None = None, within_s: float = 60) -> str:
    """Return what a short command printed.

    Raises:
        LabError: the command failed; its last line of complaint is in the message.
    """
    result = subprocess.run(
        words, input=stdin, capture_output=True, text=True, check=False, timeout=within_s
    )
    if result.returncode != 0:
        complaint = (result.stderr.strip() or result.stdout.strip() or "no output").splitlines()
        raise LabError(f"{' '.join(words[:6])}: {complaint[-1]}")
    return result.stdout


def identify(pid: int) -> ProcessId | None:
    """Return the live process of that pid, or None if there is none (or only its zombie)."""
    fields = _stat(pid)
    return ProcessId(pid, int(fields[19])) if fields and fields[0] not in "ZX" else None


def _stat(pid: int) -> list[str]:
    """Return what the kernel says of a process from its state on, nothing where there is none."""
    return _read(f"/proc/{pid}/stat").rpartition(")")[2].split()


def _read(path: str) -> str:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(path).read_text()
    return ""


def this_process() -> ProcessId:
    """Return this process."""
    process = identify(os.getpid())
    assert process is not None
    return process


def is_alive(process: ProcessId | None) -> bool:
    """Return whether that very process still runs."""
    return process is not None and identify(process.pid) == process


def children(process: ProcessId) -> tuple[ProcessId, ...]:
    """Return the live direct children of process."""
    text = _read(f"/proc/{process.pid}/task/{process.pid}/children")
    found = (identify(int(word)) for word in text.split())
    return tuple(child for child in found if child is not None)


def start_recorded(words: Sequence[str], *, log: Path, record: Callable[[ProcessId], None]) -> None:
    """Start a program in a session of its own; record is called before it may do anything.

    The program must read one line from its standard input first: that is the gate. If it is not
    recorded, or this process dies before that, the gate closes and the program ends, so no
    unrecorded host can come to life.
    """
    gate_out, gate_in = os.pipe2(os.O_CLOEXEC)
    console = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        pid = os.posix_spawnp(
            words[0],
            list(words),
            {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, gate_out, 0),
                (os.POSIX_SPAWN_DUP2, console, 1),
                (os.POSIX_SPAWN_DUP2, console, 2),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=(signal.SIGINT, signal.SIGPIPE, signal.SIGTERM, signal.SIGHUP),
        )
    finally:
        os.close(gate_out)
        os.close(console)
    try:
        process = identify(pid)
        if process is None:
            raise LabError(f"{words[0]} ended at once; see {log}")
        record(process)
        os.write(gate_in, b"go\n")
    finally:
        os.close(gate_in)


def kill(processes: Iterable[ProcessId]) -> None:
    """Kill every one of those very processes and wait until they are gone.

    Raises:
        LabError: one of them survives SIGKILL for 10 seconds.
    """
    waiting = [process for process in processes if is_alive(process)]
    for process in waiting:
        send(process, signal.SIGKILL)
    deadline = time.monotonic() + EXIT_DEADLINE_S
    while waiting := [process for process in waiting if _still_there(process)]:
        if time.monotonic() > deadline:
            pids = ", ".join(str(process.pid) for process in waiting)
            raise LabError(f"processes {pids} do not end after SIGKILL: look at them with ps")
        time.sleep(0.01)


def descendants(process: ProcessId) -> tuple[ProcessId, ...]:
    """Return every live process below process, parents first."""
    found: list[ProcessId] = []
    fresh = list(children(process))
    while fresh:
        found += fresh
        fresh = [child for parent in fresh for child in children(parent)]
    return tuple(found)


def letter(process: ProcessId) -> str:
    """Return the state of that very process as ps shows it (T: stopped), "" if it is not there."""
    fields = _stat(process.pid)
    return fields[0] if fields and is_alive(process) else ""


def send(process: ProcessId, number: signal.Signals) -> None:
    """Send a signal to that very process, if it is still there."""
    try:
        handle = os.pidfd_open(process.pid)
    except OSError as error:
        if error.errno == errno.ESRCH:
            return
        raise
    try:
        # The handle pins the process, so the start time read now is the one that is signalled.
        if is_alive(process):
            signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        pass
    finally:
        os.close(handle)


def _still_there(process: ProcessId) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)
    return is_alive(process)
