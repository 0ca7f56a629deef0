"""Before which other work the agent runs: always where it may, else at the moments that count."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

LOWEST = 1
"""Of real-time priorities: any other real-time process of the machine's owner comes first."""


def set_realtime(policy: int = os.SCHED_RR, priority: int = LOWEST) -> None:
    """Let this thread, and what it starts, run before all ordinary work, if it may.

    To be called before there are other threads: one of lower rank that holds the interpreter's lock
    would make the others wait for its turn.
    """
    if not rationed():
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, policy, os.sched_param(priority))


@contextlib.contextmanager
def at_the_moment() -> Iterator[None]:
    """Run the block, some hundred microseconds of work, before all ordinary work if that may be.

    For a thread that does not hurry always.
    """
    ordinary = os.sched_getscheduler(0) == os.SCHED_OTHER
    if ordinary:
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(LOWEST))
    try:
        yield
    finally:
        if ordinary:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def rationed(groups: Path = Path("/proc/self/cgroup")) -> bool:
    """Return whether real-time work of this process has a budget: one used up stops it for long.

    So it is in a cpu group of cgroup v1 below the root (sched-rt-group); v2 gives no such budget.
    """
    lines = [line.split(":", 2) for line in groups.read_text().splitlines()]
    return any("cpu" in names.split(",") and path != "/" for _, names, path in lines)
