"""Commands that make, look at and remove a lab: lab up|down|status|ssh, and lab init."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from harness.controller.console import Show, console_of, table_of
from harness.errors import UsageError
from harness.labs import state, topology
from harness.labs.lifecycle import container_lab, running, vm_lab

Name = Annotated[str, typer.Option("--name", help="Name of the lab.")]


def up(
    name: Name = "default",
    hosts: Annotated[int, typer.Option("--hosts", help="Hosts that run a node.")] = 4,
    provider: Annotated[str, typer.Option("--provider", help="container or vm")] = "container",
    shape: Annotated[
        Path | None, typer.Option("--topology", help="A file that says what the VMs are like.")
    ] = None,
) -> None:
    if provider not in ("container", "vm"):
        raise UsageError(f"--provider {provider}: use container or vm")
    if shape and provider != "vm":
        raise UsageError("--topology: only VMs can be dressed; add --provider vm")
    spec = topology.load(shape) if shape else None
    console = console_of()
    show = Show(console)
    if provider == "vm":
        lab = vm_lab.up(name, hosts, show.step, spec)
    else:
        lab = container_lab.up(name, hosts, show.step)
    print(f"inventory: {lab.inventory}", file=console.file)


def down(name: Name = "default") -> None:
    from harness.testbed.lab_teardown import take_down

    if not take_down(name, Show(console_of()).step):
        print(f"lab {name}: there is none")


def status(name: Annotated[str | None, typer.Option("--name")] = None) -> None:
    names = [name] if name else list(state.list_labs())
    table = table_of("lab", "provider", "host", "role", "address", "running", "pid", "ssh")
    for each in names:
        found = running.status(each)
        if found is None:
            raise UsageError(f"no lab {each}; slotlab lab up --name {each} makes one")
        for host in found.hosts:
            power, ssh = ("yes" if well else "no" for well in (host.running, host.ssh))
            known = (host.name, host.role, host.address, power, str(host.pid or ""), ssh)
            table.add_row(f"{each} ({found.phase})", found.provider, *known)
    console_of().print(table if names else "no labs; slotlab lab up makes one")


def ssh(
    host: Annotated[str, typer.Argument()],
    command: Annotated[list[str] | None, typer.Argument()] = None,
    name: Name = "default",
) -> None:
    words = [*running.ssh_command(name, host), *(command or [])]
    os.execvp(words[0], words)
