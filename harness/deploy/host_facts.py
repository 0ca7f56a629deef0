"""What deploy must know of a host before it sends anything: machine, Python, network cards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from harness.controller.awaiting import Tell, each
from harness.deploy.packages import PROGRAMS
from harness.inventory.inventory import Host
from harness.remote import host_python
from harness.remote.fan_out import HostResult, Remote
from harness.remote.printed import read_json
from harness.testbed import cards
from harness.testbed.cards import Card

LOOK_S = 180.0
"""How long a host may take, behind others that log in through one jump host with it."""
_SCRIPT = r"""
import glob, json, os, shutil, subprocess, sys
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
print(json.dumps({"arch": os.uname().machine, "bits": 64 if sys.maxsize > 2**32 else 32,
    "python": list(sys.version_info[:2]), "free_bytes": free,
    "cards": cards.decode(errors="replace"),
    "stamps": [path.split("/")[-2] for path in glob.glob(sys.argv[2] + "/*/.complete")],
    "programs": {name: bool(shutil.which(name, path=sbin)) for name in programs}}))
"""


class _Printed(TypedDict):
    arch: str
    bits: int
    python: tuple[int, int]
    cards: str
    free_bytes: dict[str, int]
    stamps: list[str]
    programs: dict[str, bool]


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

    found, results = read_json(each(list(commands), look, "asking what they are", tell), _Printed)
    for name, result in results.items():
        if result.ok:
            facts[name] = _facts(name, found[name])
        else:
            problems[name] = _why(remote.inventory.host(name), result)
    return facts, problems


def _facts(host: str, said: _Printed) -> HostFacts:
    return HostFacts(
        host=host,
        arch=said["arch"],
        bits=said["bits"],
        python=said["python"],
        cards=cards.read(said["cards"]),
        free_bytes=said["free_bytes"],
        programs=said["programs"],
        stamps=said["stamps"],
    )


def _why(host: Host, result: HostResult) -> str:
    return "; ".join(host_python.missing(host)) if result.exit_code == 127 else result.problem
