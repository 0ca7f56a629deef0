"""The command lab init: write an inventory from a list of hosts."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from harness.controller.console import Show, console_of
from harness.errors import RunError, UsageError
from harness.inventory import inventory
from harness.testbed import lab_init


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
