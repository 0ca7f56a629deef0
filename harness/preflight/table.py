"""How the rows of `slotlab check` read on a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.table import Table

from harness.controller.terminal import said, styled, table_of
from harness.preflight.rows import Row


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
