"""What deploy must know of a host before it sends anything: machine, Python, network cards."""

import msgspec

from harness.controller.awaiting import Tell, each
from harness.deploy.packages import PROGRAMS
from harness.inventory.inventory import Host
from harness.remote import host_python
from harness.remote.fan_out import HostResult, Remote
from harness.remote.host_python import read_json
from harness.testbed import cards
from harness.testbed.cards import Card

LOOK_S = 180.0
"""How long a host may take, behind others that log in through one jump host with it."""
_SCRIPT = r"""
import ctypes, glob, json, os, shutil, subprocess, sys
programs = sys.argv[1].split(",")
sbin = "/usr/sbin:/sbin:/usr/bin:/bin"
def found(name):
    try:
        return bool(ctypes.CDLL(name) if ".so." in name else shutil.which(name, path=sbin))
    except OSError:
        return False
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
    "programs": {name: found(name) for name in programs}}))
"""


class HostFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One host's machine, as it printed it.

    free_bytes is by the folder that deploy will write to, programs says which are there, stamps are
    the environments already installed whole, listed_cards is what `ip -j addr` printed.
    """

    arch: str
    bits: int
    python: tuple[int, int]
    free_bytes: dict[str, int]
    programs: dict[str, bool]
    stamps: list[str]
    listed_cards: str = msgspec.field(name="cards")

    @property
    def cards(self) -> tuple[Card, ...]:
        """The host's network interfaces."""
        return cards.read(self.listed_cards)


def gather(remote: Remote, tell: Tell) -> tuple[dict[str, HostFacts], dict[str, str]]:
    """Return the facts of the hosts that answered, and for the others one line why not."""
    commands = {
        host.name: host_python.command(host, ",".join(PROGRAMS), "/opt/slotlab", host.state_dir)
        for host in remote.inventory.hosts
    }

    def look(name: str) -> HostResult:
        return remote.run([name], commands[name], stdin=_SCRIPT, timeout_s=LOOK_S)[name]

    answers = each(list(commands), look, "asking what they are", tell)
    facts, results = read_json(answers, HostFacts)
    host = remote.inventory.host
    return facts, {n: _why(host(n), result) for n, result in results.items() if not result.ok}


def _why(host: Host, result: HostResult) -> str:
    return "; ".join(host_python.missing(host)) if result.exit_code == 127 else result.problem
