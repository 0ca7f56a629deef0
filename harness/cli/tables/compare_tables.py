"""Two runs of a campaign beside each other, for a terminal."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from harness.controller.console import said, table_of
from metrics.model import number_text
from metrics.results.compare import FIND


def print_compared(console: Console, found: Mapping[str, Any], *, every: bool) -> None:
    """Print what is another in a run; every: also figures that are not judged."""
    first, second = (said(name) for name in found["runs"])
    console.print(f"base:  {first}\nother: {second}")
    if found["environment"]:
        console.print(_table_of_environment(found["environment"]))
    else:
        console.print("environment: the same, as far as both runs tell")
    for side, cells in found["cells"].items():
        if cells:
            console.print(f"only in {side}: {said('; '.join(cells))}")
    judged = [row for row in found["rows"] if row["verdict"]]
    console.print(_table_of_rows("judged", judged))
    rest = [row for row in found["rows"] if not row["verdict"]]
    if every and rest:
        console.print(_table_of_rows("not judged", rest))
    for folder in found["invalid"]:
        console.print(said(f"invalid: {folder}; its figures must not be used"))
    if not judged:
        console.print("nothing is judged: no figure of the rules is in both runs")
    console.print(said(_conclusion(judged)))


def _conclusion(judged: list[dict[str, Any]]) -> str:
    """Return the verdicts with their numbers, and how many trials would find more."""
    counts = Counter(row["verdict"] for row in judged)
    text = "; ".join(f"{count} {verdict}" for verdict, count in counts.items()) or "–"
    needed = [row["advised"] for row in judged if row["advised"] is not None]
    if not needed:
        return text
    return f"{text}. To find {100 * FIND:g} % in any of them: {max(needed)} trials of each run"


def _table_of_environment(rows: list[tuple[str, str, str]]) -> Table:
    table = table_of("what differs", "base", "other", title="environment")
    for row in rows:
        table.add_row(*map(said, row))
    return table


def _table_of_rows(title: str, rows: list[dict[str, Any]]) -> Table:
    right = ("base", "other", "difference", "p", "effect", "found from")
    table = table_of("figure", "base", "other", "difference", "p", "effect", "found from",
                     "verdict", title=title, right=right)  # fmt: skip
    for row in rows:
        what = number_text.words(row["figure"])[0]
        where = ", ".join(text for text in (row["phase"], row["cell"]) if text)
        sides = [f"{_value(row, row[side]['value'])}\nn={row[side]['n']}"
                 for side in ("base", "other")]  # fmt: skip
        p = row["p"] if row["p_holm"] is None else row["p_holm"]
        table.add_row(
            said(f"{what}\n{where}"), *sides, _difference(row), f"{p:.3g}", f"{row['effect']:+.2f}",
            "–" if row["could_find"] is None else _value(row, row["could_find"]),
            row["verdict"] or "",
        )  # fmt: skip
    return table


def _difference(row: Mapping[str, Any]) -> str:
    """Return the shift and its interval, where there is one."""
    if row["shift"] is None:
        return "beyond the end" if row["effect"] > 0 else "no longer beyond the end"
    text = _value(row, row["shift"])
    if row["low"] is None and row["high"] is None:
        return f"{text}\nno interval"
    low, high = ("open" if row[end] is None else _value(row, row[end]) for end in ("low", "high"))
    return f"{text}\n{low} .. {high}"


def _value(row: Mapping[str, Any], value: float | None) -> str:
    return "beyond the end" if value is None else number_text.of_figure(row["figure"], value)
