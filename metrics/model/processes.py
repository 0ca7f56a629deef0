"""Processes and threads that compute beside this one."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager

AT_ONCE_MAX = 4
"""Each process takes memory of its own."""


def at_once() -> int:
    """Return how many processes to use on this machine."""
    return min(len(os.sched_getaffinity(0)), AT_ONCE_MAX)


def pool(count: int) -> ProcessPoolExecutor:
    """Return so many processes, which begin from nothing; Ctrl-C is for who waits for them."""
    context = multiprocessing.get_context("spawn")
    ignore = (signal.SIGINT, signal.SIG_IGN)
    return ProcessPoolExecutor(count, context, initializer=signal.signal, initargs=ignore)


@contextmanager
def meanwhile(work: Callable[[], None] | None) -> Iterator[None]:
    """Do what a database does by itself, if anything, while something else is done."""
    with ThreadPoolExecutor(1) as thread:
        working = None if work is None else thread.submit(work)
        yield
        if working is not None:
            working.result()
