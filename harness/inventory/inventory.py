"""The lab as the harness knows it: an Ansible inventory read by Ansible, checked by us.

Ansible's own parser supplies the values (so group_vars and host_vars count); everything named
slotlab_* is checked here, and a mistake is one line that names file, host, key and remedy.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from harness.controller.state_dir import state_home
from harness.errors import nearest
from harness.inventory import ansible_values
from harness.inventory.ansible_values import BECOME_PASSWORDS
from harness.inventory.names import check_addresses, check_words
from harness.inventory.ssh_options import SshConfigError, SshOptions, resolve
from harness.inventory.values import TIME_POLICIES, InventoryError, Reader, TimePolicy
from harness.notation.yaml_strict import BadYamlError, StrictLoader, parse_yaml

LabKind = Literal["hardware", "vm", "container"]
LABS: tuple[LabKind, ...] = get_args(LabKind)
NODES_GROUP = "nodes"
_ROOT_BY = {"ansible_become_method": "sudo", "ansible_become_user": "root"}
"""How hosts are administered; Ansible alone would do otherwise where the inventory says so."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One lab machine. address is its data path; ssh.address is where it is managed.

    interface is empty when the inventory leaves it out: the host is then asked which of its
    interfaces holds address (harness.deploy.host_facts). An observer runs a node but gets no
    producers dealt.
    power has command templates by word (off, on, state, ...), run on the controller. time and tune
    say whether deploy may set up the time daemon and the machine. become_password is empty unless
    the inventory has it.
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
    observer: bool = False
    power: Mapping[str, str] = field(default_factory=dict)
    time: TimePolicy = "observe"
    tune: bool = False
    become_password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """The lab's nodes in inventory order. netns is set for labs reached inside a namespace.

    whole: all hosts of the lab, where hosts are but some of them (harness.inventory.limit).
    """

    path: Path
    lab: LabKind
    netns: str | None
    hosts: tuple[Host, ...]
    whole: tuple[Host, ...] = ()

    @property
    def lab_hosts(self) -> tuple[Host, ...]:
        """All hosts of the lab, in inventory order, whichever of them are meant now."""
        return self.whole or self.hosts

    def host(self, name: str) -> Host:
        """Return the host of that name.

        Raises:
            InventoryError: there is none; the nearest name is offered.
        """
        for host in self.hosts:
            if host.name == name:
                return host
        names = [host.name for host in self.hosts]
        raise InventoryError(f"{self.path}: no host {name}; {nearest(name, names)}")

    @property
    def lab_id(self) -> str:
        """Return the name under which this lab's keys and lock are kept on the controller."""
        return lab_id_of(self.path)

    def with_become_password(self, password: str) -> Inventory:
        """Return the same lab, with this sudo password for each host that has none of its own."""
        hosts = tuple(
            host if host.become_password else replace(host, become_password=password)
            for host in self.hosts
        )
        return replace(self, hosts=hosts)


def load(path: Path | str) -> Inventory:
    """Return the lab described by the Ansible YAML inventory at path.

    Raises:
        InventoryError: unreadable, not an inventory, or a slotlab_ variable is wrong.
    """
    path = Path(path).expanduser().resolve()
    _check_files(path)
    listing = _ansible_listing(path)
    hostvars = ansible_values.worked_out(path, listing.get("_meta", {}).get("hostvars", {}))
    group = NODES_GROUP if NODES_GROUP in listing else "all"
    names = _members(listing, group)
    if not names:
        raise InventoryError(f"{path}: group {group} has no hosts; add them under {group}.hosts")
    shared = ansible_values.configured()
    hosts = tuple(_host(path, name, shared | {**hostvars.get(name, {})}, listing) for name in names)
    lab, netns = _lab_values(path, hosts, hostvars)
    check_addresses(path, {host.name: host.address for host in hosts})
    groups: dict[str, list[str]] = {}
    for host in hosts:
        for name in host.groups:
            groups.setdefault(name, []).append(host.name)
    check_words(path, names, groups, {host.name: host.zone for host in hosts if host.zone})
    return Inventory(path=path, lab=lab, netns=netns, hosts=hosts)


def lab_id_of(path: Path) -> str:
    """Return the lab_id of the inventory at this path, whether or not it is still there."""
    return f"{path.stem}-{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"


def _ansible_listing(path: Path) -> dict[str, Any]:
    done = ansible_values.run_ansible(
        *("ansible-inventory", "-i", str(path), "--list"),
        ANSIBLE_INVENTORY_ENABLED="yaml,ini", ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="true",
    )  # fmt: skip
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if "ERROR" in line.upper()]
        detail = (lines or done.stderr.splitlines() or ["ansible-inventory failed"])[0]
        detail = detail.removeprefix("[ERROR]: ").strip()
        if detail.startswith("Completely failed"):  # why is a warning
            why = re.search(r"with 'yaml' plugin: (.+)", done.stderr)
            detail = why[1] if why else detail
        remedy = "; name the inventory file in it" if path.is_dir() else ""
        remedy = f"; {ansible_values.UNSEAL}" if "decrypt" in detail else remedy
        raise InventoryError(f"{path}: {detail.rstrip('.')}{remedy}")
    listing = json.loads(done.stdout)
    assert isinstance(listing, dict)
    return listing


