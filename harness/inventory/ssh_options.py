"""The words that OpenSSH gets for one host, made once from the inventory's variables.

OpenSSH logs in, for Fabric's way and for Ansible's: what its options and the user's ssh_config mean
is its own affair. It is asked (`ssh -G`) only what must be known here: the address, and whether
another host stands in between. Host keys are pinned in a file of the lab, unless the user named
one; the user's own file is read, never written.
"""

from __future__ import annotations

import itertools
import pwd
import shlex
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from os import geteuid
from pathlib import Path

DEFAULT_CONNECT_TIMEOUT_S = 8
JUMPS_MAX = 8
JUMP_LOGINS_MAX = 4
"""How many logins go through other hosts at once; sshd drops some once ten have just begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SshOptions:
    """Where and as whom to log in, and the words that make OpenSSH do it.

    target is what OpenSSH is given (a name that ssh_config may know); address, user and port are
    what it means by that, alias the HostKeyAlias if there is one. own_words are the options
    that the inventory gives OpenSSH for this host, without jump hosts: jump is the one in between,
    None for a direct way or one that a ProxyCommand of the user's makes (by_command). pin_file is
    "" where the user says in which file host keys are kept. host_key_policy is yes, ask,
    accept-new or no.
    """

    target: str
    address: str
    user: str
    port: int = 22
    alias: str = ""
    pin_file: str = ""
    host_key_policy: str = "ask"
    jump: SshOptions | None = None
    by_command: bool = False
    password: str = field(default="", repr=False)
    connect_timeout_s: int = DEFAULT_CONNECT_TIMEOUT_S
    own_words: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """Return the options that make OpenSSH do all this; follow them with `-- target`.

        They go before what the user says of the same: of two values OpenSSH takes the first.
        """
        # Commands are run, and their input ends: neither is so on a terminal.
        words = ["-o", "RequestTTY=no", "-o", "RemoteCommand=none"]
        words += ["-o", f"ConnectTimeout={self.connect_timeout_s}"]
        if self.pin_file:
            files = " ".join(_quoted(name) for name in (self.pin_file, *_default_known_hosts()))
            words += ["-o", f"UserKnownHostsFile={files}"]
        # Nobody is there to be asked.
        policy = "yes" if self.host_key_policy == "ask" else self.host_key_policy
        words += ["-o", f"StrictHostKeyChecking={policy}"]
        if self.jump is not None:
            before = ("ssh", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", *self.jump.words)
            through = shlex.join(before).replace("%", "%%")
            target = shlex.quote(self.jump.target).replace("%", "%%")
            words += ["-o", f"ProxyCommand={through} -W '[%h]:%p' -- {target}"]
        return (*words, *self.own_words)

    @property
    def known_as(self) -> str:
        """Return the name of the host's key in known_hosts."""
        return self.alias or (self.address if self.port == 22 else f"[{self.address}]:{self.port}")

    @property
    def proxied(self) -> bool:
        """Return whether another host or program stands between."""
        return self.jump is not None or self.by_command

    @property
    def pin_files(self) -> tuple[str, ...]:
        """Return where new host keys go, of this host and of those on the way."""
        own = (self.pin_file,) if self.pin_file else ()
        return own if self.jump is None else (*own, *self.jump.pin_files)

    def pinning(self) -> SshOptions:
        """Return the same with `ask` read as `accept-new`, also on the way: nobody is asked."""
        policy = "accept-new" if self.host_key_policy == "ask" else self.host_key_policy
        jump = None if self.jump is None else self.jump.pinning()
        return replace(self, host_key_policy=policy, jump=jump)


class SshConfigError(Exception):
    """OpenSSH refuses the options given for a host; the message is OpenSSH's own line."""


def resolve(address: str, variables: Mapping[str, object], pin_file: Path) -> SshOptions:
    """Return the options for the host at address, as Ansible would give them to OpenSSH.

    variables are Ansible's; pin_file is where new host keys go unless the user has said where.

    Raises:
        SshConfigError: OpenSSH does not accept the options, or is not installed.
    """
    # In Ansible's order: of two values of one option OpenSSH takes the first.
    words = [
        *_split(variables, "ansible_ssh_args"),
        *_login_words(variables),
        *_split(variables, "ansible_ssh_common_args"),
        *_split(variables, "ansible_ssh_extra_args"),
    ]
    found = _resolved(address, words, pin_file, JUMPS_MAX)
    return replace(found, password=_first(variables, _PASSWORDS))


_PASSWORDS = ("ansible_password", "ansible_ssh_password", "ansible_ssh_pass")
_LOGIN = {
    "User": ("ansible_user", "ansible_ssh_user"),
    "Port": ("ansible_port", "ansible_ssh_port"),
    "ConnectTimeout": ("ansible_ssh_timeout",),
}
_KEYS = ("ansible_ssh_private_key_file", "ansible_private_key_file")


def _first(variables: Mapping[str, object], keys: Iterable[str]) -> str:
    return next((str(variables[key]) for key in keys if variables.get(key)), "")


def _login_words(variables: Mapping[str, object]) -> list[str]:
    """Return the OpenSSH words of Ansible's login variables."""
    words = []
    for option, keys in _LOGIN.items():
        if value := _first(variables, keys):
            words += ["-o", f"{option}={value}"]
    if key := _first(variables, _KEYS):
        # Ansible would have a relative one mean its working directory, which is not where we stand.
        words += ["-o", f'IdentityFile="{Path(key).expanduser().absolute()}"']
    return words


