"""How one host is reached by SSH, resolved once and used by both Ansible and Fabric.

Ansible runs OpenSSH, Fabric runs paramiko. To make both do the same, OpenSSH itself is asked
(`ssh -G`) what the inventory's variables and the user's ssh_config amount to.
"""

from __future__ import annotations

import itertools
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_CONNECT_TIMEOUT_S = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SshOptions:
    """Where and as whom to log in, with which keys, and whose host keys to believe.

    arguments are the words OpenSSH gets from Ansible's variables; proxy_command is empty for a
    direct connection. host_key_policy is yes, ask, accept-new or no, as in ssh_config.
    """

    address: str
    user: str
    port: int = 22
    key_files: tuple[str, ...] = ()
    known_hosts_files: tuple[str, ...] = ()
    host_key_policy: str = "ask"
    host_key_name: str = ""
    proxy_command: str = ""
    allow_agent: bool = True
    password: str = ""
    connect_timeout_s: int = DEFAULT_CONNECT_TIMEOUT_S
    arguments: tuple[str, ...] = ()


class SshConfigError(Exception):
    """OpenSSH refuses the options given for a host; the message is OpenSSH's own line."""


def arguments_of(variables: Mapping[str, object]) -> tuple[str, ...]:
    """Return the OpenSSH words that Ansible's connection variables stand for."""
    words: list[str] = []
    for key in ("ansible_ssh_common_args", "ansible_ssh_extra_args"):
        words += shlex.split(str(variables.get(key) or ""))
    key_file = variables.get("ansible_ssh_private_key_file") or variables.get(
        "ansible_private_key_file"
    )
    if key_file:
        words += ["-o", f"IdentityFile={Path(str(key_file)).expanduser()}"]
    user = variables.get("ansible_user") or variables.get("ansible_ssh_user")
    if user:
        words += ["-o", f"User={user}"]
    port = variables.get("ansible_port") or variables.get("ansible_ssh_port")
    if port:
        words += ["-o", f"Port={port}"]
    return tuple(words)


def resolve(address: str, variables: Mapping[str, object]) -> SshOptions:
    """Return the options for the host at address, as OpenSSH itself would read them.

    Raises:
        SshConfigError: OpenSSH does not accept the options, or is not installed.
    """
    words = arguments_of(variables)
    try:
        done = subprocess.run(
            ["ssh", "-G", *words, "--", address],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except FileNotFoundError:
        raise SshConfigError("ssh is not installed: apt install openssh-client") from None
    if done.returncode != 0:
        raise SshConfigError((done.stderr.strip().splitlines() or ["ssh -G failed"])[-1])
    password = str(variables.get("ansible_password") or variables.get("ansible_ssh_pass") or "")
    return _options(_settings(done.stdout), words, password)


def _settings(text: str) -> dict[str, list[str]]:
    settings: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        settings.setdefault(key, []).append(value)
    return settings


def _options(
    settings: Mapping[str, list[str]], words: tuple[str, ...], password: str
) -> SshOptions:
    def first(key: str, default: str = "") -> str:
        value = settings.get(key, [default])[0]
        return "" if value == "none" else value

    def files(key: str) -> tuple[str, ...]:
        names = [name for line in settings.get(key, []) for name in shlex.split(line)]
        return tuple(str(Path(name).expanduser()) for name in names if name != "none")

    timeout = first("connecttimeout")
    return SshOptions(
        address=first("hostname"),
        user=first("user"),
        port=int(first("port", "22")),
        key_files=tuple(name for name in files("identityfile") if Path(name).is_file()),
        known_hosts_files=files("userknownhostsfile") + files("globalknownhostsfile"),
        host_key_policy={"true": "yes", "false": "no"}.get(
            first("stricthostkeychecking", "ask"), first("stricthostkeychecking", "ask")
        ),
        host_key_name=first("hostkeyalias"),
        proxy_command=_proxy(first("proxyjump"), first("proxycommand"), words),
        allow_agent=first("identitiesonly") != "yes"
        and settings.get("identityagent", [""])[0] != "none",
        password=password,
        connect_timeout_s=int(timeout) if timeout.isdigit() else DEFAULT_CONNECT_TIMEOUT_S,
        arguments=words,
    )


def _proxy(jump: str, command: str, words: tuple[str, ...]) -> str:
    """Return one command that speaks to the host through its jump hosts, empty for none."""
    if command or not jump:
        return command
    hops = jump.split(",")
    before = ["-J", ",".join(hops[:-1])] if hops[:-1] else []
    config = [word for pair in _pairs(words, "-F") for word in pair]
    target = hops[-1] if hops[-1].startswith("ssh://") else f"ssh://{hops[-1]}"
    return shlex.join(["ssh", *config, *before, "-W", "[%h]:%p", target])


def _pairs(words: tuple[str, ...], flag: str) -> list[tuple[str, str]]:
    return [(a, b) for a, b in itertools.pairwise(words) if a == flag]