def _members(listing: Mapping[str, Any], group: str) -> list[str]:
    """Return the hosts of a group and its children, each once, in the order written."""
    entry = listing.get(group, {})
    of_children = (_members(listing, child) for child in entry.get("children", []))
    return list(dict.fromkeys((*entry.get("hosts", []), *itertools.chain(*of_children))))


def _host(path: Path, name: str, values: Mapping[str, Any], listing: Mapping[str, Any]) -> Host:
    where = f"{path}: host {name}"
    if not _NAME.fullmatch(name):
        raise InventoryError(f"{where}: use letters, digits, '-', '_' and '.' in a host's name")
    values = ansible_values.with_key_policy(ansible_values.opened(values, where))
    reader = Reader(where, values)
    reader.check_keys()
    if values.get("ansible_connection") in ("local", "docker", "podman"):
        raise InventoryError(f"{where}: ansible_connection must be ssh; leave it out")
    for key, only in _ROOT_BY.items():
        if values.get(key, only) != only:
            raise InventoryError(f"{where}: {key} must be {only}; leave it out")
    management = str(values.get("ansible_host") or values.get("ansible_ssh_host") or name)
    try:
        ssh = resolve(management, values, state_home() / "known_hosts" / lab_id_of(path))
    except (SshConfigError, ValueError) as error:
        raise InventoryError(f"{where}: ansible_ssh_common_args: {error}") from error
    named = listing.keys() - {"_meta", "all", "ungrouped"}
    groups = sorted(group for group in named if name in _members(listing, group))
    host = Host(
        name=name,
        address=reader.address(ssh.address),
        interface=reader.word("slotlab_interface"),
        zone=reader.word("slotlab_zone"),
        node_port=reader.port("slotlab_node_port", 9000),
        probe_port=reader.port("slotlab_probe_port", 9001),
        ntp=reader.time_servers(),
        state_dir=reader.state_dir(),
        python=reader.python(),
        groups=tuple(groups),
        ssh=ssh,
        observer=reader.switch("slotlab_observer"),
        power=reader.power(),
        time=reader.choice("slotlab_time", TIME_POLICIES),
        tune=reader.switch("slotlab_tune"),
        become_password=_become_password(values),
    )
    if host.node_port == host.probe_port:
        raise InventoryError(f"{where}: slotlab_probe_port equals slotlab_node_port; use 9001")
    return host


def _become_password(values: Mapping[str, Any]) -> str:
    """Return the sudo password in the inventory, empty for one that Ansible cannot make out."""
    given = next((values[key] for key in BECOME_PASSWORDS if values.get(key)), "")
    return str(given) if isinstance(given, str | int) and "{{" not in str(given) else ""


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


_VAULT = b"$ANSIBLE_VAULT"
_SUFFIXES = (".yml", ".yaml", ".json", "")
_VARIABLE_FOLDERS = ("group_vars", "host_vars")


class _Loader(StrictLoader):
    """Reads any tag: only Ansible knows what !vault means."""


_Loader.add_multi_constructor("!", lambda _loader, _suffix, _node: "")


def _check_files(path: Path) -> None:
    """Refuse an inventory, or a variable file beside it, that is no YAML or gives a key twice.

    Ansible takes the last of two equal keys without a word, and with it a machine may be missing
    from the lab or have another's variables.

    Raises:
        InventoryError: names the file, and the line where there is one.
    """
    if not path.is_dir():
        document = _document(path)
        if not isinstance(document, dict) or not document:
            raise InventoryError(f"{path}: not an inventory: start with `all:` (rack.example.yml)")
    for file in _beside(path):
        _document(file)


def _beside(path: Path) -> Iterator[Path]:
    """Yield the variable files that Ansible reads with the inventory, and a folder's own files."""
    folder = path if path.is_dir() else path.parent
    if path.is_dir():
        yield from (file for file in sorted(path.iterdir()) if file.suffix in (".yml", ".yaml"))
    for name in _VARIABLE_FOLDERS:
        for file in sorted((folder / name).rglob("*")):
            if file.is_file() and file.suffix in _SUFFIXES and not file.name.startswith("."):
                yield file


def _document(path: Path) -> Any:
    try:
        data = path.read_bytes()
        return None if data.startswith(_VAULT) else parse_yaml(data, _Loader)
    except OSError as error:
        remedy = "name an inventory with -i, or start from inventory/rack.example.yml"
        raise InventoryError(f"{path}: {error.strerror}; {remedy}") from error
    except BadYamlError as error:
        raise InventoryError(error.at(path)) from error
