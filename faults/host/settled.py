"""Looking at what takes effect in a moment, until it has."""

import time
from collections.abc import Callable
from typing import TypeVar

DEADLINE_S = 0.5
POLL_S = 0.02
Seen = TypeVar("Seen")


def settled(
    look: Callable[[], Seen], wanted: Callable[[Seen], bool], within_s: float = DEADLINE_S
) -> tuple[Seen, bool]:
    """Return what is seen once it is as wanted, or at the end of its time, and whether it is."""
    until = time.monotonic() + within_s
    while not wanted(found := look()) and time.monotonic() < until:
        time.sleep(POLL_S)
    return found, wanted(found)
