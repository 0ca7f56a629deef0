"""Run something inside a lab's network namespace while this thread stays where it is."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from harness.labs.netns import enter

T = TypeVar("T")


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

    def start() -> None:
        if netns is not None:
            enter(netns)

    return start
