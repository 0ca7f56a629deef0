"""Commands that run campaigns: demo, run."""

from typing import Annotated

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
    from harness.cli.summary_tables import print_summary
    from harness.orchestrator import run, run_sim

    show = Show(console_of(stderr=as_json))
    options = run.RunOptions(campaign=campaign_name, runs=runs, seed=seed, only_cell=only)
    if simulated:
        outcome = run_sim.run(options, show)
    else:
        assert inventory_path is not None
        outcome = run.run(options, inventory_path, show, limit=limit)
    status = print_summary(show.console, outcome.folder, outcome.summary, as_json=as_json)
    if simulated and status != EXIT_OK:
        print(f"repeat:  {run_sim.repeat_line(options, outcome.plan)}", file=show.console.file)
    raise typer.Exit(status)
