"""The lab as the harness knows it: an Ansible inventory read by Ansible, checked by us.

Ansible's own parser supplies the values (so group_vars and host_vars count); everything named
slotlab_* is checked here, and a mistake is one line that names file, host, key and remedy.
"""

from __future__ import annotations

import difflib
import hashlib
import ipaddress
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from harness.errors import OperatorError
from harness.ssh import SshConfigError, SshOptions, resolve

LabKind = Literal["hardware", "vm", "container"]
LABS: tuple[LabKind, ...] = ("hardware", "vm", "container")
NODES_GROUP = "nodes"
DEFAULT_STATE_DIR = "/var/lib/slotlab"
HOST_KEYS = (
    "slotlab_address",
    "slotlab_interface",
    "slotlab_zone",
    "slotlab_node_port",
    "slotlab_probe_port",
    "slotlab_ntp",
    "slotlab_state_dir",
    "slotlab_power",
)
LAB_KEYS = ("slotlab_lab", "slotlab_netns")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_WORD = re.compile(r"[A-Za-z0-9_.:@-]{1,64}")
_STATE_DIR = re.compile(r"(/[A-Za-z0-9_.-]+){2,}")


class InventoryError(OperatorError):
    """The inventory is wrong: file, host, key and remedy in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One lab machine. address is its data path; ssh.address is where it is managed.

    interface is empty when the inventory leaves it out: the host is then asked which of its
    interfaces holds address (harness.facts).
    """

    name: str
    address: str
    interface: str
    zone: str
    node_port: int
    probe_port: int
    ntp: tuple[str, ...]
    state_dir: str
    python: str
    groups: tuple[str, ...]
    ssh: SshOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """The lab's nodes in inventory order. netns is set for labs reached inside a namespace."""

    path: Path
    lab: LabKind
    netns: str | None
    hosts: tuple[Host, ...]

    def host(self, name: str) -> Host:
        """Return the host of that name.

        Raises:
            InventoryError: there is none; the nearest name is offered.
        """
        for host in self.hosts:
            if host.name == name:
                return host
        names = [host.name for host in self.hosts]
        raise InventoryError(f"{self.path}: no host {name}{_nearest(name, names)}")

    @property
    def lab_id(self) -> str:
        """Return the name under which this lab's keys and lock are kept on the controller."""
        digest = hashlib.sha256(str(self.path).encode()).hexdigest()[:12]
        return f"{self.path.stem}-{digest}"


def load(path: Path | str) -> Inventory:
    """Return the lab described by the Ansible YAML inventory at path.

    Raises:
        InventoryError: unreadable, not an inventory, or a slotlab_ variable is wrong.
    """
    path = Path(path).expanduser().resolve()
    _check_yaml(path)
    listing = _ansible_listing(path)
    hostvars: Mapping[str, Mapping[str, Any]] = listing.get("_meta", {}).get("hostvars", {})
    group = NODES_GROUP if NODES_GROUP in listing else "all"
    names = _members(listing, group)
    if not names:
        raise InventoryError(f"{path}: group {group} has no hosts; add them under {group}.hosts")
    hosts = tuple(_host(path, name, hostvars.get(name, {}), listing) for name in names)
    lab, netns = _lab_values(path, hosts, hostvars)
    _check_distinct(path, hosts)
    return Inventory(path=path, lab=lab, netns=netns, hosts=hosts)


def _check_yaml(path: Path) -> None:
    if path.is_dir():
        return
    try:
        document = yaml.safe_load(path.read_text())
    except OSError as error:
        remedy = "name an inventory with -i, or start from inventory/rack.example.yml"
        raise InventoryError(f"{path}: {error.strerror}; {remedy}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not text"
        raise InventoryError(f"{path}{line}: not YAML: {problem}") from error
    if not isinstance(document, dict) or not document:
        raise InventoryError(f"{path}: not an inventory: start with `all:` (rack.example.yml)")


def _ansible_listing(path: Path) -> dict[str, Any]:
    program = Path(sys.executable).with_name("ansible-inventory")
    environment = os.environ | {
        "ANSIBLE_INVENTORY_ENABLED": "yaml,ini",
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_DEVEL_WARNING": "false",
    }
    command = [str(program), "-i", str(path), "--list"]
    # Ansible refuses a terminal that another program has made non-blocking.
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if "ERROR" in line.upper()]
        detail = (lines or done.stderr.splitlines() or ["ansible-inventory failed"])[0]
        raise InventoryError(f"{path}: {detail.removeprefix('[ERROR]: ').strip()}")
    listing = json.loads(done.stdout)
    assert isinstance(listing, dict)
    return listing


def _members(listing: Mapping[str, Any], group: str) -> list[str]:
    """Return the hosts of a group and its children, each once, in the order written."""
    found: dict[str, None] = {}
    entry = listing.get(group, {})
    for name in entry.get("hosts", []):
        found[name] = None
    for child in entry.get("children", []):
        found.update(dict.fromkeys(_members(listing, child)))
    return list(found)


