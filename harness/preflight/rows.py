"""What `slotlab check` answers with: rows of verdicts, each with its remedy, and their table."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from rich.table import Table

from harness.controller.console import said, styled, table_of

Verdict = Literal["ok", "warn", "fail"]
LAB = "(lab)"
"""Who a row is about when it is about several hosts at once."""


class Finding(NamedTuple):
    """How something is that was looked at, and what to do about it."""

    verdict: Verdict
    detail: str
    remedy: str = ""


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


def shown(rows: Iterable[Row], *, everything: bool) -> Iterator[Row]:
    """Yield what a terminal shows: the bad rows, and one line a host for all that is well."""
    by_host: dict[str, list[Row]] = {}
    for row in rows:
        by_host.setdefault(row.host, []).append(row)
    for host, mine in by_host.items():
        bad = [row for row in mine if row.verdict != "ok"]
        well = len(mine) - len(bad)
        if everything:
            yield from mine
        else:
            yield from bad
            if well:
                yield Row(host, "the rest" if bad else "all", "ok", f"{well} ok")


def findings_of(rows: Iterable[Row]) -> Table:
    """Return rows as a table; a remedy stands below what it is for."""
    table = table_of("host", "verdict", "finding")
    for row in rows:
        finding = f"{said(row.check)}: {said(row.detail)}"
        if row.remedy:
            finding += f"\n[dim]-> {said(row.remedy)}[/dim]"
        table.add_row(said(row.host), styled(row.verdict), finding)
    return table
