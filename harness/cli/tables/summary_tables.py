"""Summaries of runs as tables for a terminal; every figure comes from summary.json."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.controller.console import said, styled, table_of
from harness.errors import EXIT_BY_VERDICT, EXIT_LAB
from metrics.model.cell_text import cell_text
from metrics.model.printable import printable
from metrics.model.resolution import NEEDED
from metrics.report import fault_text


def print_summary(
    console: Console, folder: Path, summary: Mapping[str, Any], *, as_json: bool = False
) -> int:
    """Print tables and the report's path, and return the exit status that the verdict earns.

    as_json: also the summary itself, on standard output; console is another then.
    """
    if as_json:
        print((folder / "summary.json").read_text(), end="")
    for table in phases_of(summary):
        console.print(table)
    console.print(faults_of(summary))
    console.print(checks_of(summary))
    said = [("invalid", each) for each in summary.get("invalid", [])]
    said += [("note", each) for each in summary.get("notes", [])]
    for word, text in said:
        style = "yellow" if word == "invalid" else ""
        console.print(printable(f"{word}: {text}"), style=style, markup=False, highlight=False)
    console.print(f"verdict: {styled(summary['verdict'])}")
    print(f"report:  {(folder / 'report.html').resolve()}", file=console.file)
    return EXIT_BY_VERDICT.get(str(summary["verdict"]), EXIT_LAB)


def phases_of(summary: Mapping[str, Any]) -> Iterable[Table]:
    """Return one table a cell: finality, missed slots and forks by phase."""
    for cell in summary["cells"]:
        params = cell_text(cell["params"])
        right = ("lag", "finality", "p95", "not final", "slots", "missed", "switches")
        title = f"cell {params}" if params else "phases"
        table = table_of("phase", *right, title=title, right=right)
        for name, m in cell["phases"].items():
            lag, latency, slots = m["finality_lag_blocks"], m["finality_latency_s"], m["slots"]
            table.add_row(
                name,
                _figure(lag, "p50", ""),
                _figure(latency, "p50", " s"),
                _figure(latency, "p95", " s"),
                str(latency.get("censored") or 0),
                str(slots["expected"]),
                str(slots["missed"]),
                str(m["forks"].get("switches", 0)),
            )
        yield table


def faults_of(summary: Mapping[str, Any]) -> Table:
    """Return what was asked of zones and each fault beside what was measured, in words."""
    table = table_of("fault", "asked, measured, when and how", title="faults", lines=True)
    every = [*summary["zones"], *summary["faults"]]
    many = len({fault["trial"] for fault in every}) > 1
    for fault in every:
        trial = f"\ntrial {fault['trial']}" if many else ""
        lines = [
            fault_text.asked(fault),
            fault_text.measured(fault),
            f"{fault_text.timing(fault)}; by {fault['how'] or 'nobody'}",
            *([str(fault["reason"])] if fault["reason"] else []),
        ]
        table.add_row(
            f"{said(fault['id'])}{trial}\n{styled(fault['state'])}",
            "\n".join(said(line) for line in lines),
        )
    return table


def checks_of(summary: Mapping[str, Any]) -> Table:
    """Return the expectations and whether they hold, with the evidence."""
    table = table_of("check", "verdict", "evidence", title="checks")
    for check in summary["checks"]:
        evidence = Text(printable(check["evidence"]))
        table.add_row(said(check["name"]), styled(check["verdict"]), evidence)
    return table


def _figure(quantiles: Mapping[str, Any], key: str, unit: str) -> str:
    value = quantiles.get(key)
    if quantiles["n"] and key in quantiles["few"]:
        return f"n < {NEEDED[key]}"
    return "-" if value is None else f"{value:.3g}{unit}"
