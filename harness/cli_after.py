"""The command stop: a lab whose controller died, or has to end."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from harness import inventory
from harness.cli_heal import heal_provider, print_outcome
from harness.cli_options import Become, Inventory, password
from harness.errors import EXIT_LAB
from harness.show import Show
from harness.terminal import console_of

Force = Annotated[
    bool, typer.Option("--force", help="Also a campaign whose controller may be alive.")
]


def stop(inventory_path: Inventory, force: Force = False, become: Become = False) -> None:
    from harness import lock, stopping
    from harness.remote import Remote

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
