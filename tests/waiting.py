"""Waiting in tests: for what must come, with a deadline that also a slow, busy machine meets."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

DEADLINE_S = 120.0
"""Only what never comes reaches it: a test says that something happens, not how soon."""

T = TypeVar("T")


def wait_until(
    claim: Callable[[], T],
    what: str = "its turn",
    *,
    within_s: float = DEADLINE_S,
    every_s: float = 0.02,
) -> T:
    """Return the first true answer of claim, which is asked again and again.

    Raises:
        AssertionError: there was none within within_s seconds; says what was waited for.
    """
    until_s = time.monotonic() + within_s
    while not (answer := claim()):
        assert time.monotonic() < until_s, f"not within {within_s:.0f} s: {what}"
        time.sleep(every_s)
    return answer
