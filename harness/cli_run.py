"""Commands that run campaigns: demo, plan, run, heal, watch."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from harness import campaign, healing, inventory, plan, power, store, tables
from harness.errors import EXIT_FAILED, EXIT_LAB, EXIT_OK, UsageError
from harness.fleet import Fleet, view, view_unasked
from harness.mechanism import SIM
from harness.remote import Remote
from harness.show import Show
from metrics.model.plan import encode
from metrics.model.printable import printable

Inventory = Annotated[
    Path, typer.Option("--inventory", "-i", help="Ansible inventory of the lab (YAML).")
]
MaybeInventory = Annotated[
    Path | None, typer.Option("--inventory", "-i", help="Ansible inventory of the lab (YAML).")
]
LabKind = Annotated[str | None, typer.Option("--lab", help="sim: the simulator, no hosts at all.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Seed = Annotated[int | None, typer.Option("--seed", help="Replace the campaign's seed.")]
Runs = Annotated[Path, typer.Option("--runs", help="Folder for run folders.")]

BOOT_S = 180.0
"""How long a host whose power was cut may take to come back."""
_EXIT = {"pass": EXIT_OK, "fail": EXIT_FAILED, "invalid": EXIT_LAB}


def add(app: typer.Typer) -> None:
    """Add this file's commands to the app."""
    app.command("demo", help="The main job on this machine: lab, deploy, campaign, report.")(demo)
    app.command("plan", help="Show what a campaign would do, when, to whom; run nothing.")(
        show_plan
    )
    app.command("run", help="Run a campaign and report.")(run_campaign)
    app.command("heal", help="Remove every fault everywhere, from the hosts' ledgers.")(heal)
    app.command("watch", help="Live table of the nodes.")(watch)


def demo(
    name: Annotated[str, typer.Argument(help="Campaign to run.")] = "demo",
    hosts: Annotated[int, typer.Option("--hosts", help="Hosts of the lab.")] = 4,
    runs: Runs = store.ROOT,
    seed: Seed = None,
) -> None:
    from harness.demo import DemoOptions, run_demo

    console = Console()
    outcome = run_demo(DemoOptions(campaign=name, hosts=hosts, runs=runs, seed=seed), Show(console))
    raise typer.Exit(print_summary(console, outcome.folder, outcome.summary))


def show_plan(
    campaign_name: Annotated[str, typer.Argument(metavar="CAMPAIGN")],
    inventory_path: MaybeInventory = None,
    lab_kind: LabKind = None,
    as_json: AsJson = False,
    seed: Seed = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask the hosts what they can do.")
    ] = False,
) -> None:
    from harness.sim.campaign import view as sim_view

    simulated = _is_sim("plan", lab_kind, inventory_path)
    file = campaign.load(campaign.find(campaign_name))
    if simulated:
        planned = plan.build(file, sim_view(file), seed=seed)
    else:
        assert inventory_path is not None
        lab = inventory.load(inventory_path)
        planned = plan.build(file, view_unasked(lab), seed=seed)
        if not offline:
            with Remote(lab) as remote:
                fleet = Fleet(remote)
                hellos = fleet.hello()
                planned = plan.build(file, view(lab, fleet.deployed(), hellos), seed=seed)
    if as_json:
        print(encode(planned).decode(), end="")
        return
    console = Console()
    console.print(tables.hosts_of(planned))
    for trial in planned.trials:
        console.print(tables.trial_of(planned, trial))
    console.print(tables.totals_of(planned), highlight=False)


def run_campaign(
    campaign_name: Annotated[str, typer.Argument(metavar="CAMPAIGN")],
    inventory_path: MaybeInventory = None,
    lab_kind: LabKind = None,
    runs: Runs = store.ROOT,
    seed: Seed = None,
    only: Annotated[int | None, typer.Option("--only", help="Run this cell only.")] = None,
    resume: Annotated[str | None, typer.Option("--resume", help="Not there yet.")] = None,
    as_json: AsJson = False,
) -> None:
    from harness.run import RunOptions, run

    if resume is not None:
        raise UsageError("--resume: not there yet; run the campaign again, or --only CELL")
    if _is_sim("run", lab_kind, inventory_path):
        _run_in_sim(campaign_name, runs=runs, seed=seed, only=only, as_json=as_json)
    assert inventory_path is not None
    console = Console(stderr=as_json)
    options = RunOptions(
        campaign=campaign_name, inventory=inventory_path, runs=runs, seed=seed, only_cell=only
    )
    outcome = run(options, Show(console))
    if as_json:
        print((outcome.folder / "summary.json").read_text(), end="")
    raise typer.Exit(print_summary(console, outcome.folder, outcome.summary))


