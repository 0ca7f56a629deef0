"""One figure of a sweep on the terminal: its cells along an axis, a table for each phase."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from harness.controller.console import Show, said, table_of
from harness.errors import UsageError, nearest
from metrics.model import number_text
from metrics.model.cell_text import cell_text, value_text
from metrics.report import sweep as shown
from metrics.results import sweep

BAR = 24
"""How many characters the longest bar has."""


def print_sweep(
    show: Show, summary: Mapping[str, Any], metric: str, over: str, phase: str, *, as_json: bool
) -> None:
    """Print what a figure does along an axis.

    Raises:
        UsageError: the run has no such figure, axis or phase, or one cell only.
    """
    rows = rows_of(summary, metric, over, phase)
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        show.console.print(table_of_row(row))
        show.console.print(said(shown.sentence(row)))


def rows_of(summary: Mapping[str, Any], metric: str, over: str, phase: str) -> list[dict[str, Any]]:
    """Return the rows of a figure along an axis ("" for the one with the most values)."""
    cells = [sweep.cell_of(cell) for cell in summary["cells"]]
    if len(cells) < 2:
        raise UsageError("--metric: the run has one cell only; give its campaign a matrix")
    if over and over not in cells[0].params:
        raise UsageError(
            f"--over {over}: no axis of the matrix; {nearest(over, list(cells[0].params))}"
        )
    rows = sweep.sweep(cells, over)
    own = [row for row in rows if row["figure"] == metric]
    if not own:
        known = nearest(metric, list(dict.fromkeys(row["figure"] for row in rows)))
        raise UsageError(f"--metric {metric}: no figure of this run; {known}")
    found = [row for row in own if phase in ("", row["phase"])]
    if not found:
        known = nearest(phase, list(dict.fromkeys(row["phase"] for row in own)))
        raise UsageError(f"--phase {phase}: has no {metric}; {known}")
    return found


def table_of_row(row: Mapping[str, Any]) -> Table:
    """Return the cells of a row: the median trial, its interval, and a bar of characters."""
    fixed = f", {cell_text(row['fixed'])}" if row["fixed"] else ""
    title = said(f"{number_text.title(row['figure'])}, {row['phase']}{fixed}")
    table = table_of(said(row["axis"]), "median trial", "interval", "n", "", title=title,
                     right=("median trial", "interval", "n"))  # fmt: skip
    most = max((abs(p["value"]) for p in row["points"] if p["value"] is not None), default=0)
    for point in row["points"]:
        ends = " .. ".join(_texts(row["figure"], point["low"], point["high"]))
        bar = (
            "→" if point["value"] is None else "█" * round(BAR * abs(point["value"]) / (most or 1))
        )
        table.add_row(
            said(value_text(point["at"])), *_texts(row["figure"], point["value"]),
            ends if point["coverage"] else "–", str(point["n"]), bar,
        )  # fmt: skip
    return table


def _texts(figure: str, *values: float | None) -> Iterator[str]:
    for value in values:
        yield "beyond the end" if value is None else number_text.of_figure(figure, value)
