"""What the lab's hosts are to the comparison: users, ports, shells that print, sudo that warns."""

from __future__ import annotations

import json
import shlex
import subprocess

from harness.labs.lifecycle import running
from tests.lab.bench import Bench
from tests.lab.ssh_options.home import Home
from tests.lab.ssh_options.row import PASSWORD

USERS = {
    "pi": "/bin/bash", "gate": "/bin/bash", "word": "/bin/bash", "certy": "/bin/bash",
    "banner": "/bin/bash", "chatty": "/bin/bash", "rc": "/bin/bash", "dash": "/bin/dash",
    "nologin": "/usr/sbin/nologin", "forced": "/bin/bash", "asked": "/bin/bash",
    "lectured": "/bin/bash",
}  # fmt: skip
"""Login shells by user."""
KEYS = (
    "default", "spaced", "relative", "tokens", "local-tokens", "agent", "session", "locked", "rsa",
)  # fmt: skip
"""Keys that open every account of the lab."""

SSHD = """\
Port 22
Port 2200
Port 2222
AddressFamily any
ExposeAuthInfo yes
AcceptEnv LAB_*
Match LocalPort 2200
  AllowUsers gate
Match LocalPort 22
  DenyUsers gate
Match LocalPort 2222
  DenyUsers gate
Match User word
  PubkeyAuthentication no
  PasswordAuthentication yes
Match User certy
  AuthorizedKeysFile none
  TrustedUserCAKeys /etc/ssh/user_ca.pub
Match User banner
  Banner /etc/ssh/banner
Match User forced
  ForceCommand echo only backups here
"""
OTHER_SSHD = """\
Port 2299
HostKey /etc/ssh/other
HostCertificate /etc/ssh/other-cert.pub
ExposeAuthInfo yes
PidFile none
"""
OLD_SSHD = """\
Port 2300
HostKey /etc/ssh/ssh_host_ed25519_key
Ciphers aes256-cbc
MACs hmac-sha1
KexAlgorithms diffie-hellman-group14-sha1
ExposeAuthInfo yes
PidFile none
"""
GREETING = "echo Welcome to n2; echo 'your disk is nearly full' >&2; printf 'no end of line'"
SUDO = """\
Defaults:lectured lecture=always
pi,chatty ALL=(ALL) NOPASSWD: ALL
asked,lectured ALL=(ALL) ALL
"""
WARNING = "Defaults no_such_setting\n"
"""With this line sudo complains on standard error and goes on."""


def prepare(lab: Bench, home: Home) -> None:
    """Make every host of the lab what the rows need."""
    for host, _ in lab.hosts:
        done = subprocess.run(
            [*running.ssh_command(lab.name, host), "sudo", "sh", "-s"],
            input=_script(host, home), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{host}: {done.stdout}{done.stderr}"


def _script(host: str, home: Home) -> str:
    """Return what root does on a host."""
    opened = "".join(f"{home.public(key)} {key}\n" for key in KEYS)
    files = {
        "/etc/ssh/sshd_config.d/a-options.conf": SSHD, "/etc/ssh/other.conf": OTHER_SSHD,
        "/etc/ssh/old.conf": OLD_SSHD, "/etc/ssh/user_ca.pub": home.public("user_ca") + "\n",
        "/etc/ssh/banner": "Authorised users only.\n", "/etc/ssh/opened": opened,
        "/etc/ssh/other": home.key("other_host").read_text(),
        "/etc/ssh/other-cert.pub": home.key("other_host").with_name("other-cert.pub").read_text(),
        "/etc/sudoers.d/options": SUDO + (WARNING if host == "n3" else ""),
    }  # fmt: skip
    lines = ["set -e", f"ip addr add {home.facts['six' + host[1:]]}/64 dev eth0 nodad"]
    lines += [f"printf %s {shlex.quote(text)} > {path}" for path, text in files.items()]
    lines += ["chmod 600 /etc/ssh/other", "chmod 440 /etc/sudoers.d/options"]
    for user, shell in USERS.items():
        ssh = f"/home/{user}/.ssh"
        lines += [
            f"useradd --create-home --shell {shell} --password '*' {user}",
            f"mkdir {ssh}", f"cp /etc/ssh/opened {ssh}/authorized_keys",
            f"chown -R {user} {ssh}",
        ]  # fmt: skip
    given = "".join(f"{user}:{PASSWORD}\n" for user in ("word", "asked", "lectured"))
    lines += [
        f"printf %s {shlex.quote(given)} | chpasswd",
        f"printf '%s\\n' {shlex.quote(GREETING)} > /home/chatty/.bashrc",
        f"printf '%s\\n' {shlex.quote(GREETING)} > /home/rc/.ssh/rc",
        "sshd -t",
        "systemctl restart ssh",
        "for each in other old; do systemd-run --quiet --unit=sshd-$each"
        " /usr/sbin/sshd -D -f /etc/ssh/$each.conf; done",
    ]
    return "\n".join([*lines, ""])


def facts(lab: Bench) -> dict[str, str]:
    """Return the lab's addresses by the names that rows use, the controller's new ones added."""
    found = dict(lab.hosts)
    found |= {f"six{name[1:]}": f"fd77:5107::{name[1:]}{name[1:]}" for name, _ in lab.hosts}
    inside = ["nsenter", f"--net={lab.netns}", "ip"]
    shown = subprocess.run(
        [*inside, "-4", "-json", "addr", "show", "eth0"], capture_output=True, check=True
    )
    (card,) = json.loads(shown.stdout)
    found["controller"] = card["addr_info"][0]["local"]
    found["second"] = found["controller"].rsplit(".", 1)[0] + ".203"
    found["controller-6"] = "fd77:5107::1"
    for address in (f"{found['second']}/24", f"{found['controller-6']}/64"):
        nodad = ["nodad"] if ":" in address else []
        subprocess.run([*inside, "addr", "add", address, "dev", "eth0", *nodad], check=True)
    return found
