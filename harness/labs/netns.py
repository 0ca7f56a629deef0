"""Enter a network namespace, for this thread and the threads and processes it starts later.

Python 3.11 has no os.setns, so the call goes through the C library.
"""

import ctypes
import os
from pathlib import Path

from harness.labs.errors import LabError

CLONE_NEWNET = 0x40000000


def enter(path: str | Path) -> None:
    """Return once the calling thread is in the network namespace bound at path.

    Threads and child processes made afterwards inherit it; threads that already run do not, so
    a program calls this first, from its main thread.

    Raises:
        LabError: the namespace is gone, or this process may not enter it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        namespace = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise LabError(f"no network namespace {path}: is the lab up? (slotlab lab status)") from (
            error
        )
    try:
        if libc.setns(namespace, CLONE_NEWNET) != 0:
            reason = os.strerror(ctypes.get_errno())
            raise LabError(f"cannot enter the network namespace {path}: {reason} (root is needed)")
    finally:
        os.close(namespace)
