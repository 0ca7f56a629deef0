"""How one host is reached by SSH, resolved once and used by both Ansible and Fabric.

Ansible runs OpenSSH, Fabric runs paramiko. To make both do the same, OpenSSH itself is asked
(`ssh -G`) what the inventory's variables and the user's ssh_config amount to. Host keys are
pinned in a file of the lab, unless the user named one; the user's own file is read, never written.
"""

from __future__ import annotations

import itertools
import pwd
import re
import shlex
import socket
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from os import geteuid
from pathlib import Path

DEFAULT_CONNECT_TIMEOUT_S = 8
JUMPS_MAX = 8
JUMP_LOGINS_MAX = 4
"""How many logins go through jump hosts at once; sshd drops some once ten have just begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SshOptions:
    """Where and as whom to log in, with which keys, and whose host keys to believe.

    target is what OpenSSH is given (a name that ssh_config may know), address what it means.
    own_words are the options that the inventory gives OpenSSH for this host, common_words those of
    them that Ansible calls common, and the key; both without jump hosts. jump is the host in
    between, None for a direct way or one that proxy_command (the user's own, its tokens replaced)
    makes. pin_file is "" where the user says in which file host keys are kept. host_key_policy is
    yes, ask, accept-new or no.
    """

    target: str
    address: str
    user: str
    port: int = 22
    key_files: tuple[str, ...] = ()
    known_hosts_files: tuple[str, ...] = ()
    pin_file: str = ""
    host_key_policy: str = "ask"
    proxy_command: str = ""
    jump: SshOptions | None = None
    allow_agent: bool = True
    password: str = field(default="", repr=False)
    connect_timeout_s: int = DEFAULT_CONNECT_TIMEOUT_S
    own_words: tuple[str, ...] = ()
    common_words: tuple[str, ...] = ()

    @property
    def arguments(self) -> tuple[str, ...]:
        """Return the words that make OpenSSH do all this; follow them with `-- target`."""
        return (*self._derived(), *self.own_words)

    @property
    def common_arguments(self) -> tuple[str, ...]:
        """Return what Ansible's ssh_common_args must be; it adds key, user and port itself."""
        return (*self._derived(), *self.common_words)

    @property
    def jump_command(self) -> tuple[str, ...]:
        """Return the command that speaks to the host through its jump host, empty without one."""
        if self.jump is None:
            return ()
        way = ("-o", "BatchMode=yes", *self.jump.arguments, "-W", f"[{self.address}]:{self.port}")
        return ("ssh", *way, "--", self.jump.target)

    def pinning(self) -> SshOptions:
        """Return the same with `ask` read as `accept-new`, also on the way: nobody is asked."""
        policy = "accept-new" if self.host_key_policy == "ask" else self.host_key_policy
        jump = None if self.jump is None else self.jump.pinning()
        return replace(self, host_key_policy=policy, jump=jump)

    def _derived(self) -> list[str]:
        words: list[str] = []
        if self.pin_file:
            files = " ".join(f'"{name}"' if " " in name else name for name in self._user_files())
            words += ["-o", f"UserKnownHostsFile={files}"]
        if self.host_key_policy == "accept-new":
            words += ["-o", "StrictHostKeyChecking=accept-new"]
        if self.jump is not None:
            command = shlex.join(self.jump_command).replace("%", "%%")
            words += ["-o", f"ProxyCommand={command}"]
        return words

    def _user_files(self) -> list[str]:
        return [self.pin_file, *_default_known_hosts()]


class SshConfigError(Exception):
    """OpenSSH refuses the options given for a host; the message is OpenSSH's own line."""


def resolve(address: str, variables: Mapping[str, object], pin_file: Path) -> SshOptions:
    """Return the options for the host at address, as OpenSSH itself would read them.

    variables are Ansible's; pin_file is where new host keys go unless the user has said where.

    Raises:
        SshConfigError: OpenSSH does not accept the options, or is not installed.
    """
    key, common = _key_words(variables), _split(variables, "ansible_ssh_common_args")
    # In Ansible's order: of two values of one option OpenSSH takes the first.
    args, extra = _split(variables, "ansible_ssh_args"), _split(variables, "ansible_ssh_extra_args")
    words = [*args, *_own_words(variables), *key, *common, *extra]
    password = str(variables.get("ansible_password") or variables.get("ansible_ssh_pass") or "")
    found = _resolved(address, words, pin_file, JUMPS_MAX)
    return replace(found, password=password, common_words=tuple(_without_jump([*common, *key])))


def _own_words(variables: Mapping[str, object]) -> list[str]:
    """Return the OpenSSH words of Ansible's login variables."""
    words = []
    user = variables.get("ansible_user") or variables.get("ansible_ssh_user")
    if user:
        words += ["-o", f"User={user}"]
    port = variables.get("ansible_port") or variables.get("ansible_ssh_port")
    if port:
        words += ["-o", f"Port={port}"]
    return words


def _key_words(variables: Mapping[str, object]) -> list[str]:
    """Return the OpenSSH words of the host's key.

    Ansible's own have a relative path mean its working directory, which is not where we stand.
    """
    keys = ("ansible_ssh_private_key_file", "ansible_private_key_file")
    file = next((variables[key] for key in keys if variables.get(key)), None)
    return ["-o", f'IdentityFile="{Path(str(file)).expanduser().absolute()}"'] if file else []


def _split(variables: Mapping[str, object], key: str) -> list[str]:
    return _absolute(shlex.split(str(variables.get(key) or "")))


def _absolute(words: list[str]) -> list[str]:
    """Return words with the files of -F and -i as absolute paths."""
    before = ["", *words]
    return [
        str(Path(word).expanduser().absolute()) if flag in ("-F", "-i") else word
        for flag, word in zip(before, words, strict=False)
    ]


def _resolved(target: str, words: list[str], pin_file: Path, jumps_left: int) -> SshOptions:
    """Return the options for one hop and, by asking again, for the hops before it."""
    settings = _settings(_ask(words, target))

    def first(key: str, default: str = "") -> str:
        value = settings.get(key, [default])[0]
        return "" if value == "none" else value

    place = {
        "h": first("hostname"), "n": target, "p": first("port", "22"), "r": first("user"),
        "k": first("hostkeyalias") or target, "j": first("proxyjump"),
    }  # fmt: skip

    def files(key: str) -> tuple[str, ...]:
        names = [name for line in settings.get(key, []) for name in shlex.split(line)]
        return tuple(_path(name, place) for name in names if name != "none")

    # One key a line, spaces and all; a line of known hosts names several files.
    keys = [_path(name, place) for name in settings.get("identityfile", []) if name != "none"]
    known = files("userknownhostsfile")
    pins = set(known) <= set(_default_known_hosts()) and bool(known)
    proxy = _expand(first("proxycommand"), place)
    jump = None
    if (hops := first("proxyjump")) and not proxy:
        if jumps_left == 0:
            raise SshConfigError(f"more than {JUMPS_MAX} jump hosts before {target}: a circle?")
        jump = _hop(hops.split(","), words, pin_file, jumps_left - 1)
    default_s = DEFAULT_CONNECT_TIMEOUT_S + (jump.connect_timeout_s if jump else 0)
    timeout, policy = first("connecttimeout"), first("stricthostkeychecking", "ask")
    return SshOptions(
        target=target,
        address=first("hostname"),
        user=first("user"),
        port=int(first("port", "22")),
        key_files=tuple(name for name in keys if Path(name).is_file()),
        known_hosts_files=((str(pin_file),) if pins else ())
        + known
        + files("globalknownhostsfile"),
        pin_file=str(pin_file) if pins else "",
        host_key_policy={"true": "yes", "false": "no"}.get(policy, policy),
        proxy_command=proxy,
        jump=jump,
        allow_agent=first("identitiesonly") != "yes"
        and settings.get("identityagent", [""])[0] != "none",
        connect_timeout_s=int(timeout) if timeout.isdigit() else default_s,
        own_words=tuple(_without_jump(words)),
    )


def _expand(text: str, place: Mapping[str, str]) -> str:
    """Return text with OpenSSH's tokens replaced (ssh_config(5), TOKENS), unknown ones kept.

    `ssh -G` prints them as written; OpenSSH replaces them only when it logs in.
    """
    own = pwd.getpwuid(geteuid())
    name = socket.gethostname()
    tokens = {
        **place, "%": "%", "d": own.pw_dir, "i": str(geteuid()), "u": own.pw_name, "l": name,
        "L": name.split(".")[0],
    }  # fmt: skip
    return re.sub(r"%(.)", lambda found: tokens.get(found[1], found[0]), text)


def _path(text: str, place: Mapping[str, str]) -> str:
    """Return the file that a path of ssh_config names, relative ones from where we stand."""
    return str(Path(_expand(text, place)).expanduser().absolute())


def _hop(hops: list[str], words: list[str], pin_file: Path, jumps_left: int) -> SshOptions:
    """Return the options for the last of hops: [user@]host[:port], reached through the others.

    It gets its own ssh_config, the user's choice of configuration file, and the host's keys, but
    neither the host's user nor its port.
    """
    text = hops[-1].removeprefix("ssh://")
    user, at, place = text.rpartition("@")
    host, colon, port = place.rpartition(":")
    if not colon or not port.isdigit() or (":" in host and not host.startswith("[")):
        host, port = place, ""
    own = [word for pair in _pairs(words, "-F") for word in pair]
    own += [
        word
        for pair in itertools.chain(_pairs(words, "-o"), _pairs(words, "-i"))
        if pair[0] == "-i" or pair[1].lower().startswith(_SHARED)
        for word in pair
    ]
    own += ["-o", f"User={user}"] if at else []
    own += ["-o", f"Port={port}"] if port else []
    own += ["-o", f"ProxyJump={','.join(hops[:-1])}"] if hops[:-1] else []
    return _resolved(host.strip("[]"), own, pin_file, jumps_left)


_SHARED = (
    *("identityfile", "identitiesonly", "identityagent", "connecttimeout"),
    *("userknownhostsfile", "globalknownhostsfile", "stricthostkeychecking"),
)
"""Options of a host that go for its jump hosts, too: whom we are, and whom we believe."""


def _ask(words: list[str], target: str) -> str:
    try:
        done = subprocess.run(
            ["ssh", "-G", *words, "--", target],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except FileNotFoundError:
        raise SshConfigError("ssh is not installed: apt install openssh-client") from None
    if done.returncode != 0:
        raise SshConfigError((done.stderr.strip().splitlines() or ["ssh -G failed"])[-1])
    return done.stdout


def _settings(text: str) -> dict[str, list[str]]:
    settings: dict[str, list[str]] = {}
    for line in text.splitlines():
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


def _default_known_hosts() -> list[str]:
    home = Path(pwd.getpwuid(geteuid()).pw_dir)
    return [str(home / ".ssh" / name) for name in ("known_hosts", "known_hosts2")]
