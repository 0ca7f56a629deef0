"""What deploy must know of a host before it sends anything: machine, Python, interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.packages import PROGRAMS
from harness.remote import HostResult, Remote, read_json

_SCRIPT = r"""
import glob, ipaddress, json, os, platform, shutil, subprocess, sys
wanted = ipaddress.ip_address(sys.argv[1])
programs = sys.argv[2].split(",")
sbin = "/usr/sbin:/sbin:/usr/bin:/bin"
found = ""
try:
    text = subprocess.run(["ip", "-j", "addr"], capture_output=True, text=True).stdout
    for link in json.loads(text or "[]"):
        for entry in link.get("addr_info", []):
            if ipaddress.ip_address(entry["local"]) == wanted:
                found = link["ifname"]
except (OSError, ValueError):
    pass
free = {}
for path in sys.argv[3:]:
    there = path
    while not os.path.exists(there):
        there = os.path.dirname(there)
    room = os.statvfs(there)
    free[path] = room.f_bavail * room.f_frsize
libc = platform.libc_ver()
print(json.dumps({"arch": os.uname().machine, "bits": 64 if sys.maxsize > 2**32 else 32,
    "python": list(sys.version_info[:2]), "libc": libc[0], "libc_version": libc[1],
    "kernel": os.uname().release, "interface": found, "free_bytes": free,
    "stamps": [path.split("/")[-2] for path in glob.glob(sys.argv[3] + "/*/.complete")],
    "programs": {name: bool(shutil.which(name, path=sbin)) for name in programs}}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """One host's machine. interface holds the data address, empty when none does.

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
    interface: str
    free_bytes: dict[str, int]
    programs: dict[str, bool]
    stamps: list[str]


def gather(remote: Remote) -> tuple[dict[str, HostFacts], dict[str, str]]:
    """Return the facts of the hosts that answered, and for the others one line why not."""
    facts: dict[str, HostFacts] = {}
    problems: dict[str, str] = {}
    commands = {
        host.name: [
            *("/usr/bin/python3", "-", host.address, ",".join(PROGRAMS)),
            *("/opt/slotlab", host.state_dir),
        ]
        for host in remote.inventory.hosts
    }
    found, results = read_json(remote.run_each(commands, stdin=_SCRIPT))
    for name, result in results.items():
        if result.ok:
            facts[name] = _facts(name, found[name])
        else:
            problems[name] = _why(result)
    return facts, problems


def _facts(host: str, values: dict[str, Any]) -> HostFacts:
    return HostFacts(host=host, **{**values, "python": tuple(values["python"])})


def _why(result: HostResult) -> str:
    if result.exit_code == 127:
        return "no /usr/bin/python3; install it: apt install python3"
    return result.problem
