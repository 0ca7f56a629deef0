"""The command heal: every fault off every host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from harness.cli.options import Become, Inventory, Limit, password
from harness.controller.console import Show
from harness.controller.terminal import console_of, said, styled
from harness.errors import EXIT_LAB
from harness.inventory import inventory
from harness.inventory.limit import limited
from harness.testbed import power

if TYPE_CHECKING:
    from harness.remote.fan_out import Remote

BOOT_S = 180.0
"""How long a host whose power was cut may take to come back."""


def heal(inventory_path: Inventory, limit: Limit = "", become: Become = False) -> None:
    from harness.remote.fan_out import Remote
    from harness.testbed import healing

    lab = limited(inventory.load(inventory_path), limit)
    if become:
        lab = lab.with_become_password(password())
    console = console_of()
    show = Show(console)

    with Remote(lab) as remote:
        clean = heal_provider(remote, show)
        show.tick(f"healing {len(lab.hosts)} host(s)")
        outcome = healing.heal(remote)
    show.quiet()
    print_outcome(console, outcome)
    if not clean or not all(each for each, _ in outcome.values()):
        raise typer.Exit(EXIT_LAB)


def heal_provider(remote: Remote, show: Show) -> bool:
    """Return whether nothing is left of what a provider took, and say what was.

    It comes first, as hosts that are off cannot be asked.
    """
    from harness.testbed import healing

    def tell(text: str) -> bool:
        show.tick(text)
        return True

    clean, healed = power.heal(remote.inventory)
    if healed or not clean:
        text = ", ".join(healed) or "is not healed; is its command in slotlab_power right?"
        print_outcome(show.console, {"provider": (clean, text)})
    if healed:
        names = [host.name for host in remote.inventory.hosts]
        healing.await_agents(remote, names, within_s=BOOT_S, tell=tell)
        show.quiet()
    return clean


def print_outcome(console: Console, outcome: Mapping[str, tuple[bool, str]]) -> None:
    """Print one line a host: whether it went well, and what was done or why not."""
    for host, (done, text) in outcome.items():
        console.print(f"{host}: {styled('ok' if done else 'fail')} {said(text)}", markup=True)
