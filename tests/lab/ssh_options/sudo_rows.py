"""Rows about becoming root: sudo with and without a password, sudo that has more to say."""

from __future__ import annotations

from tests.lab.ssh_options.row import PASSWORD, Row, Sealed


def _sudo(
    name: str, user: str, host: str, password: str | Sealed = "", variable: str = "become_password"
) -> Row:
    """Return a row in which user becomes root on host, by the password of a variable."""
    written: dict[str, object] = {"ansible_host": f"${host}", "ansible_user": user}
    text = password.text if isinstance(password, Sealed) else password
    if password:
        written[f"ansible_{variable}"] = password
    return Row(name, f"{user}@${host}", f"root@{host}", written, password=text, become=True)


def _refused(name: str, password: str = "") -> Row:
    """Return a row in which sudo refuses."""
    written = {"ansible_host": "$n2", "ansible_user": "asked"}
    if password:
        written["ansible_become_password"] = password
    return Row(
        name, "asked@$n2", variables=written, password=password, become=True,
        reason="exit 1", said="password|sudo",
    )  # fmt: skip


ROWS = (
    _sudo("sudo", "pi", "n2"),
    _sudo("sudo-password", "asked", "n2", PASSWORD),
    _sudo("sudo-password-old-name", "asked", "n2", PASSWORD, "become_pass"),
    _sudo("sudo-password-sealed", "asked", "n2", Sealed(PASSWORD)),
    _sudo("sudo-lecture", "lectured", "n2", PASSWORD),
    _sudo("sudo-warns", "pi", "n3"),
    _sudo("sudo-warns-and-asks", "asked", "n3", PASSWORD),
    _sudo("sudo-of-a-shell-that-prints", "chatty", "n3"),
)
REFUSED = (_refused("sudo-asks-in-vain"), _refused("sudo-wrong-password", "no such word"))
ASKED = (
    Row(
        "sudo-password-of-the-command-line", "asked@$n2", "root@n2",
        {"ansible_host": "$n2", "ansible_user": "asked"}, password=PASSWORD, become=True,
    ),
)  # fmt: skip
"""Rows whose password is given with --ask-become-pass."""
