"""The command compare: runs of one campaign beside each other, and whether one is worse."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.cli.options import AsJson, Runs, run_names
from harness.controller import store
from harness.controller.console import console_of
from harness.errors import EXIT_FAILED, EXIT_LAB, UsageError
from metrics.model.cell_text import cell_text
from metrics.model.run_folder import load_json
from metrics.report.flat import flat

ENVIRONMENT = ("provenance.json", "lab.json", "resolved.json")
"""Files of a run folder that say what was run, by what, on what."""
OWN = ("provenance.argv", "provenance.written")
"""What is another in each run anyway."""


def compare(
    base: Annotated[str, typer.Argument(metavar="RUN", autocompletion=run_names)],
    others: Annotated[list[str], typer.Argument(metavar="RUN2…", autocompletion=run_names)],
    root: Runs = store.ROOT,
    every: Annotated[
        bool, typer.Option("--all", help="Show every figure, also those that are not judged.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    from harness.cli.tables.compare_tables import print_compared

    first, *later = (store.find(name, root).path for name in (base, *others))
    if first in later:
        raise UsageError(f"compare {first} {first}: that is one run twice; name another")
    status, told = 0, []
    console = console_of(stderr=as_json)
    for folder in later:
        found = compared(first, folder)
        told.append(found)
        status = max(status, exit_of(found))
        if not as_json:
            print_compared(console, found, every=every)
    if as_json:
        print(json.dumps(told, indent=1))
    raise typer.Exit(status)


def compared(base: Path, other: Path) -> dict[str, Any]:
    """Return what is another in the other run: {runs, environment: [[key, base, other]], cells:
    {base, other: those that only it has}, rules, rows: those of `metrics.results.compare`, invalid:
    the runs whose figures must not be used}.

    Raises:
        RunError: one has no summary, or no plan that can be read.
        UsageError: they have no cell in common.
    """
    from metrics.model import run_folder
    from metrics.results import expectations
    from metrics.results.compare import RULES, figures_of
    from metrics.results.compare import compare as rows_of
    from metrics.results.written import summary_file

    summaries = [summary_file.load(folder) for folder in (base, other)]
    plan = run_folder.load_plan(base, expectations.problem)
    sides = [figures_of(summary, lambda cell: cell_text(cell["params"])) for summary in summaries]
    cells = [list(dict.fromkeys(place.cell for place in side)) for side in sides]
    if not set(cells[0]) & set(cells[1]):
        raise UsageError(f"compare {base} {other}: no cell of the matrix is in both; compare runs"
                         " of one campaign")  # fmt: skip
    rules = plan.regression or RULES
    return {
        "runs": [str(base), str(other)],
        "environment": _environment(base, other),
        "cells": {"base": [c for c in cells[0] if c not in cells[1]],
                  "other": [c for c in cells[1] if c not in cells[0]]},
        "rules": dict(rules),
        "rows": rows_of(sides[0], sides[1], rules),
        "invalid": [str(folder) for folder, summary in zip((base, other), summaries, strict=True)
                    if summary["verdict"] == "invalid"],
    }  # fmt: skip


def exit_of(found: Mapping[str, Any]) -> int:
    """Return 1 where a figure that is judged is worse, 3 where nothing can be said, else 0."""
    from metrics.results.compare import FEW, WORSE

    verdicts = {row["verdict"] for row in found["rows"]} - {None}
    if found["invalid"] or not verdicts:
        return EXIT_LAB
    if WORSE in verdicts:
        return EXIT_FAILED
    return EXIT_LAB if FEW in verdicts else 0


def _environment(base: Path, other: Path) -> list[tuple[str, str, str]]:
    """Return what is another in the files of both runs: (key, base, other)."""
    sides = [
        {key: text for name in ENVIRONMENT
         for key, text in flat(load_json(folder / name), f"{name.partition('.')[0]}.")}
        for folder in (base, other)
    ]  # fmt: skip
    keys = dict.fromkeys((*sides[0], *sides[1]))
    return [
        (key, sides[0].get(key, "–"), sides[1].get(key, "–"))
        for key in keys
        if sides[0].get(key) != sides[1].get(key) and not key.startswith(OWN)
    ]
