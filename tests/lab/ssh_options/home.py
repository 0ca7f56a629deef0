"""A home folder of the test's own: keys, agents, known hosts, names, and the rows' ssh_config.

OpenSSH takes the home folder from the user database, whatever $HOME says. So programs are run in a
mount namespace where /etc/passwd and /etc/hosts are the test's; the user's own are not touched.
"""

from __future__ import annotations

import os
import pwd
import shlex
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

from tests.lab.bench import wait_for
from tests.lab.ssh_options.row import PASSWORD, Row

KEYS = {
    "default": "id_ed25519", "spaced": "my keys/spaced", "relative": "../work/keys/relative",
    "tokens": "my keys/pi at $n2", "local-tokens": "root-local-tokens-22", "agent": "agent",
    "session": "session", "locked": "locked", "rsa": "rsa", "certified": "certified",
    "stranger": "stranger", "user_ca": "../ca/user", "host_ca": "../ca/host",
    "other_host": "../ca/other",
}  # fmt: skip
"""Keys by what the rows call them, and where they lie from ~/.ssh."""
ASKPASS = '#!/bin/sh\nprintf "%s\\n" "$LAB_PASSWORD"\n'
PROXY = '#!/bin/sh\necho "$@" >> "$0.log"\nexec ssh -p 2200 -W "[$1]:$2" gate@$n1\n'
LAST_WORDS = """
Host *
  ConnectTimeout 45
  IdentityAgent none
"""
"""What holds for every row; of two values of one option OpenSSH takes the first."""


@dataclass(frozen=True)
class Home:
    """The folder with .ssh, work (where commands are given) and ca; facts by their `$name`."""

    folder: Path
    facts: Mapping[str, str]

    @property
    def ssh(self) -> Path:
        """Return the folder of OpenSSH's files."""
        return self.folder / ".ssh"

    @property
    def work(self) -> Path:
        """Return where commands are given."""
        return self.folder / "work"

    def fill(self, text: str) -> str:
        """Return a row's text with the lab's facts in it."""
        return Template(text).safe_substitute(self.facts)

    def key(self, name: str) -> Path:
        """Return the file of a private key."""
        return self.ssh / self.fill(KEYS[name])

    def public(self, name: str) -> str:
        """Return a key's kind and its text."""
        return " ".join(Path(f"{self.key(name)}.pub").read_text().split()[:2])

    def inside(self, *words: str) -> list[str]:
        """Return the command that runs words where this is the user's home."""
        files = [f"mount --bind {shlex.quote(str(self.folder / name))} /etc/{name}"
                 for name in ("passwd", "hosts")]  # fmt: skip
        script = " && ".join([*files, 'exec "$@"'])
        return ["unshare", "--mount", "--propagation=private", "sh", "-c", script, "sh", *words]

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of a person who works there."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
        return kept | {
            "HOME": str(self.folder), "XDG_STATE_HOME": str(self.folder / "state"),
            "SSH_AUTH_SOCK": str(self.ssh / "session.sock"), "LAB_WORD": "sent",
            "LAB_AGENT": str(self.ssh / "agent.sock"),
            "ANSIBLE_VAULT_PASSWORD_FILE": str(self.folder / "vault"),
        }  # fmt: skip


def make(folder: Path, facts: Mapping[str, str]) -> Home:
    """Return the home folder with its keys, and what else is not about the rows."""
    home = Home(folder, {**facts, "home": str(folder)})
    for each in (".ssh/my keys", ".ssh/known.d", ".ssh/more.d", "work/keys", "work/other files"):
        (folder / each).mkdir(mode=0o700, parents=True)
    (folder / "ca").mkdir()
    started = [_keygen(home, name) for name in KEYS]
    assert [each.wait() for each in started] == [0] * len(started)
    _certify(home)
    own = pwd.getpwuid(os.geteuid())
    users = Path("/etc/passwd").read_text().splitlines()
    mine = f"{own.pw_name}:x:{own.pw_uid}:{own.pw_gid}::{folder}:/bin/sh"
    others = [line for line in users if not line.startswith(f"{own.pw_name}:")]
    (folder / "passwd").write_text("\n".join([mine, *others, ""]))
    names = "127.0.0.1 localhost\n$n2 n2.lab hashed.lab both.lab new.lab\n"
    (folder / "hosts").write_text(home.fill(names + "$six2 both.lab\n"))
    (folder / "vault").write_text("opens the sealed values\n")
    for name, text in (("askpass", ASKPASS), ("proxy", PROXY)):
        (folder / name).write_text(text.replace("$n1", facts["n1"]))
        (folder / name).chmod(0o700)
    return home