def _is_sim(command: str, lab_kind: str | None, inventory_path: Path | None) -> bool:
    """Return whether the simulator was asked for; exactly one of hosts and simulator must be."""
    if lab_kind not in (None, SIM):
        raise UsageError(f"--lab {lab_kind}: write -i INVENTORY; the inventory names its lab")
    if lab_kind == SIM and inventory_path is not None:
        raise UsageError(f"{command}: --lab sim has no hosts; leave -i out")
    if lab_kind is None and inventory_path is None:
        raise UsageError(
            f"{command}: no hosts given; add -i INVENTORY (slotlab lab up makes one) or --lab sim"
        )
    return lab_kind == SIM


def _run_in_sim(
    name: str, *, runs: Path, seed: int | None, only: int | None, as_json: bool
) -> NoReturn:
    """Run a campaign in the simulator; unless it passes, say how to see the same again."""
    from harness.run_sim import SimOptions, repeat_line, run

    console = Console(stderr=as_json)
    options = SimOptions(campaign=name, runs=runs, seed=seed, only_cell=only)
    outcome = run(options, Show(console))
    if as_json:
        print((outcome.folder / "summary.json").read_text(), end="")
    status = print_summary(console, outcome.folder, outcome.summary)
    if status != EXIT_OK:
        print(f"repeat:  {repeat_line(options, outcome.plan)}", file=console.file)
    raise typer.Exit(status)


def heal(
    inventory_path: Inventory,
    become: Annotated[
        bool, typer.Option("--ask-become-pass", "-K", help="Ask for the sudo password.")
    ] = False,
) -> None:
    lab = inventory.load(inventory_path)
    if become:
        lab = lab.with_become_password(getpass.getpass("sudo password: "))
    console = Console()
    clean, healed = power.heal(lab)  # first, as hosts that are off cannot be asked
    if healed or not clean:
        text = ", ".join(healed) or "is not healed; is its command in slotlab_power right?"
        word = tables.styled("ok" if clean else "fail")
        console.print(f"provider: {word} {tables.said(text)}", markup=True)
    with Remote(lab) as remote:
        if healed:
            _await_all(remote, Show(console))
        outcome = healing.heal(remote)
    for host, (done, text) in outcome.items():
        console.print(
            f"{host}: {tables.styled('ok' if done else 'fail')} {tables.said(text)}", markup=True
        )
    if not clean or not all(each for each, _ in outcome.values()):
        raise typer.Exit(EXIT_LAB)


def _await_all(remote: Remote, show: Show) -> None:
    def tell(text: str) -> bool:
        show.tick(text)
        return True

    names = [host.name for host in remote.inventory.hosts]
    healing.await_agents(remote, names, within_s=BOOT_S, tell=tell)
    show.quiet()


def watch(
    inventory_path: Inventory,
    once: Annotated[bool, typer.Option("--once", help="Print one table and end.")] = False,
) -> None:
    from harness.watch import watch as live

    live(inventory.load(inventory_path), Console(), turns=1 if once else None)


def print_summary(console: Console, folder: Path, summary: Mapping[str, Any]) -> int:
    """Return the exit status the verdict earns after printing tables and the report's path."""
    for table in tables.phases_of(summary):
        console.print(table)
    console.print(tables.faults_of(summary))
    console.print(tables.checks_of(summary))
    for reason in summary.get("invalid", []):
        text = printable(f"invalid: {reason}")
        console.print(text, style="yellow", markup=False, highlight=False)
    console.print(f"verdict: {tables.styled(summary['verdict'])}")
    print(f"report:  {(folder / 'report.html').resolve()}", file=console.file)
    return _EXIT.get(str(summary["verdict"]), EXIT_LAB)
