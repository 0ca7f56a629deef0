"""Commands that look at what is there: watch, logs, report, runs."""

import contextlib
import json
import sys
import webbrowser
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from harness.cli.options import AsJson, Inventory, Limit, Run, Runs, lab_at, run_names
from harness.controller import store
from harness.controller.console import Show, console_of, said, table_of
from harness.errors import EXIT_LAB, EXIT_OK, UsageError
from harness.inventory.limit import limited
from harness.unattended import queue
from harness.unattended.entry import OVER, Entry
from harness.unattended.unit import name_of
from metrics.model.printable import printable_lines
from metrics.model.run_folder import SEAL, load_json


def watch(
    inventory_path: Inventory,
    limit: Limit = "",
    once: Annotated[bool, typer.Option("--once", help="Look once, and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON a look.")] = False,
    prometheus: Annotated[
        str,
        typer.Option(
            metavar="[ADDRESS:]PORT", help="Serve what is seen to Prometheus, here by default."
        ),
    ] = "",
) -> None:
    from harness.watch.live import Hear, look
    from harness.watch.live import watch as live

    if once and prometheus:
        raise UsageError("watch: --once ends at once, and --prometheus serves; leave one out")
    lab, console = lab_at(inventory_path, limit), console_of()
    if once or not (console.is_terminal or as_json or prometheus):
        look(lab, console, as_json=as_json)
        return
    with contextlib.ExitStack() as stack:
        hears: list[Hear] = []
        if prometheus:
            exporter = _exporter()
            served, where = stack.enter_context(exporter.serving(*exporter.place_of(prometheus)))
            hears.append(served.hear)
            print(f"metrics at {where}; Grafana's board is {exporter.BOARD}", file=sys.stderr)
        live(lab, console, as_json=as_json, hears=hears)


def _exporter() -> ModuleType:
    """Return the exporter.

    Raises:
        UsageError: what it takes is not installed.
    """
    try:
        from harness.watch import exporter
    except ImportError as error:
        raise UsageError(
            "--prometheus: prometheus-client is not installed here; make setup, or install the"
            " wheel with [prometheus]"
        ) from error
    return exporter


def report(
    name: Run,
    root: Runs = store.ROOT,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    as_json: AsJson = False,
    beside: Annotated[
        str | None,
        typer.Option(
            "--beside",
            metavar="RUN2",
            help="Show a run of the same campaign beside it.",
            autocompletion=run_names,
        ),
    ] = None,
    metric: Annotated[
        str, typer.Option(help="Show one figure of a sweep, as `finality_latency_s.p95`.")
    ] = "",
    over: Annotated[str, typer.Option(help="Along which axis of the matrix.")] = "",
    phase: Annotated[str, typer.Option(help="In this phase alone.")] = "",
    picture: Annotated[
        Path | None,
        typer.Option("--save", metavar="FILE", help="Draw that figure into an SVG, PDF or PNG."),
    ] = None,
) -> None:
    from harness.cli.tables.summary_tables import print_summary
    from harness.cli.tables.sweep_table import print_sweeps, save_sweeps, sweeps_of
    from harness.orchestrator.reporting import report as rebuild
    from metrics.results.written import summary_file

    if (over or phase or picture) and not metric:
        raise UsageError("report: --over, --phase and --save need --metric; name a figure of it")
    folder = store.find(name, root).path
    other = store.find(beside, root).path if beside is not None else None
    show = Show(console_of(stderr=as_json))
    if metric:
        found = {each: summary_file.load(each) for each in (folder, other) if each is not None}
        shown = sweeps_of([*found.values()], metric, over, phase)
        if picture is not None:
            save_sweeps(picture, shown)
        print_sweeps(show, shown, as_json=as_json)
        invalid = [each for each, summary in found.items() if summary["verdict"] == "invalid"]
        for each in invalid:
            show.console.print(said(f"invalid: {each}; its figures must not be used"))
        raise typer.Exit(EXIT_LAB if invalid else EXIT_OK)
    summary = rebuild(folder, show.tick, other=other)
    show.quiet()
    status = print_summary(show.console, folder, summary, as_json=as_json)
    if open_it:
        webbrowser.open((folder / "report.html").resolve().as_uri())
    raise typer.Exit(status)


def runs(root: Runs = store.ROOT, as_json: AsJson = False) -> None:
    rows = []
    handed_over = queue.by_run()
    for folder in store.every(root):
        path = folder.path / "summary.json"
        summary = load_json(path)
        verdict = summary.get("verdict", "damaged") if isinstance(summary, dict) else "damaged"
        word = str(verdict) if path.exists() else "not reported"
        by = _driven_by(folder.path, handed_over.get(str(folder.path.resolve())))
        trials = _ended(folder.path)
        rows.append({"run": str(folder.path), "verdict": word, "trials": trials, "by": by})
    if as_json:
        print(json.dumps(rows))
        return
    table = table_of("run", "verdict", "trials", "run by")
    for row in rows:
        table.add_row(said(row["run"]), said(row["verdict"]), row["trials"], said(row["by"]))
    console_of().print(table if rows else f"no runs below {root}")


def _driven_by(run: Path, handed_over: tuple[queue.Queue, Entry] | None) -> str:
    """Return who runs it now, "" where nobody does."""
    if handed_over is not None and handed_over[1].state not in OVER:
        return f"{name_of(handed_over[0])}, entry {handed_over[1].n}"
    pid = store.driver_of(run)
    return f"process {pid}" if pid is not None else ""


def _ended(run: Path) -> str:
    """Return how many of a run's trials have ended: `5 of 6`."""
    plan = load_json(run / "plan.json")
    trials = plan.get("trials") if isinstance(plan, dict) else None
    planned = len(trials) if isinstance(trials, list) else "?"
    return f"{sum(1 for _ in run.glob(f'trials/*/{SEAL}'))} of {planned}"


def logs(
    inventory_path: Inventory,
    hosts: Annotated[str, typer.Argument(help="As --limit has them; all hosts if left out.")] = "",
    limit: Limit = "",
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="So many of each.")] = 200,
) -> None:
    from harness.remote.fan_out import Remote, refuse_failed

    lab = limited(lab_at(inventory_path, hosts), limit)
    command = f"journalctl --no-pager -q -u 'slotlab-*' -n {lines}"
    with Remote(lab) as remote:
        results = remote.run(None, f"sudo -n {command} 2>/dev/null || {command}")
    for name, result in results.items():
        before = f"{name}: " if len(results) > 1 else ""
        for line in printable_lines(result.stdout).splitlines():
            print(f"{before}{line}")
    refuse_failed("reading the logs", results)
