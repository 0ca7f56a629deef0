"""Run something inside a lab's network namespace, whether or not this thread stays outside.

Python 3.11 has no os.setns, so the call goes through the C library.
"""

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from harness.errors import LabError

CLONE_NEWNET = 0x40000000
T = TypeVar("T")


def enter(path: str | Path) -> None:
    """Move the calling thread into the network namespace bound at path.

    Threads and child processes made afterwards inherit it; threads that already run do not, so
    a program calls this first, from its main thread.

    Raises:
        LabError: the namespace is gone, or this process may not enter it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        namespace = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        gone = f"no network namespace {path}: is the lab up? (slotlab lab status)"
        raise LabError(gone) from error
    try:
        if libc.setns(namespace, CLONE_NEWNET) != 0:
            reason = os.strerror(ctypes.get_errno())
            raise LabError(f"cannot enter the network namespace {path}: {reason} (root is needed)")
    finally:
        os.close(namespace)


def call_inside(netns: str | None, function: Callable[[], T]) -> T:
    """Return function(), called in a thread (and so with child processes) inside netns.

    None: called right here, as the lab is reached from the machine's own network.

    Raises:
        LabError: the namespace is gone, or this process may not enter it.
    """
    if netns is None:
        return function()

    def entered() -> T:
        enter(netns)
        return function()

    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(entered).result()


def thread_start(netns: str | None) -> Callable[[], object]:
    """Return what each thread of a pool must do first to be inside netns (None: nothing)."""

    return (lambda: None) if netns is None else partial(enter, netns)
