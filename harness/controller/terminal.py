"""The operator's terminal: tables that are never cut, harmless text, verdicts in colour."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from metrics.model.printable import printable_lines

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
