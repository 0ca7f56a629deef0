"""What `slotlab check` answers with: rows of verdicts, each with its remedy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warn", "fail"]
LAB = "(lab)"
"""Who a row is about when it is about several hosts at once."""


@dataclass(frozen=True, slots=True)
class Row:
    """One finding on one host: what was looked at, how it is, and what to do about it."""

    host: str
    check: str
    verdict: Verdict
    detail: str
    remedy: str = ""

    def __str__(self) -> str:
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{self.host}: {self.check}: {self.detail}{remedy}"


def failed(rows: Iterable[Row]) -> list[Row]:
    """Return the rows that failed; warnings do not count."""
    return [row for row in rows if row.verdict == "fail"]
