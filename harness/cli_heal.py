"""The command heal: every fault off every host."""

from __future__ import annotations

import typer

from harness import inventory, power
from harness.cli_options import Become, Inventory, Limit, password
from harness.errors import EXIT_LAB
from harness.inventory_limit import limited
from harness.show import Show
from harness.terminal import console_of, said, styled

BOOT_S = 180.0
"""How long a host whose power was cut may take to come back."""


def heal(inventory_path: Inventory, limit: Limit = "", become: Become = False) -> None:
    from harness import healing
    from harness.remote import Remote

    lab = limited(inventory.load(inventory_path), limit)
    if become:
        lab = lab.with_become_password(password())
    console = console_of()
    show = Show(console)

    def tell(text: str) -> bool:
        show.tick(text)
        return True

    clean, healed = power.heal(lab)  # first, as hosts that are off cannot be asked
    if healed or not clean:
        text = ", ".join(healed) or "is not healed; is its command in slotlab_power right?"
        word = styled("ok" if clean else "fail")
        console.print(f"provider: {word} {said(text)}", markup=True)
    with Remote(lab) as remote:
        if healed:
            names = [host.name for host in lab.hosts]
            healing.await_agents(remote, names, within_s=BOOT_S, tell=tell)
            show.quiet()
        outcome = healing.heal(remote)
    for host, (done, text) in outcome.items():
        console.print(f"{host}: {styled('ok' if done else 'fail')} {said(text)}", markup=True)
    if not clean or not all(each for each, _ in outcome.values()):
        raise typer.Exit(EXIT_LAB)