def _split(variables: Mapping[str, object], key: str) -> list[str]:
    """Return the words of a variable, with the files of -F and -i as absolute paths."""
    words = shlex.split(str(variables.get(key) or ""))
    return [
        str(Path(word).expanduser().absolute()) if flag in ("-F", "-i") and word != "none" else word
        for flag, word in zip(["", *words], words, strict=False)
    ]


def _resolved(target: str, words: list[str], pin_file: Path, jumps_left: int) -> SshOptions:
    """Return the options for one hop and, by asking again, for the hops before it."""
    settings = _ask(words, target)

    def first(key: str, default: str = "") -> str:
        value = settings.get(key, [default])[0]
        return "" if value == "none" else value

    by_command = bool(first("proxycommand"))
    jump = None
    if (hops := first("proxyjump")) and not by_command:
        if jumps_left == 0:
            raise SshConfigError(f"more than {JUMPS_MAX} jump hosts before {target}: a circle?")
        jump = _hop(hops.split(","), words, pin_file, jumps_left - 1)
    known = {_from_home(name) for name in shlex.split(first("userknownhostsfile"))}
    default_s = DEFAULT_CONNECT_TIMEOUT_S + (jump.connect_timeout_s if jump else 0)
    timeout, policy = first("connecttimeout"), first("stricthostkeychecking", "ask")
    return SshOptions(
        target=target,
        address=first("hostname"),
        user=first("user"),
        port=int(first("port", "22")),
        alias=first("hostkeyalias"),
        pin_file=str(pin_file) if known and known <= set(_default_known_hosts()) else "",
        host_key_policy={"true": "yes", "false": "no", "off": "no"}.get(policy, policy),
        jump=jump,
        by_command=by_command,
        connect_timeout_s=int(timeout) if timeout.isdigit() else default_s,
        own_words=tuple(_without_jump(words)),
    )


def _hop(hops: list[str], words: list[str], pin_file: Path, jumps_left: int) -> SshOptions:
    """Return the options for the last of hops: [user@]host[:port], reached through the others.

    As with OpenSSH it has its own ssh_config, in the file that the user chose; behind its own keys
    the host's is tried, which most racks have for both.
    """
    text = hops[-1].removeprefix("ssh://")
    user, at, place = text.rpartition("@")
    host, colon, port = place.rpartition(":")
    if not colon or not port.isdigit() or (":" in host and not host.startswith("[")):
        host, port = place, ""
    host = host.strip("[]")
    own = [word for pair in _pairs(words, "-F") for word in pair]
    own += ["-o", f"User={user}"] if at else []
    own += ["-o", f"Port={port}"] if port else []
    own += ["-o", f"ProxyJump={','.join(hops[:-1])}"] if hops[:-1] else []
    return _resolved(host, [*own, *_keys_of_both(host, own, words)], pin_file, jumps_left)


def _keys_of_both(host: str, own: list[str], words: list[str]) -> list[str]:
    """Return the words of a jump host's own keys, as far as they are there, and those of words."""
    given = [f'IdentityFile="{name}"' for _, name in _pairs(words, "-i")]
    given += [text for _, text in _pairs(words, "-o") if text.lower().startswith("identityfile")]
    if not given:
        return []
    own_names = _ask(own, host).get("identityfile", [])
    found = [name for name in own_names if "%" in name or Path(_from_home(name)).is_file()]
    every = [*(f'IdentityFile="{name}"' for name in found), *given]
    return [word for text in every for word in ("-o", text)]


def _ask(words: list[str], target: str) -> dict[str, list[str]]:
    """Return what OpenSSH means by the words: the values of each key in lower case."""
    command = ["ssh", "-G", *words, "--", target]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
        )
    except FileNotFoundError:
        raise SshConfigError("ssh is not installed: apt install openssh-client") from None
    if done.returncode != 0:
        raise SshConfigError((done.stderr.strip().splitlines() or ["ssh -G failed"])[-1])
    settings: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        key, _, value = line.partition(" ")
        settings.setdefault(key, []).append(value)
    return settings


def _without_jump(words: Iterable[str]) -> list[str]:
    """Return words without -J and ProxyJump: OpenSSH refuses them beside a ProxyCommand."""
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "-J":
            next(rest, None)
        elif word == "-o":
            value = next(rest, "")
            kept += [] if value.lower().startswith("proxyjump") else [word, value]
        elif not (word.startswith("-J") or word.lower().startswith("-oproxyjump")):
            kept.append(word)
    return kept


def _pairs(words: Iterable[str], flag: str) -> list[tuple[str, str]]:
    return [(a, b) for a, b in itertools.pairwise(words) if a == flag]


def _quoted(name: str) -> str:
    """Return a file's name as one word of an option, tokens none."""
    plain = name.replace("%", "%%")
    return f'"{plain}"' if " " in name else plain


def _home() -> str:
    return pwd.getpwuid(geteuid()).pw_dir


def _from_home(name: str) -> str:
    return f"{_home()}{name[1:]}" if name.startswith("~/") else name


def _default_known_hosts() -> list[str]:
    return [f"{_home()}/.ssh/{name}" for name in ("known_hosts", "known_hosts2")]
