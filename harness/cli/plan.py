"""The command plan: what a campaign would do, when, to whom; it runs nothing."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.campaign import campaign_file
from harness.cli import plan_tables
from harness.cli.options import (
    AsJson,
    Campaign,
    LabKind,
    Limit,
    MaybeInventory,
    Seed,
    is_sim,
    lab_at,
)
from harness.controller.console import Show
from harness.controller.terminal import console_of
from harness.inventory.inventory import Inventory
from harness.plan import lab_view, planner
from harness.plan.planner import LabView
from metrics.model.plan import Plan, encode


def show_plan(
    campaign_name: Campaign,
    inventory_path: MaybeInventory = None,
    lab_kind: LabKind = None,
    limit: Limit = "",
    as_json: AsJson = False,
    seed: Seed = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask the hosts what they can do.")
    ] = False,
) -> None:
    simulated = is_sim("plan", lab_kind, inventory_path, limit)
    console = console_of(stderr=as_json)
    show = Show(console)
    file = campaign_file.load(campaign_file.find(campaign_name))
    if simulated:
        planned = planner.build(file, lab_view.simulated(file), seed=seed)
    else:
        assert inventory_path is not None
        lab = lab_at(inventory_path, limit)
        planned = planner.build(file, lab_view.of_inventory(lab), seed=seed)
        if not offline:
            planned = planner.build(file, _asked(lab, planned, show), seed=seed)
    show.quiet()
    if as_json:
        print(encode(planned).decode(), end="")
        return
    console.print(plan_tables.hosts_of(planned))
    for trial in planned.trials:
        console.print(plan_tables.trial_of(planned, trial))
    console.print(plan_tables.totals_of(planned), highlight=False)


def _asked(lab: Inventory, draft: Plan, show: Show) -> LabView:
    """Return the lab as its hosts describe themselves; draft: the plan made without asking them."""
    from harness.orchestrator.fleet import Fleet, view
    from harness.preflight import clock_strangers
    from harness.remote.fan_out import Remote

    with Remote(lab) as remote:
        fleet = Fleet(remote)
        hellos = fleet.hello(show.tick)
        show.tick("asking who sets their clocks, and what is deployed")
        clock_strangers.refuse(draft, fleet.ask_each)
        return view(lab, fleet.deployed(), hellos)