def _host(path: Path, name: str, values: Mapping[str, Any], listing: Mapping[str, Any]) -> Host:
    where = f"{path}: host {name}"
    if not _NAME.fullmatch(name):
        raise InventoryError(f"{where}: use letters, digits, '-', '_' and '.' in a host's name")
    _check_keys(where, values)
    if values.get("ansible_connection") in ("local", "docker", "podman"):
        raise InventoryError(f"{where}: ansible_connection must be ssh; leave it out")
    management = str(values.get("ansible_host") or values.get("ansible_ssh_host") or name)
    try:
        ssh = resolve(management, values)
    except SshConfigError as error:
        raise InventoryError(f"{where}: ansible_ssh_common_args: {error}") from error
    groups = sorted(
        group
        for group in listing
        if group not in ("_meta", "all", "ungrouped") and name in _members(listing, group)
    )
    reader = _Reader(where, values)
    host = Host(
        name=name,
        address=reader.address(ssh.address),
        interface=reader.word("slotlab_interface"),
        zone=reader.word("slotlab_zone"),
        node_port=reader.port("slotlab_node_port", 9000),
        probe_port=reader.port("slotlab_probe_port", 9001),
        ntp=reader.words("slotlab_ntp"),
        state_dir=reader.state_dir(),
        python=str(values.get("ansible_python_interpreter") or "/usr/bin/python3"),
        groups=tuple(groups),
        ssh=ssh,
    )
    if host.node_port == host.probe_port:
        raise InventoryError(f"{where}: slotlab_probe_port equals slotlab_node_port; use 9001")
    return host


def _check_keys(where: str, values: Mapping[str, Any]) -> None:
    known = HOST_KEYS + LAB_KEYS
    for key, value in values.items():
        if not key.startswith("slotlab_"):
            continue
        if key not in known:
            raise InventoryError(f"{where}: unknown variable {key}{_nearest(key, known)}")
        if "{{" in str(value):
            raise InventoryError(f"{where}: {key}: templates are not read here; write the value")


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads checked slotlab_ values of one host."""

    where: str
    values: Mapping[str, Any]

    def word(self, key: str) -> str:
        value = self.values.get(key, "")
        if value == "" or (isinstance(value, str) and _WORD.fullmatch(value)):
            return str(value)
        raise InventoryError(f"{self.where}: {key}: {value!r} is not a plain word; write one name")

    def words(self, key: str) -> tuple[str, ...]:
        value = self.values.get(key) or []
        if isinstance(value, list) and all(
            isinstance(v, str) and _WORD.fullmatch(v) for v in value
        ):
            return tuple(value)
        raise InventoryError(f"{self.where}: {key}: write a list of server names: [192.0.2.1]")

    def port(self, key: str, default: int) -> int:
        value = self.values.get(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and 1024 <= value <= 65535:
            return value
        raise InventoryError(f"{self.where}: {key}: {value!r} is no port; write 1024 to 65535")

    def state_dir(self) -> str:
        value = self.values.get("slotlab_state_dir", DEFAULT_STATE_DIR)
        if isinstance(value, str) and _STATE_DIR.fullmatch(value) and "/.." not in value:
            return value
        remedy = f"write an absolute path below a folder, as {DEFAULT_STATE_DIR}"
        raise InventoryError(f"{self.where}: slotlab_state_dir: {value!r}: {remedy}")

    def address(self, management: str) -> str:
        """Return the data path's IP address: slotlab_address, else the management host's."""
        given = self.values.get("slotlab_address")
        text = str(given if given is not None else management)
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            if given is not None:
                remedy = "write an IP address, as faults act on addresses"
                raise InventoryError(f"{self.where}: slotlab_address: {text!r}: {remedy}") from None
        try:
            return str(socket.getaddrinfo(text, None, type=socket.SOCK_STREAM)[0][4][0])
        except OSError as error:
            problem = f"the name {text} has no address ({error.strerror})"
            raise InventoryError(f"{self.where}: {problem}; write slotlab_address: IP") from None


def _lab_values(
    path: Path, hosts: tuple[Host, ...], hostvars: Mapping[str, Mapping[str, Any]]
) -> tuple[LabKind, str | None]:
    kinds = {str(hostvars[host.name].get("slotlab_lab", "hardware")) for host in hosts}
    spaces = {hostvars[host.name].get("slotlab_netns") for host in hosts}
    if len(kinds) != 1 or len(spaces) != 1:
        key = "slotlab_lab" if len(kinds) != 1 else "slotlab_netns"
        raise InventoryError(f"{path}: {key} differs between hosts; set it once under all.vars")
    text, netns = kinds.pop(), spaces.pop()
    for kind in LABS:
        if kind == text:
            if netns is not None and not str(netns).startswith("/"):
                raise InventoryError(f"{path}: slotlab_netns: {netns!r} is no absolute path")
            return kind, None if netns is None else str(netns)
    raise InventoryError(f"{path}: slotlab_lab: {text!r} is none of {', '.join(LABS)}")


def _check_distinct(path: Path, hosts: tuple[Host, ...]) -> None:
    owners: dict[str, str] = {}
    for host in hosts:
        other = owners.setdefault(host.address, host.name)
        if other != host.name:
            problem = f"has the data address of {other}, {host.address}"
            raise InventoryError(f"{path}: host {host.name}: {problem}; set slotlab_address")


def _nearest(word: str, known: list[str] | tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(known)}"
