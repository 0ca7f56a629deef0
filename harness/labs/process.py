"""Processes of a lab: started behind a gate, told apart by start time, killed one by one."""

import contextlib
import errno
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from harness.errors import LabError
from harness.labs.state import ProcessId

EXIT_DEADLINE_S = 10.0


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
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return None
    return ProcessId(pid, int(fields[19]))


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
    try:
        text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ()
    found = (identify(int(word)) for word in text.split())
    return tuple(child for child in found if child is not None)


def start_gated(words: Sequence[str], *, log: Path) -> tuple[ProcessId, int]:
    """Return a process in its own session, and the gate that it waits at.

    The program must read one line from its standard input before it does anything: `open_gate`
    writes it. If this process dies first the gate closes and the program ends, so no unrecorded
    host can come to life.
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
    process = identify(pid)
    if process is None:
        os.close(gate_in)
        raise LabError(f"{words[0]} ended at once; see {log}")
    return process, gate_in


def open_gate(gate: int) -> None:
    """Let the process behind the gate run."""
    try:
        os.write(gate, b"go\n")
    finally:
        os.close(gate)


def start_recorded(words: Sequence[str], *, log: Path, record: Callable[[ProcessId], None]) -> None:
    """Start a program that waits at its gate; record is called with it before it may go on."""
    started, gate = start_gated(words, log=log)
    try:
        record(started)
    except BaseException:
        os.close(gate)
        raise
    open_gate(gate)


def kill(processes: Iterable[ProcessId]) -> None:
    """Kill every one of those very processes and wait until they are gone.

    Raises:
        LabError: one of them survives SIGKILL for 10 seconds.
    """
    waiting = [process for process in processes if is_alive(process)]
    for process in waiting:
        _send(process, signal.SIGKILL)
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
    try:
        text = Path(f"/proc/{process.pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return text.rpartition(")")[2].split()[0] if is_alive(process) else ""


def go_on(process: ProcessId) -> None:
    """Tell that very process to run on."""
    _send(process, signal.SIGCONT)


def stop(process: ProcessId) -> None:
    """Tell that very process to stop where it is; it can still be killed."""
    _send(process, signal.SIGSTOP)


def _send(process: ProcessId, number: signal.Signals) -> None:
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
