"""`slotlab lab init`: an inventory from a list of hosts, ready to be read and filled in by hand.

Hosts that answer are asked, read-only, who they are and which card holds their address; what is
not known stays a comment. Nothing is pinned and nothing is installed.
"""

import ipaddress
import re
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from harness.controller.awaiting import answers
from harness.controller.console import Show
from harness.errors import UsageError
from harness.inventory import ssh_options
from harness.inventory.names import SELECTOR_WORDS
from harness.inventory.values import WORD
from harness.testbed import cards
from metrics.model.printable import printable

ASK_TIMEOUT_S = 120.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_HOST = re.compile(
    r"(?:(?P<name>[A-Za-z0-9][A-Za-z0-9_.-]{0,62})=)?(?:(?P<user>[A-Za-z0-9_.-]+)@)?"
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9][A-Za-z0-9_.-]*)"
    r"|(?P<bare>[0-9A-Fa-f]*(?::[0-9A-Fa-f.]*){2,}))"
    r"(?::(?P<port>\d{1,5}))?(?:,(?P<data>\S+))?"
)
_MARK = "slotlab-asks"
"""Where the answer begins: a login shell may greet first."""
_ASK = (
    f"echo {_MARK}; "
    "hostname -s 2>/dev/null || hostname; uname -m;"
    ' (. /etc/os-release && echo "$PRETTY_NAME") || echo unknown; ip -j addr || echo "[]"'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One host as listed: [name=][user@]address[:port][,data address]."""

    address: str
    name: str = ""
    user: str = ""
    port: int = 22
    data: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a host said of itself; problem: why it was not reached. cards: address to card."""

    name: str = ""
    machine: str = ""
    system: str = ""
    cards: dict[str, str] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What all hosts share: login, key, further OpenSSH words, zone, NTP servers."""

    user: str = ""
    key: str = ""
    ssh_args: str = ""
    zone: str = ""
    ntp: tuple[str, ...] = ()


def parse(text: str) -> Given:
    """Return the host that a word of the list stands for.

    Raises:
        UsageError: it is none; the line shows how to write it.
    """
    how = "write a host as [name=][user@]address[:port][,data address]"
    found = _HOST.fullmatch(text)
    if found is None or not 0 < int(found["port"] or 22) < 65536:
        raise UsageError(f"{text!r}: {how}")
    data = found["data"] or ""
    try:
        data = data and str(ipaddress.ip_address(data))
    except ValueError:
        raise UsageError(f"{text!r}: {data!r} is no IP address; {how}") from None
    return Given(
        address=found["six"] or found["bare"] or found["host"],
        name=found["name"] or "",
        user=found["user"] or "",
        port=int(found["port"] or 22),
        data=data,
    )


def read_list(path: Path) -> list[str]:
    """Return the words of a file of hosts: one a line, `#` begins a comment.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"-f {path}: {getattr(error, 'strerror', None) or 'not text'}") from error
    return [word for line in lines if (word := line.partition("#")[0].strip())]


def place(given: Given) -> str:
    """Return where a host is reached, as lines about it name it."""
    return given.address if given.port == 22 else f"{given.address} port {given.port}"


def ask_all(hosts: Sequence[Given], wishes: Wishes, show: Show) -> list[Found]:
    """Return what each host says of itself, all asked at once; the host keys are not kept."""
    with tempfile.TemporaryDirectory(prefix="slotlab-") as folder:
        pins = Path(folder) / "known_hosts"
        with ThreadPoolExecutor(16) as pool:
            futures = {place(given): pool.submit(_ask, given, wishes, pins) for given in hosts}
            found = list(answers(futures, "asking who they are", show.tick).values())
    for given, one in zip(hosts, found, strict=True):
        show.step(f"{place(given)}: {one.problem or f'{one.name}, {one.system}'}")
    return found


