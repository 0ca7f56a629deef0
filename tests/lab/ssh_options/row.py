"""One row of the comparison of SSH: what a person types, what the inventory says, what comes of it.

In the texts `$n1` is the address of n1, `$six1` its IPv6 address, `$second` the controller's second
address, `$home` the home folder; `$LAB_AGENT` and other words stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field

PASSWORD = "open, Sesame: 1"


@dataclass(frozen=True)
class Sealed:
    """A value that the inventory has only as ansible-vault wrote it."""

    text: str


@dataclass(frozen=True)
class Row:
    """One option; its name is the host's in the inventory and may be in ssh_config.

    seen is what the host says about the login (`user@host:port from source by key`). For a login
    that must fail, seen is empty; reason is the harness's word for it, and said is what OpenSSH's
    last line has in it. become: as root by sudo.
    """

    name: str
    ssh: str
    seen: str = ""
    variables: dict[str, object] = field(default_factory=dict)
    config: str = ""
    reason: str = ""
    said: str = ""
    password: str = ""
    become: bool = False
    group: str = ""


def inventory(name: str, ssh: str, seen: str, **variables: object) -> Row:
    """Return a row about variables of the inventory; host stands for ansible_host, and so on."""
    written = {f"ansible_{key}": value for key, value in variables.items()}
    return Row(name, ssh, seen, written)


def config(name: str, seen: str, *lines: str, match: str = "") -> Row:
    """Return a row about lines of the user's ssh_config; ssh and the inventory give a name only."""
    head = match or f"Host {name}"
    return Row(name, name, seen, config="\n".join([head, *(f"  {line}" for line in lines), ""]))


def failing(name: str, reason: str, said: str, *lines: str) -> Row:
    """Return a row of ssh_config by which nobody can log in."""
    text = "\n".join([f"Host {name}", *(f"  {line}" for line in lines), ""])
    return Row(name, name, config=text, reason=reason, said=said)
