"""Commands for a lab whose controller died: stop, collect."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from harness.cli.heal import heal_provider, print_outcome
from harness.cli.options import AsJson, Become, Inventory, Runs, password, run_names
from harness.controller import store
from harness.controller.console import Show
from harness.controller.terminal import console_of
from harness.errors import EXIT_LAB
from harness.inventory import inventory

Force = Annotated[
    bool, typer.Option("--force", help="Also a campaign whose controller may be alive.")
]
MaybeRun = Annotated[
    str | None,
    typer.Argument(metavar="[RUN]", help="The run it has to be of.", autocompletion=run_names),
]


def stop(inventory_path: Inventory, force: Force = False, become: Become = False) -> None:
    from harness.orchestrator import stopping
    from harness.remote.fan_out import Remote
    from harness.testbed import lock

    lab = inventory.load(inventory_path)
    if become:
        lab = lab.with_become_password(password())
    console = console_of()
    with contextlib.ExitStack() as stack:
        if not force:
            stack.enter_context(lock.hold(lab.lab_id, stopping.PURPOSE))
        remote = stack.enter_context(Remote(lab))
        held = stopping.seize(remote, force=force)
        clean = heal_provider(remote, Show(console))
        outcome = stopping.stop(remote, held)
    print_outcome(console, outcome)
    if not clean or not all(done for done, _ in outcome.values()):
        raise typer.Exit(EXIT_LAB)


def collect(
    inventory_path: Inventory,
    run: MaybeRun = None,
    runs: Runs = store.ROOT,
    as_json: AsJson = False,
) -> None:
    from harness.cli.summary_tables import print_summary
    from harness.orchestrator import left_behind
    from harness.orchestrator.reporting import report
    from harness.remote.fan_out import Remote
    from harness.testbed import lock

    lab = inventory.load(inventory_path)
    console = console_of(stderr=as_json)
    show = Show(console)
    purpose = "slotlab collect"
    with (
        lock.hold(lab.lab_id, purpose),
        Remote(lab) as remote,
        lock.hold_hosts(remote, purpose),
    ):
        show.tick("collecting")
        collected = left_behind.bring_home(remote, runs, run)
    for problem in collected.problems:
        show.step(f"warning: {problem}")
    path = collected.folder.path
    summary = report(path, show.tick)
    show.quiet()
    status = print_summary(console, path, summary)
    if as_json:
        print((path / "summary.json").read_text(), end="")
    raise typer.Exit(status)
