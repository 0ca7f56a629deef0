"""What a run gives to others: its tables, and all of it as one file."""

import csv
import json
import math
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.cli.options import AsJson, Run, Runs, run_names
from harness.controller import store
from harness.controller.console import Show, console_of, said, table_of
from harness.errors import EXIT_FAILED, UsageError, nearest
from metrics.model.printable import printable

SOME = 10_000
"""So many rows are read at once."""
ROWS_MAX = (1 << 63) - 1
"""More rows than any table has; DuckDB counts no further."""


def data(
    name: Run,
    table: Annotated[
        str, typer.Argument(metavar="[TABLE]", help="Print its rows as CSV.", show_default=False)
    ] = "",
    root: Runs = store.ROOT,
    first: Annotated[
        int | None, typer.Option("--first", min=0, max=ROWS_MAX, metavar="N", help="So many rows.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    from metrics import open_run

    run = open_run(store.find(name, root).path)
    if table:
        if table not in run.tables:
            raise UsageError(f"data: {table}: no table of this run; {nearest(table, run.tables)}")
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


def bundle(
    name: Annotated[
        str,
        typer.Argument(
            metavar="[RUN]",
            help="Folder, campaign or latest.",
            autocompletion=run_names,
            show_default=False,
        ),
    ] = "",
    root: Runs = store.ROOT,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Write it there, not here.")
    ] = None,
    verify: Annotated[
        Path | None,
        typer.Option("--verify", metavar="FILE", help="Make the report of a bundle again."),
    ] = None,
) -> None:
    from harness.bundle import bundle as bundles

    if bool(name) == (verify is not None):
        raise UsageError("bundle: name a run, or give --verify FILE")
    show = Show(console_of(stderr=True))
    if verify is None:
        folder = store.find(name, root)
        target = to or Path(f"{folder.path.parent.name}-{folder.path.name}.tar.zst")
        if not target.parent.is_dir() or target.is_dir():
            raise UsageError(f"--to {target}: no place for a file; name a file in a folder")
        made = bundles.make(folder, target, show.tick)
        show.quiet()
        print(f"{target}: {len(made.files)} files, {target.stat().st_size} bytes")
        return
    if not verify.is_file():
        raise UsageError(f"--verify {verify}: no such file; make one with `slotlab bundle RUN`")
    found = bundles.verify(verify, show.tick)
    show.quiet()
    if not found.other:
        print(f"{verify}: {found.files} files, all made again byte-identical")
        return
    by = "" if found.made_by == found.here else f" (made by {found.made_by}, this is {found.here})"
    print(f"{verify}: made again, these are not the same{by}: {', '.join(found.other)}")
    raise typer.Exit(EXIT_FAILED)


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
