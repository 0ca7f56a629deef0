"""Commands about the lab itself: lab up|down|status|ssh, check, deploy, wipe."""

from __future__ import annotations

import dataclasses
import getpass
import json
import os
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness import deploy as deploying
from harness import inventory, tables
from harness.cli_run import AsJson, Inventory
from harness.deploy import DeployResult
from harness.errors import EXIT_LAB, UsageError
from harness.labs import container
from harness.playbook import PlayOptions
from harness.show import Show

Name = Annotated[str, typer.Option("--name", help="Name of the lab.")]


def add(app: typer.Typer) -> None:
    """Add this file's commands to the app."""
    lab = typer.Typer(help="Make, look at or remove a lab on this machine.", no_args_is_help=True)
    lab.command("up", help="Make a lab and print its inventory.")(up)
    lab.command("down", help="Remove a lab, every trace of it.")(down)
    lab.command("status", help="Show a lab's hosts, or all labs.")(status)
    lab.command("ssh", help="Log in to a host, or run a command there.")(ssh)
    app.add_typer(lab, name="lab")
    app.command("check", help="Preflight, read-only: ok, warn or fail with the remedy.")(check)
    app.command("deploy", help="Bring the hosts to what this clone says; idempotent.")(deploy)
    app.command("wipe", help="Remove everything deploy brought.")(wipe)


def up(
    name: Name = "default",
    hosts: Annotated[int, typer.Option("--hosts", help="Hosts that run a node.")] = 4,
    provider: Annotated[str, typer.Option("--provider", help="container")] = "container",
) -> None:
    if provider != "container":
        raise UsageError(f"--provider {provider}: only container labs can be made yet")
    console = Console()
    show = Show(console)
    lab = container.up(container.LabSpec(name=name, hosts=hosts), show.step)
    print(f"inventory: {lab.inventory}", file=console.file)


def down(name: Name = "default") -> None:
    if not container.down(name, Show(Console()).step):
        print(f"lab {name}: there is none")


def status(name: Annotated[str | None, typer.Option("--name")] = None) -> None:
    names = [name] if name else list(container.list_labs())
    table = Table("lab", "host", "role", "address", "running", "pid", "ssh")
    for each in names:
        found = container.status(each)
        if found is None:
            raise UsageError(f"no lab {each}; slotlab lab up --name {each} makes one")
        for host in found.hosts:
            table.add_row(
                f"{each} ({found.phase})",
                host.name,
                host.role,
                host.address,
                "yes" if host.running else "no",
                str(host.pid or ""),
                "yes" if host.ssh else "no",
            )
    Console().print(table if names else "no labs; slotlab lab up makes one")


def ssh(
    host: Annotated[str, typer.Argument()],
    command: Annotated[list[str] | None, typer.Argument()] = None,
    name: Name = "default",
) -> None:
    words = [*container.ssh_command(name, host), *(command or [])]
    os.execvp(words[0], words)


def deploy(
    inventory_path: Inventory,
    diff: Annotated[bool, typer.Option("--diff", help="Show what changes in files.")] = False,
    become: Annotated[
        bool, typer.Option("--ask-become-pass", "-K", help="Ask for the sudo password.")
    ] = False,
) -> None:
    show = Show(Console())
    result = deploying.deploy(
        inventory.load(inventory_path),
        progress=show.step,
        options=_options(diff=diff, ask_password=become),
    )
    _print_outcomes(show, result)


def wipe(
    inventory_path: Inventory,
    become: Annotated[
        bool, typer.Option("--ask-become-pass", "-K", help="Ask for the sudo password.")
    ] = False,
) -> None:
    show = Show(Console())
    result = deploying.wipe(
        inventory.load(inventory_path),
        progress=show.step,
        options=_options(diff=False, ask_password=become),
    )
    _print_outcomes(show, result)


def check(inventory_path: Inventory, as_json: AsJson = False) -> None:
    from harness import preflight

    rows = preflight.check(inventory.load(inventory_path)).rows
    if as_json:
        print(json.dumps([dataclasses.asdict(row) for row in rows], indent=1))
    else:
        table = Table("host", "check", "verdict", "detail", "remedy")
        for row in rows:
            shown = escape(row.host), escape(row.check), tables.styled(row.verdict)
            table.add_row(*shown, escape(row.detail), escape(row.remedy))
        Console().print(table)
    if any(row.verdict == "fail" for row in rows):
        raise typer.Exit(EXIT_LAB)


def _options(*, diff: bool, ask_password: bool) -> PlayOptions:
    password = getpass.getpass("sudo password: ") if ask_password else None
    return PlayOptions(become_password=password, diff=diff)


def _print_outcomes(show: Show, result: DeployResult) -> None:
    """Print one line a host and its details; leave with the lab's status if one failed."""
    show.quiet()
    console = show.console
    for outcome in result.outcomes:
        word = {"failed": "fail", "changed": "changed", "unchanged": "unchanged"}[outcome.state]
        why = f": {escape(outcome.reason)}" if outcome.reason else ""
        console.print(f"{outcome.host}: {tables.styled(word)}{why}", highlight=False)
        for line in (*outcome.lines, *outcome.diff):
            console.print(f"    {escape(line)}", highlight=False)
    console.print(f"{result.elapsed_ns / 1e9:.1f} s", highlight=False)
    if not result.ok:
        raise typer.Exit(EXIT_LAB)
