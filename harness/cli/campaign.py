"""The command campaign explain: what a word of the campaign language is."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape

from harness.cli.options import AsJson
from harness.controller.console import console_of, table_of

Key = Annotated[
    str,
    typer.Argument(
        metavar="[KEY]",
        help="A key by its path (timeline.delay.jitter) or its end, or units, selectors, checks,"
        " exit.",
        show_default=False,
    ),
]


def explain(key: Key = "", as_json: AsJson = False) -> None:
    from harness.campaign import reference

    found = reference.explained(key) if key else reference.overview()
    if as_json:
        print(json.dumps([asdict(entry) for entry in found], indent=1))
        return
    table = table_of("key", "what it is", "written as", "left out")
    for entry in found:
        default = "must be there" if entry.default is None and entry.written else entry.default
        table.add_row(*map(escape, (entry.path, entry.says, entry.written, default or "")))
    console_of().print(table)
