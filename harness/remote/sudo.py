"""How a command becomes root's on a host, with or without a password."""

from __future__ import annotations

from collections.abc import Mapping

from harness.inventory.inventory import Host
from harness.remote.fan_out import HostResult, HostResults, Remote

REMEDY = (
    "set ansible_become_password of the host (a file of ansible-vault keeps it), or -K, or allow"
    " sudo without a password (visudo)"
)


def as_root(host: Host, command: str) -> tuple[str, str]:
    """Return the shell line that runs command as root and what it needs on standard input."""
    if host.become_password:
        return f"sudo -S -p '' {command}", host.become_password + "\n"
    return f"sudo -n {command}", ""


def run_as_root(remote: Remote, commands: Mapping[str, str], *, timeout_s: float) -> HostResults:
    """Return what each host's own command did there as root, all at once."""
    asked = {host: as_root(remote.inventory.host(host), line) for host, line in commands.items()}
    return remote.run_each(
        {host: line for host, (line, _) in asked.items()},
        stdin={host: text for host, (_, text) in asked.items()},
        timeout_s=timeout_s,
    )


def problem(result: HostResult) -> str:
    """Return what went wrong, with the remedy where sudo was given no password, or a wrong one."""
    words = ("password is required", "no password was provided", "incorrect password")
    fix = f"; {REMEDY}" if any(each in result.stderr for each in words) else ""
    return result.problem + fix