def _ask(given: Given, wishes: Wishes, pins: Path) -> Found:
    variables: dict[str, object] = {
        "ansible_user": given.user or wishes.user,
        "ansible_port": given.port,
        "ansible_ssh_private_key_file": wishes.key,
        "ansible_ssh_common_args": wishes.ssh_args,
    }
    try:
        options = ssh_options.resolve(given.address, variables, pins).pinning()
    except (ssh_options.SshConfigError, ValueError) as error:
        raise UsageError(f"--ssh-args: {error}") from error
    words = ["ssh", "-o", "BatchMode=yes", *options.words, "--", options.target, _ASK]
    try:
        done = subprocess.run(
            words,
            capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, check=False,
            timeout=ASK_TIMEOUT_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Found(problem="no answer in time")
    if done.returncode == 255:
        said = [line for line in done.stderr.splitlines() if not line.startswith("Warning:")]
        return Found(problem=printable((said or ["no way to it"])[-1].strip()))
    return answered(done.stdout)


def answered(text: str) -> Found:
    """Return what a host's answer says, whatever it is."""
    lines = text.rpartition(f"{_MARK}\n")[2].splitlines()
    if len(lines) < 4:
        return Found(problem="it does not answer like a Linux host")
    name = lines[0] if _NAME.fullmatch(lines[0]) and lines[0] not in SELECTOR_WORDS else ""
    real = (card for card in cards.read("\n".join(lines[3:])) if not card.loopback)
    known = {at: card.name for card in real if WORD.fullmatch(card.name) for at in card.addresses}
    machine, system = (printable(line.strip()) for line in lines[1:3])
    return Found(name=name, machine=machine, system=system, cards=known)


def render(hosts: Sequence[Given], found: Sequence[Found], wishes: Wishes, *, title: str) -> str:
    """Return the text of the inventory; hosts that were not reached are comments in it."""
    names = _names(hosts, found)
    users = {given.user or wishes.user for given in hosts}
    common = users.pop() if len(users) == 1 else wishes.user
    lines = [
        f"# {title}: written by `slotlab lab init`; read it, fill it in, then slotlab check.",
        "# One node a host; producers are dealt in this order, hosts beyond them are observers.",
        "all:",
        "  vars:",
        "    slotlab_lab: hardware",
        f"    ansible_user: {_scalar(common)}" if common else "    # ansible_user: pi",
        f"    ansible_ssh_private_key_file: {_scalar(wishes.key)}"
        if wishes.key
        else "    # ansible_ssh_private_key_file: ~/.ssh/id_ed25519",
        f"    ansible_ssh_common_args: {_scalar(wishes.ssh_args)}"
        if wishes.ssh_args
        else "    # ansible_ssh_common_args: -J gateway.example.org",
        "    ansible_python_interpreter: /usr/bin/python3",
        "    # A sudo password: -K asks for it, or keep it here in a file of ansible-vault.",
        "    # ansible_become_password: ...",
        "    # NTP servers of your own network (no public pool: they are asked every 10 s).",
        f"    slotlab_ntp: [{', '.join(map(_scalar, wishes.ntp))}]"
        if wishes.ntp
        else "    # slotlab_ntp: [192.0.2.1]",
        "    # slotlab_time: manage    # deploy sets chrony up; observe leaves the clock alone",
        "    # slotlab_tune: on        # deploy tunes governor, Wi-Fi, swap, journald; wipe undoes",
        "  children:",
        "    nodes:",
        "      hosts:",
    ]
    for given, one, name in zip(hosts, found, names, strict=True):
        entry = _entry(given, one, name, wishes, common=common)
        silent = "# " if one.problem else ""
        lines += [line.replace("        ", f"        {silent}", 1) for line in entry]
    return "\n".join(lines) + "\n"


def _entry(given: Given, found: Found, name: str, wishes: Wishes, *, common: str) -> list[str]:
    lines = [f"        {_scalar(name)}:"]
    said = ", ".join(filter(None, (found.system, found.machine)))
    lines.append(f"          # {f'not reached: {found.problem}' if found.problem else said}")
    user = given.user or wishes.user
    card = found.cards.get(given.data or given.address, "")
    values = {
        "ansible_host": given.address,
        "ansible_port": given.port if given.port != 22 else "",
        "ansible_user": user if user != common else "",
        "slotlab_address": given.data,
        "slotlab_zone": wishes.zone,
        "slotlab_interface": card,
    }
    lines += [f"          {key}: {_scalar(value)}" for key, value in values.items() if value]
    others = [f"{address} on {nic}" for address, nic in found.cards.items() if nic != card]
    if others:
        lines.append(f"          # also: {', '.join(others)}")
    if given.data and found.cards and not card:
        lines.append(f"          # none of its cards holds {given.data}: is it right?")
    return lines


def _names(hosts: Sequence[Given], found: Sequence[Found]) -> list[str]:
    """Return a name for each host: as listed, else its own, else its place in the list."""
    wanted = [given.name or _own_name(given, one) for given, one in zip(hosts, found, strict=True)]
    return [
        name if name and wanted.count(name) == 1 else f"host{number}"
        for number, name in enumerate(wanted, 1)
    ]


def _own_name(given: Given, found: Found) -> str:
    try:
        ipaddress.ip_address(given.address)
    except ValueError:
        return given.address if _NAME.fullmatch(given.address) else ""
    return found.name


def _scalar(value: object) -> str:
    """Return value as YAML on one line."""
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).splitlines()[0]
