"""What reading a fault back comes to: installed as asked, or not known to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Evidence:
    """installed: read back as asked; indeterminate: the host shows something else, reason says
    what.
    """

    state: Literal["installed", "indeterminate"]
    data: dict[str, object]
    reason: str = ""


def verdict(wrong: str, data: dict[str, object]) -> Evidence:
    """Return the evidence: installed when nothing is wrong."""
    return Evidence("indeterminate", data, wrong) if wrong else Evidence("installed", data)
