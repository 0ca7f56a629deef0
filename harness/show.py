"""What the operator sees while work goes on: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time

from rich.console import Console
from rich.status import Status

from harness.terminal import said

PLAIN_EVERY_S = 10.0


class Show:
    """Steps are lines that stay; ticks replace each other (or, without a terminal, are thinned)."""

    def __init__(self, console: Console, *, started: float | None = None) -> None:
        self.console = console
        self._started = time.monotonic() if started is None else started
        self._status: Status | None = None
        self._last_plain = 0.0

    def step(self, text: str) -> None:
        """Print a line that stays, with the seconds since the start."""
        self.quiet()
        elapsed = time.monotonic() - self._started
        self.console.print(f"[dim]{elapsed:6.1f} s[/dim]  {said(text)}", highlight=False)

    def tick(self, text: str) -> None:
        """Show what is going on right now."""
        if self.console.is_terminal:
            if self._status is None:
                self._status = self.console.status(said(text))
                self._status.start()
            self._status.update(said(text))
        elif time.monotonic() - self._last_plain >= PLAIN_EVERY_S:
            self._last_plain = time.monotonic()
            self.console.print(f"          {said(text)}", highlight=False)

    def quiet(self) -> None:
        """End the live line, if there is one."""
        if self._status is not None:
            self._status.stop()
            self._status = None
