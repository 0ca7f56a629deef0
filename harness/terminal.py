"""Text for the operator's terminal: what hosts say made harmless, verdicts in their colours."""

from __future__ import annotations

from rich.markup import escape

from metrics.model.printable import printable_lines

_VERDICT_STYLE = {
    "pass": "green", "holds": "green", "ok": "green",
    "fail": "red", "violated": "red",
    "invalid": "yellow", "unknown": "yellow", "warn": "yellow",
}  # fmt: skip


def said(text: str) -> str:
    """Return what a host says for where markup counts: no control character, no markup in it."""
    return escape(printable_lines(text))


def styled(word: str) -> str:
    """Return a verdict word in its colour."""
    style = _VERDICT_STYLE.get(word, "")
    return f"[{style}]{escape(word)}[/{style}]" if style else escape(word)
