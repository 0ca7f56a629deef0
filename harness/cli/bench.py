"""The bench command: figures beside their floors, printed and never judged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from harness.controller.console import console_of, table_of
from harness.errors import RunError, UsageError

if TYPE_CHECKING:
    from harness.bench.row import Row

BENCHES = {
    "sim": "simulator",
    "transactions": "transactions",
    "rate": "rate",
    "wakeup": "wakeup",
    "propagation": "propagation",
    "idle": "idle",
    "links": "links",
    "agent": "fault_agent",
    "hosts": "hosts",
    "report": "report",
    "probe-effect": "probe_effect",
}
"""What is typed, and the module of harness/bench whose `rows` measure it."""


def bench(
    only: Annotated[
        list[str] | None, typer.Option("--only", help=f"Some of {', '.join(BENCHES)}.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(help="Another checkout: each bench runs on its code, too, right after."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    from harness.bench import measured
    from harness.controller.console import Show

    for name in only or ():
        if name not in BENCHES:
            raise UsageError(f"--only {name}: known are {', '.join(BENCHES)}")
    if against is not None and not (against / "harness" / "bench").is_dir():
        raise UsageError(f"--against {against}: no checkout of slotlab; write its folder")
    show = Show(console_of(stderr=True))
    rows: list[Row] = []
    for name, module in BENCHES.items():
        if not only or name in only:
            show.step(f"measuring {name}")
            found = measured.here(name, module)
            if against is not None:
                show.step(f"measuring {name} of {against}")
                found = measured.beside(found, measured.there(name, module, against))
            rows += found
    if as_json:
        facts = [
            {**msgspec.structs.asdict(row), "ratio": row.ratio, "by_before": row.by_before}
            for row in rows
        ]
        print(msgspec.json.encode(facts).decode())
    else:
        _print(rows, compared=against is not None)
    if failed := [row.bench for row in rows if row.what == measured.FAILED]:
        raise RunError(f"bench: without figures: {', '.join(failed)}")


def _print(rows: list[Row], *, compared: bool) -> None:
    names = ("figure", "n", "floor", "ratio", *(("before", "by before") if compared else ()))
    table = table_of("bench", "what", *names, "what the floor is", right=names)
    for row in rows:
        cells = _cells(row)[: len(names)]
        table.add_row(row.bench, row.what, *cells, row.floor_is or row.skipped)
    console_of().print(table)


def _cells(row: Row) -> list[str]:
    if row.value is None:
        return [""] * 6
    with_unit = [_said(number, row.unit) for number in (row.value, row.floor, row.before)]
    ratio, by_before = _said(row.ratio), _said(row.by_before)
    return [with_unit[0], str(row.n), with_unit[1], ratio, with_unit[2], by_before]


def _said(number: float | None, unit: str = "") -> str:
    if number is None:
        return ""
    return f"{number:.0f} {unit}" if abs(number) >= 1000 else f"{number:.3g} {unit}"
