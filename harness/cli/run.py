"""Commands that run campaigns: demo, run."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from harness.cli.options import AsJson, Campaign, LabKind, Limit, MaybeInventory, Runs, Seed, is_sim
from harness.controller import store
from harness.controller.console import Show, console_of
from harness.controller.version import needs_clone
from harness.errors import EXIT_OK


def demo(
    name: Campaign = "demo",
    hosts: Annotated[int, typer.Option("--hosts", help="Hosts of the lab.")] = 4,
    runs: Runs = store.ROOT,
    seed: Seed = None,
) -> None:
    needs_clone("demo")
    from harness.cli.summary_tables import print_summary
    from harness.orchestrator.demo import run_demo
    from harness.orchestrator.run import RunOptions

    console = console_of()
    outcome = run_demo(RunOptions(campaign=name, runs=runs, seed=seed), Show(console), hosts=hosts)
    raise typer.Exit(print_summary(console, outcome.folder, outcome.summary))


def run_campaign(
    campaign_name: Campaign,
    inventory_path: MaybeInventory = None,
    lab_kind: LabKind = None,
    limit: Limit = "",
    runs: Runs = store.ROOT,
    seed: Seed = None,
    only: Annotated[int | None, typer.Option("--only", help="Run this cell only.")] = None,
    as_json: AsJson = False,
) -> None:
    simulated = is_sim("run", lab_kind, inventory_path, limit)
    from harness.campaign import campaign_file

    campaign_file.load(campaign_file.find(campaign_name))  # a mistake there should wait for nothing
    if simulated:
        _run_in_sim(campaign_name, runs=runs, seed=seed, only=only, as_json=as_json)
    assert inventory_path is not None
    from harness.cli.summary_tables import print_summary
    from harness.orchestrator.run import RunOptions, run

    console = console_of(stderr=as_json)
    options = RunOptions(campaign=campaign_name, runs=runs, seed=seed, only_cell=only)
    outcome = run(options, inventory_path, Show(console), limit=limit)
    raise typer.Exit(print_summary(console, outcome.folder, outcome.summary, as_json=as_json))


def _run_in_sim(
    name: str, *, runs: Path, seed: int | None, only: int | None, as_json: bool
) -> NoReturn:
    """Run a campaign in the simulator; unless it passes, say how to see the same again."""
    from harness.cli.summary_tables import print_summary
    from harness.orchestrator.run import RunOptions
    from harness.orchestrator.run_sim import repeat_line, run

    console = console_of(stderr=as_json)
    options = RunOptions(campaign=name, runs=runs, seed=seed, only_cell=only)
    outcome = run(options, Show(console))
    status = print_summary(console, outcome.folder, outcome.summary, as_json=as_json)
    if status != EXIT_OK:
        print(f"repeat:  {repeat_line(options, outcome.plan)}", file=console.file)
    raise typer.Exit(status)
