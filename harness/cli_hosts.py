"""Commands about hosts, whoever made them: check, deploy, wipe."""

from __future__ import annotations

import dataclasses
import getpass
import json
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness import deploy as deploying
from harness import inventory, tables
from harness.cli_run import AsJson, Inventory
from harness.deploy import DeployResult
from harness.errors import EXIT_LAB
from harness.playbook import PlayOptions
from harness.show import Show


def add(app: typer.Typer) -> None:
    """Add this file's commands to the app."""
    app.command("check", help="Preflight, read-only: ok, warn or fail with the remedy.")(check)
    app.command("deploy", help="Bring the hosts to what this clone says; idempotent.")(deploy)
    app.command("wipe", help="Remove everything deploy brought.")(wipe)


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
