"""Commands that make, look at and remove a lab: lab up|down|status|ssh, and lab init."""

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from harness.controller.console import Show, console_of, table_of
from harness.errors import RunError, UsageError
from harness.inventory import inventory
from harness.labs import state, topology
from harness.labs.lifecycle import container_lab, running, vm_lab
from harness.testbed import lab_init

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
    show = Show(console_of())
    if provider == "vm":
        lab = vm_lab.up(name, hosts, show.step, spec)
    else:
        lab = container_lab.up(name, hosts, show.step)
    print(f"inventory: {lab.inventory}", file=show.console.file)


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


def init(
    hosts: Annotated[
        list[str] | None,
        typer.Argument(help="[name=][user@]address[:port][,data address]", show_default=False),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="Hosts, one a line; # is a comment.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="The inventory to write.")] = Path("rack.yml"),
    user: Annotated[str, typer.Option("--user", help="Login of all hosts.")] = "",
    key: Annotated[str, typer.Option("--key", help="Private key file of that login.")] = "",
    ssh_args: Annotated[
        str, typer.Option("--ssh-args", help='Further words for ssh: "-J me@gateway".')
    ] = "",
    zone: Annotated[str, typer.Option("--zone", help="slotlab_zone of all these hosts.")] = "",
    ntp: Annotated[
        list[str] | None, typer.Option("--ntp", help="An NTP server of your network; repeatable.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Write it without asking the hosts anything.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    words = [*(hosts or []), *(lab_init.read_list(file) if file else [])]
    if not words:
        raise UsageError("name at least one host, or a file of hosts with -f")
    if out.exists() and not force:
        raise UsageError(f"--out {out}: it exists; name another file, or add --force")
    given = [lab_init.parse(word) for word in words]
    places = [lab_init.place(one) for one in given]
    if twice := [one for one in dict.fromkeys(places) if places.count(one) > 1]:
        raise UsageError(f"{', '.join(twice)}: listed twice; one node runs on a host")
    wishes = lab_init.Wishes(
        user=user, key=key, ssh_args=ssh_args, zone=zone, ntp=tuple(ntp or ())
    )  # fmt: skip
    if offline:
        found = [lab_init.Found(system="not asked (--offline)") for _ in given]
    else:
        found = lab_init.ask_all(given, wishes, Show(console_of()))
    away = [one for one, said in zip(places, found, strict=True) if said.problem]
    if len(away) == len(given):
        raise RunError(
            f"no host was reached, so {out} was not written; --offline writes it unasked"
        )
    try:
        out.write_text(lab_init.render(given, found, wishes, title=out.name))
    except OSError as error:
        raise UsageError(f"--out {out}: {error.strerror}") from error
    lab = inventory.load(out)
    print(f"{out}: {len(lab.hosts)} hosts; read it, fill in what is a comment, then:")
    print(f"  slotlab check -i {shlex.quote(str(out))}")
    if away:
        raise RunError(f"not reached, and only a comment in {out}: {', '.join(away)}")
