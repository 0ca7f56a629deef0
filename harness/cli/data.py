"""The command that shows the tables of a run, and prints one of them."""

import csv
import json
import math
import sys
from typing import Annotated, Any

import typer

from harness.cli.options import AsJson, Run, Runs
from harness.controller import store
from harness.controller.console import console_of, said, table_of
from metrics.model.printable import printable

SOME = 10_000
"""So many rows are read at once."""


def data(
    name: Run,
    table: Annotated[
        str, typer.Argument(metavar="[TABLE]", help="Print its rows as CSV.", show_default=False)
    ] = "",
    root: Runs = store.ROOT,
    first: Annotated[
        int | None, typer.Option("--first", min=0, metavar="N", help="So many rows only.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    from metrics import open_run

    run = open_run(store.find(name, root).path)
    if table:
        names = run.table(table).columns
        some = "" if first is None else f"LIMIT {first}"
        _print_rows(names, run.db.execute(f'FROM "{table}" {some}'), as_json=as_json)
        return
    found = {word: (run.about(word), run.rows(word)) for word in run.tables}
    if as_json:
        told = [
            {"table": word, "about": about, "rows": rows, "columns": columns}
            for word, ((about, columns), rows) in found.items()
        ]
        print(json.dumps(told))
        return
    shown = table_of("table", "rows", "column", "what it says", right=("rows",))
    for word, ((about, columns), rows) in found.items():
        shown.add_row(said(word), str(rows), "", said(f"a row: {about}"), style="bold")
        for column, text in columns.items():
            shown.add_row("", "", said(column), said(text))
    console_of().print(shown)


def _print_rows(names: list[str], found: Any, *, as_json: bool) -> None:
    """Print rows as CSV with a head, or as JSON, a line each; what is unknown is empty or null."""
    out = csv.writer(sys.stdout, lineterminator="\n")
    if not as_json:
        out.writerow(names)
    while rows := found.fetchmany(SOME):
        for row in rows:
            known = [None if _infinite(value) else value for value in row]
            if as_json:
                print(json.dumps(dict(zip(names, known, strict=True))))
            else:
                out.writerow(map(_cell, known))


def _infinite(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        value = json.dumps(value)
    return printable(value) if isinstance(value, str) else value
