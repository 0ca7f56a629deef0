"""The bench command: figures beside their floors, printed and never judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from harness.controller.console import console_of, table_of
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.bench.row import Row
    from harness.controller.console import Show

BENCHES = ("sim", "transactions", "agent", "hosts")


def bench(
    only: Annotated[
        list[str] | None, typer.Option("--only", help=f"Some of {', '.join(BENCHES)}.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    from harness.controller.console import Show

    for name in only or ():
        if name not in BENCHES:
            raise UsageError(f"--only {name}: known are {', '.join(BENCHES)}")
    show = Show(console_of(stderr=True))
    rows: list[Row] = []
    for name in BENCHES:
        if not only or name in only:
            show.step(f"measuring {name}")
            rows += _measured(name, show)
    if as_json:
        facts = [{**msgspec.structs.asdict(row), "ratio": row.ratio} for row in rows]
        print(msgspec.json.encode(facts).decode())
        return
    table = table_of("bench", "what", "figure", "n", "floor", "ratio", "what the floor is",
                     right=("figure", "n", "floor", "ratio"))  # fmt: skip
    for row in rows:
        table.add_row(row.bench, row.what, *_cells(row), row.floor_is or row.skipped)
    console_of().print(table)


def _measured(name: str, show: Show) -> list[Row]:
    """Return the rows of a bench; one that says why, where it cannot be run here."""
    from harness.bench import fault_agent, hosts, simulator, transactions
    from harness.bench.row import Row

    ways: dict[str, tuple[Callable[[], str], Callable[[], list[Row]]]] = {
        "sim": (lambda: "", simulator.rows),
        "transactions": (lambda: "", transactions.rows),
        "agent": (fault_agent.skipped, fault_agent.rows),
        "hosts": (hosts.skipped, lambda: hosts.rows(show)),
    }
    why_not, measure = ways[name]
    if reason := why_not():
        return [Row(bench=name, what="skipped", skipped=reason)]
    return measure()


def _cells(row: Row) -> tuple[str, str, str, str]:
    if row.value is None:
        return "", "", "", ""
    floor = "" if row.floor is None else f"{row.floor:.3g} {row.unit}"
    ratio = "" if row.ratio is None else f"{row.ratio:.1f}"
    return f"{row.value:.3g} {row.unit}", str(row.n), floor, ratio
