"""What `slotlab check` answers with: rows of verdicts, each with its remedy."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All findings, host by host in inventory order."""

    rows: tuple[Row, ...]

    @property
    def ok(self) -> bool:
        """Return whether nothing failed; warnings do not count."""
        return not self.failed

    @property
    def failed(self) -> tuple[Row, ...]:
        """Return the rows that failed."""
        return tuple(row for row in self.rows if row.verdict == "fail")
