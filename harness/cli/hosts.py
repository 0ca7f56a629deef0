"""Commands about hosts, whoever made them: check, deploy, wipe."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import AsJson, Become, Inventory, Limit, MaybeInventory, lab_at, password
from harness.controller.console import Show, console_of, said, styled, table_of
from harness.controller.version import needs_clone
from harness.deploy.packages import HOST_PACKAGES, install_line
from harness.errors import EXIT_LAB, UsageError
from harness.notation import units
from harness.preflight.rows import Row, failed, findings_of, shown

if TYPE_CHECKING:
    from harness.deploy.rollout import DeployResult


def deploy(
    inventory_path: MaybeInventory = None,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show what would change, line by line; apply nothing.")
    ] = False,
    packages: Annotated[
        bool, typer.Option("--packages", help="Print the Debian packages hosts need; do nothing.")
    ] = False,
    limit: Limit = "",
    become: Become = False,
) -> None:
    if packages:
        _print_packages()
        return
    if inventory_path is None:
        raise UsageError("deploy: no hosts given; add -i INVENTORY (slotlab lab init writes one)")
    needs_clone("deploy")
    from harness.deploy import rollout as deploying
    from harness.deploy.playbook import PlayOptions

    lab, show = lab_at(inventory_path, limit), Show(console_of())
    options = PlayOptions(become_password=password() if become else None, diff=diff)
    result = deploying.deploy(lab, show.step, options=options, tell=show.tick)
    _print_outcomes(show, result, applied=not diff)


def wipe(inventory_path: Inventory, limit: Limit = "", become: Become = False) -> None:
    needs_clone("wipe")
    from harness.deploy import rollout as deploying
    from harness.deploy.playbook import PlayOptions

    lab, show = lab_at(inventory_path, limit), Show(console_of())
    options = PlayOptions(become_password=password() if become else None)
    result = deploying.wipe(lab, show.step, options=options, tell=show.tick)
    _print_outcomes(show, result)


def _print_packages() -> None:
    """Print what hosts need, whether or not there is a rack yet."""
    words = {"always": "needed", "manage": "slotlab_time: manage", "useful": "useful"}
    table = table_of("package", "when", "what for")
    for package in HOST_PACKAGES:
        table.add_row(package.name, words[package.need], package.why)
    console = console_of()
    console.print(table)
    needed = [package.name for package in HOST_PACKAGES if package.need == "always"]
    console.print(install_line(needed), highlight=False, soft_wrap=True)


def check(
    inventory_path: Inventory,
    quick: Annotated[bool, typer.Option("--quick", help="Without the 10 s of loss.")] = False,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Delay all pairs by 20 ms for a moment; measure it.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="Show what is ok, too.")] = False,
    limit: Limit = "",
    slot: Annotated[str, typer.Option("--slot", help="The slot to judge disk and clock by.")] = "",
    become: Become = False,
    as_json: AsJson = False,
) -> None:
    from harness.orchestrator import calibrate as calibrating
    from harness.preflight import check

    options = check.CheckOptions(
        slot_ns=_slot_ns(slot) if slot else check.DEFAULT_SLOT_NS,
        loss_s=0.0 if quick else check.LOSS_S,
    )
    lab = lab_at(inventory_path, limit, become=become)
    show = Show(console_of(stderr=as_json))
    rows, measured = check.check(lab, options, show.tick), list[Row]()
    show.quiet()
    if not as_json:
        show.console.print(findings_of(shown(rows, everything=everything)))
    if calibrate and not failed(rows):
        measured = calibrating.calibrate(lab, show.step)
        if not as_json:
            show.console.print(findings_of(measured))
    if as_json:
        print(json.dumps([dataclasses.asdict(row) for row in rows + measured], indent=1))
    if failed(rows + measured):
        raise typer.Exit(EXIT_LAB)


def _slot_ns(text: str) -> int:
    try:
        return units.positive_ns(text, "500ms")
    except ValueError as error:
        raise UsageError(f"--slot: {error}") from error


def _print_outcomes(show: Show, result: DeployResult, *, applied: bool = True) -> None:
    """Print one line a host and its details; leave with the lab's status if one failed."""
    show.quiet()
    console = show.console
    for outcome in result.outcomes:
        changed = "changed" if applied else "would change"
        word = {"failed": "fail", "changed": changed, "unchanged": "unchanged"}[outcome.state]
        why = f": {said(outcome.failure)}" if outcome.failure else ""
        console.print(f"{outcome.host}: {styled(word)}{why}", highlight=False)
        for line in (*outcome.lines, *outcome.diff):
            if not applied and line.startswith("wrote "):
                continue  # the diff below says it
            console.print(f"    {said(line)}", highlight=False, soft_wrap=True)
    end = "" if applied else "; nothing was changed"
    console.print(f"{result.elapsed_ns / 1e9:.1f} s{end}", highlight=False)
    if not result.ok:
        raise typer.Exit(EXIT_LAB)
