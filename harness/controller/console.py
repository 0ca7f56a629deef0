"""What the operator sees: tables never cut, harmless text, and a live line while work goes on."""

import time

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Column, Table

from metrics.model.printable import printable_lines

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


_VERDICT_STYLE = {
    "pass": "green", "holds": "green", "ok": "green",
    "fail": "red", "violated": "red",
    "invalid": "yellow", "unknown": "yellow", "warn": "yellow",
}  # fmt: skip


WIDE = 100_000
"""More columns than any line has."""


def console_of(*, stderr: bool = False) -> Console:
    """Return a console that wraps on a terminal; elsewhere each line is as long as it is."""
    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=WIDE)


def table_of(
    *names: str, title: str | None = None, right: tuple[str, ...] = (), lines: bool = False
) -> Table:
    """Return a table of such columns; what does not fit into one is folded, not cut.

    right: columns of numbers. lines: a line between the rows.
    """
    columns = (
        Column(name, overflow="fold", justify="right" if name in right else "left")
        for name in names
    )
    return Table(*columns, title=title, title_justify="left", show_lines=lines)


def said(text: str) -> str:
    """Return what a host says for where markup counts: no control character, no markup in it."""
    return escape(printable_lines(text))


def styled(word: str) -> str:
    """Return a verdict word in its colour."""
    style = _VERDICT_STYLE.get(word, "")
    return f"[{style}]{escape(word)}[/{style}]" if style else escape(word)