def _keygen(home: Home, name: str) -> subprocess.Popen[bytes]:
    kind = ["-t", "rsa", "-b", "2048"] if name == "rsa" else ["-t", "ed25519"]
    phrase = PASSWORD if name == "locked" else ""
    words = ["ssh-keygen", "-q", *kind, "-N", phrase, "-C", name, "-f", str(home.key(name))]
    return subprocess.Popen(words)


def _certify(home: Home) -> None:
    """Sign a user's key and a host's key, each by an authority of its own."""
    for authority, names, key, host in (
        ("user_ca", "certy", "certified", []),
        ("host_ca", "certified", "other_host", ["-h"]),
    ):
        words = ["ssh-keygen", "-q", "-s", str(home.key(authority)), "-I", names, "-n", names]
        subprocess.run([*words, *host, f"{home.key(key)}.pub"], check=True)
    signed = home.key("certified")
    signed.with_name("certified-cert.pub").rename(home.ssh / "my keys" / "certificate.pub")


def write_known_hosts(home: Home, host_keys: Mapping[str, str]) -> None:
    """Write whom the user knows, with lines that nobody can read among them.

    host_keys: by host, as its public key file says.
    """
    lines = ["this is no line of known_hosts", "n9.lab ssh-ed25519 AAAA", "|1|broken|line x y"]
    for host, key in host_keys.items():
        number = host.removeprefix("n")
        addresses = [home.facts[host], home.facts[f"six{number}"]]
        names = [*addresses, *(f"[{each}]:{port}" for each in addresses for port in (2200, 2222))]
        lines.append(f"{','.join([*names, *_names(host)])} {key}")
    lines += [f"[{home.facts['n2']}]:2300 {host_keys['n2']}"]
    lines += [f"@cert-authority certified {home.public('host_ca')}"]
    own = home.ssh / "known_hosts"
    own.write_text(f"hashed.lab {host_keys['n2']}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(own)], check=True, capture_output=True)
    own.with_name("known_hosts.old").unlink()
    own.write_text("\n".join([*lines, own.read_text()]))
    for name, text in (
        ("known hosts", "new.lab $key"),
        ("known of alias", "the-alias $key"),
        ("known.d/known-by-token", "$n2 $key"),
        ("revoked", "$n2 $key\n@revoked $n2 $key"),
    ):
        filled = Template(text).substitute(home.facts, key=host_keys["n2"])
        (home.ssh / name).write_text(filled + "\n")


def _names(host: str) -> list[str]:
    return ["n2.lab", "both.lab"] if host == "n2" else []


def write_config(home: Home, rows: Iterable[Row]) -> None:
    """Write the user's ssh_config, and the other files that rows name."""
    text = "\n".join(row.config for row in rows if row.config) + LAST_WORDS
    (home.ssh / "config").write_text(home.fill(text))
    more = home.fill("HostName $n2\nUser pi\nPort 2222\n")
    (home.ssh / "more.d" / "matched.conf").write_text(more)
    theirs = f"Host somewhere\n{more}IdentityFile keys/relative\nIdentityAgent none\n"
    (home.work / "other files" / "ssh.cfg").write_text(theirs)


@contextmanager
def agents(home: Home) -> Iterator[None]:
    """Run two agents: of the session and of ssh_config, each with keys of its own."""
    held = {"session": ("session",), "agent": ("agent", "locked")}
    (home.folder / "askpass-once").write_text(f"#!/bin/sh\necho '{PASSWORD}'\n")
    (home.folder / "askpass-once").chmod(0o700)
    running = []
    try:
        for name, keys in held.items():
            socket = home.ssh / f"{name}.sock"
            words = ["ssh-agent", "-D", "-a", str(socket)]
            running.append(subprocess.Popen(words, stdout=subprocess.DEVNULL))
            environment = os.environ | {
                "SSH_AUTH_SOCK": str(socket), "SSH_ASKPASS_REQUIRE": "force",
                "SSH_ASKPASS": str(home.folder / "askpass-once"),
            }  # fmt: skip
            wait_for("the agent", socket.exists, within_s=30)
            files = [str(home.key(key)) for key in keys]
            subprocess.run(
                ["ssh-add", "-q", *files], env=environment, check=True, stdin=subprocess.DEVNULL
            )
        yield
    finally:
        for agent in running:
            agent.terminate()
            agent.wait()
