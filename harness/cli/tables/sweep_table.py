"""One figure of a sweep on the terminal: its cells along an axis, a table for each phase."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.table import Table

from harness.controller.console import Show, said, table_of
from harness.errors import UsageError, nearest
from metrics.model import number_text
from metrics.model.cell_text import cell_text, value_text
from metrics.report import sweep as shown
from metrics.report import sweep_plot
from metrics.results import sweep

BAR = 24
"""How many characters the longest bar has."""


class Sweep(NamedTuple):
    """A figure along an axis in one run: the run's lab, and a row of `results/sweep`."""

    lab: str
    row: dict[str, Any]


def sweeps_of(
    summaries: Sequence[Mapping[str, Any]], metric: str, over: str, phase: str
) -> list[Sweep]:
    """Return what a figure does along an axis in each of some runs.

    Raises:
        UsageError: a run has no such figure, axis or phase, or one cell only.
    """
    return [
        Sweep(summary["lab"], row)
        for summary in summaries
        for row in rows_of(summary, metric, over, phase)
    ]


def print_sweeps(show: Show, sweeps: Sequence[Sweep], *, as_json: bool) -> None:
    """Print a table and a sentence for each."""
    if as_json:
        print(json.dumps([{"lab": each.lab, **each.row} for each in sweeps], indent=1))
        return
    labs = {each.lab for each in sweeps}
    for lab, row in sweeps:
        show.console.print(table_of_row(row, lab if len(labs) > 1 else ""))
        show.console.print(said(shown.sentence(row)))


def save_sweeps(path: Path, sweeps: Sequence[Sweep]) -> None:
    """Draw all of them into one picture.

    Raises:
        UsageError: not a format that can be written, or not a place where it can.
        RunError: there is nothing that draws.
    """
    if path.suffix.removeprefix(".") not in sweep_plot.FORMATS:
        raise UsageError(f"--save {path}: ends in none of {', '.join(sweep_plot.FORMATS)}")
    words = [_words(each) for each in sweeps]
    try:
        sweep_plot.save(path, [*zip(words, (row for _, row in sweeps), strict=True)])
    except OSError as error:
        raise UsageError(f"--save {path}: {error.strerror or error}") from error


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
    if not rows:
        axes = [name for name in cells[0].params if sweep.sweep(cells, name)]
        raise UsageError(
            f"--over {over or sweep.axis_of(cells)}: there are no two cells with figures that"
            f" differ in it alone; {nearest(over, axes)}"
        )
    own = [row for row in rows if row["figure"] == metric]
    if not own:
        known = nearest(metric, list(dict.fromkeys(row["figure"] for row in rows)))
        raise UsageError(f"--metric {metric}: no figure of this run; {known}")
    found = [row for row in own if phase in ("", row["phase"])]
    if not found:
        known = nearest(phase, list(dict.fromkeys(row["phase"] for row in own)))
        raise UsageError(f"--phase {phase}: has no {metric}; {known}")
    return found


def table_of_row(row: Mapping[str, Any], lab: str = "") -> Table:
    """Return the cells of a row: the median trial, its interval, and a bar of characters.

    lab: named where there are others beside it.
    """
    fixed = f", {cell_text(row['fixed'])}" if row["fixed"] else ""
    where = f" on {lab}" if lab else ""
    title = said(f"{number_text.title(row['figure'])}, {row['phase']}{fixed}{where}")
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


def _words(found: Sweep) -> str:
    """Return whose a row is: `sim, late, load=4/s`."""
    fixed = cell_text(found.row["fixed"])
    return ", ".join([found.lab, found.row["phase"], *([fixed] if fixed else [])])
