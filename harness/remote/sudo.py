"""How a command becomes root's on a host, with or without a password."""

from __future__ import annotations

from harness.inventory.inventory import Host

REMEDY = (
    "set ansible_become_password of the host (a file of ansible-vault keeps it), or -K, or allow"
    " sudo without a password (visudo)"
)


def as_root(host: Host, command: str) -> tuple[str, str]:
    """Return the shell line that runs command as root and what it needs on standard input."""
    if host.become_password:
        return f"sudo -S -p '' {command}", host.become_password + "\n"
    return f"sudo -n {command}", ""


def asks_for_password(said: str) -> bool:
    """Return whether sudo's complaint is that it was given no password, or a wrong one."""
    words = ("password is required", "no password was provided", "incorrect password")
    return any(each in said for each in words)
