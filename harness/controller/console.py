"""What the operator sees while work goes on: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time

from rich.console import Console
from rich.status import Status

from harness.controller.terminal import said

PLAIN_EVERY_S = 10.0
_live: list[Status] = []
"""The live line of this process, if there is one; a terminal has room for one."""


class Show:
    """Steps are lines that stay; ticks replace each other (or, without a terminal, are thinned)."""

    def __init__(self, console: Console, *, started: float | None = None) -> None:
        self.console = console
        self._started = time.monotonic() if started is None else started
        self._last_plain = 0.0

    def step(self, text: str) -> None:
        """Print a line that stays, with the seconds since the start."""
        self.quiet()
        elapsed = time.monotonic() - self._started
        self.console.print(f"[dim]{elapsed:6.1f} s[/dim]  {said(text)}", highlight=False)

    def tick(self, text: str) -> None:
        """Show what is going on right now."""
        if self.console.is_terminal:
            if not _live:
                _live.append(self.console.status(said(text)))
                _live[0].start()
            _live[0].update(said(text))
        elif time.monotonic() - self._last_plain >= PLAIN_EVERY_S:
            self._last_plain = time.monotonic()
            self.console.print(f"          {said(text)}", highlight=False)

    def quiet(self) -> None:
        """End the live line, if there is one."""
        end_live()


def end_live() -> None:
    """End the live line, whoever began it, and give the cursor back."""
    while _live:
        _live.pop().stop()
