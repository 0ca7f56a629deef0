"""The command plan: what a campaign would do, when, to whom; it runs nothing."""

from typing import Annotated

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from harness.campaign import campaign_file
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
from harness.cli.tables.plan_tables import cells_of
from harness.controller.console import Show, console_of, table_of
from harness.inventory.inventory import Inventory
from harness.notation.units import text_of_ns
from harness.plan import lab_view, planner
from harness.plan.planner import LabView
from harness.plan.warnings import warnings
from metrics.model.cell_load import asked, load_text, peak_milli, rate_text, sent_until_ns
from metrics.model.number_text import size_text
from metrics.model.plan import Health, Plan, PlannedCell, encode
from metrics.model.zones import PlannedZones


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
    show = Show(console_of(stderr=as_json))
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
    for text in warnings(file, planned):
        show.console.print(f"warning: {text}", style="yellow", markup=False, highlight=False)
    if as_json:
        print(encode(planned).decode(), end="")
        return
    show.console.print(hosts_of(planned))
    for zones in zones_of(planned):
        show.console.print(zones)
    for shown in cells_of(planned):
        show.console.print(shown, highlight=False)
    for text in loads_of(planned):
        show.console.print(text, markup=False, highlight=False)
    show.console.print(totals_of(planned), highlight=False)


def _asked(lab: Inventory, draft: Plan, show: Show) -> LabView:
    """Return the lab as its hosts describe themselves; draft: the plan made without asking them."""
    from harness.orchestrator.fleet import Fleet, view
    from harness.preflight import clock
    from harness.remote.fan_out import Remote

    with Remote(lab) as remote:
        fleet = Fleet(remote)
        hellos = fleet.hello(show.tick)
        show.tick("asking who sets their clocks, and what is deployed")
        clock.refuse(draft, fleet.ask_each)
        return view(lab, fleet.deployed(), hellos)


def hosts_of(plan: Plan) -> Table:
    """Return who runs which producers, and whose node is told otherwise than the rest."""
    otherwise = {host.host: _otherwise(plan, host.host) for host in plan.hosts}
    more = ("its node",) if any(otherwise.values()) else ()
    table = table_of("host", "address", "producers", *more, title="hosts")
    for host in plan.hosts:
        own = (", ".join(host.producers) or "observer", *(otherwise[host.host] for _ in more))
        table.add_row(host.host, host.address, *own)
    return table


def _otherwise(plan: Plan, host: str) -> str:
    said = ["signs on an old head"] if host in plan.enable_stale_production else []
    said += ["validates lightly"] if host in plan.light else []
    if new := plan.newcomers.get(host):
        said.append(f"signs for {', '.join(new)}, too, once scheduled")
    if spare := plan.spare_keys.get(host):
        said.append(f"has the keys {', '.join(spare)}, too")
    if (ready := plan.supports.get(host)) is not None:
        said.append(f"is ready for {', '.join(ready) or 'no hard fork'}")
    if urgent := plan.urgent.get(host):
        said.append(f"wants {', '.join(urgent)} at once")
    if trusted := plan.trusted_producers.get(host):
        said.append(f"trusts {', '.join(trusted)}")
    return "; ".join(said)


def zones_of(plan: Plan) -> list[Table]:
    """Return, for each cell that has zones, the round trips between those that hosts stand in."""
    tables = []
    for cell in plan.cells:
        zones = cell.zones
        if zones is None:
            continue
        inside: dict[str, list[str]] = {}
        for host, zone in zones.hosts.items():
            inside.setdefault(zone, []).append(host)
        which = f", cell {cell.n}" if len(plan.cells) > 1 else ""
        table = table_of(
            "zone", f"hosts ({zones.dealt})", *inside,
            title=f"round trips in ms{' (and losses each way)' if zones.losses else ''} between"
            f" zones{which}: {escape(' and '.join(filter(None, (zones.matrix, zones.losses))))},"
            f" from T0 to the end of each trial, by {zones.how}",
        )  # fmt: skip
        for one, hosts in inside.items():
            table.add_row(one, ", ".join(hosts), *(_apart(zones, one, other) for other in inside))
        tables.append(table)
    return tables


def loads_of(plan: Plan) -> list[str]:
    """Return a line about the load of each cell; one, where that of all is the same."""
    lines = {cell.n: _load(plan, cell) for cell in plan.cells}
    if len(set(lines.values())) == 1:
        lines = {0: lines[plan.cells[0].n]}
    return [f"cell {n}, {text}" if n else text for n, text in lines.items() if text]


def _load(plan: Plan, cell: PlannedCell) -> str:
    text, lasts_ns = load_text(cell), sent_until_ns(plan.end_ns)
    if not text:
        return ""
    count, closed = asked(cell, lasts_ns), cell.shape and cell.shape.closed
    return (
        f"load: {text}; {rate_text(peak_milli(cell))} at most, {'up to ' if closed else ''}{count}"
        f" transactions of {cell.size_bytes} B in each trial, {size_text(count * cell.size_bytes)}"
    )


def _apart(zones: PlannedZones, one: str, other: str) -> str:
    """Return the round trip between two zones, and the loss: `83 (0.5 %)`."""
    rtt_ns = zones.rtt_ns[one].get(other)
    lost_ppm = zones.loss_ppm.get(one, {}).get(other, 0)
    lost = f" ({lost_ppm / 1e4:g} %)" if lost_ppm else ""
    return f"{'–' if rtt_ns is None else f'{rtt_ns / 1e6:g}'}{lost}"


def totals_of(plan: Plan) -> str:
    """Return the plan's cost, then of each of its chains the prediction and what it is told."""
    lines = [
        f"{len(plan.trials)} trial(s) of {text_of_ns(plan.end_ns)}; about"
        f" {plan.estimate.seconds // 60} min {plan.estimate.seconds % 60} s in all,"
        f" {plan.estimate.raw_bytes / 1e6:.0f} MB of raw events before compression"
    ]
    several = any(cell.chain for cell in plan.cells)
    for cell in plan.cells if several else plan.cells[:1]:
        here = plan.in_cell(cell)
        lag = here.prediction.finality_lag_blocks
        lines.append(
            f"{f'cell {cell.n}, {here.profile}: ' if several else ''}predicted finality lag"
            f" undisturbed: {lag.min} to {lag.max} blocks; quorum {here.quorum} of"
            f" {here.schedule_size}"
        )
        lines += _told(here)
    return "\n".join(lines)


def _told(plan: Plan) -> list[str]:
    """What differs from a chain of which nothing is said."""
    usual = {field.name: field.default for field in msgspec.structs.fields(Plan)}
    words = {
        "watermark": f"a producer's watermark: {plan.watermark}",
        "max_block_bytes": f"blocks: at most {plan.max_block_bytes}B",
        "max_transaction_lifetime_s": f"transactions: live {plan.max_transaction_lifetime_s}s",
    }
    said = [text for name, text in words.items() if getattr(plan, name) != usual[name]]
    if plan.fio is not None:
        said.append(f"accounts elect at most {plan.fio['elected']} producers")
    if plan.max_irreversible_block_age_ns is not None:
        age = text_of_ns(plan.max_irreversible_block_age_ns)
        said.append(f"nobody signs once the last irreversible block is {age} old")
    if plan.health != Health():
        limits, slots = plan.health, plan.health_slots
        said.append(
            f"nodes call the network degraded below {limits.degraded_below / 100:g} % and halted"
            f" below {limits.halted_below / 100:g} % of the latest {slots} slots"
        )
    if plan.system_account and not any(trial.acts for trial in plan.trials):
        said.append("there is a system account, which does nothing")
    return said
