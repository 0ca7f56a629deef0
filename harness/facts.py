"""What deploy must know of a host before it sends anything: machine, Python, network cards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness import cards, host_python
from harness.awaiting import Tell, each
from harness.cards import Card
from harness.inventory import Host
from harness.packages import PROGRAMS
from harness.remote import HostResult, Remote, read_json

LOOK_S = 180.0
"""How long a host may take, behind others that log in through one jump host with it."""
_SCRIPT = r"""
import glob, json, os, platform, shutil, subprocess, sys
programs = sys.argv[1].split(",")
sbin = "/usr/sbin:/sbin:/usr/bin:/bin"
try:
    cards = subprocess.run(["ip", "-j", "addr"], stdout=subprocess.PIPE).stdout
except OSError:
    cards = b""
free = {}
for path in sys.argv[2:]:
    there = path
    while not os.path.exists(there):
        there = os.path.dirname(there)
    room = os.statvfs(there)
    free[path] = room.f_bavail * room.f_frsize
libc = platform.libc_ver()
print(json.dumps({"arch": os.uname().machine, "bits": 64 if sys.maxsize > 2**32 else 32,
    "python": list(sys.version_info[:2]), "libc": libc[0], "libc_version": libc[1],
    "kernel": os.uname().release, "cards": cards.decode(errors="replace"), "free_bytes": free,
    "stamps": [path.split("/")[-2] for path in glob.glob(sys.argv[2] + "/*/.complete")],
    "programs": {name: bool(shutil.which(name, path=sbin)) for name in programs}}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """One host's machine. cards are its network interfaces.

    free_bytes is by the folder that deploy will write to, programs says which are there, stamps are
    the environments already installed whole.
    """

    host: str
    arch: str
    bits: int
    python: tuple[int, int]
    libc: str
    libc_version: str
    kernel: str
    cards: tuple[Card, ...]
    free_bytes: dict[str, int]
    programs: dict[str, bool]
    stamps: list[str]


def gather(remote: Remote, tell: Tell) -> tuple[dict[str, HostFacts], dict[str, str]]:
    """Return the facts of the hosts that answered, and for the others one line why not."""
    facts: dict[str, HostFacts] = {}
    problems: dict[str, str] = {}
    commands = {
        host.name: host_python.command(host, ",".join(PROGRAMS), "/opt/slotlab", host.state_dir)
        for host in remote.inventory.hosts
    }

    def look(name: str) -> HostResult:
        return remote.run([name], commands[name], stdin=_SCRIPT, timeout_s=LOOK_S)[name]

    found, results = read_json(each(list(commands), look, "asking what they are", tell))
    for name, result in results.items():
        if result.ok:
            facts[name] = _facts(name, found[name])
        else:
            problems[name] = _why(remote.inventory.host(name), result)
    return facts, problems


def _facts(host: str, values: dict[str, Any]) -> HostFacts:
    read = {"python": tuple(values["python"]), "cards": cards.read(values["cards"])}
    return HostFacts(host=host, **(values | read))


def _why(host: Host, result: HostResult) -> str:
    return "; ".join(host_python.missing(host)) if result.exit_code == 127 else result.problem
