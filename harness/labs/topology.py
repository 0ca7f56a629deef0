"""Reads a topology file (slotlab.topology/v1) and renders it to what the VM lab builds.

A topology names networks, hosts and their habits. A host's address on each of its networks ends in
its number; its first network is where SSH reaches it, its last one carries the chain.
"""

import ipaddress
from pathlib import Path
from typing import Literal

import msgspec

from harness.errors import LabInputError
from harness.labs.vm_spec import LabSpec, NicSpec, VmHabits, VmSpec
from harness.notation import yaml_strict

CONTROLLER_NUMBER = 1
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class _Host(VmHabits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    number: int
    networks: list[str]
    ntp: tuple[str, ...] = ()
    """Hosts of the lab whose time it follows."""
    serves_ntp_to: str = ""
    """The network whose hosts may ask it for the time, and where they find it."""
    files: dict[str, str] = msgspec.field(default_factory=dict)
    vars: dict[str, object] = msgspec.field(default_factory=dict)
    """Further inventory variables."""


class _Topology(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    schema: Literal["slotlab.topology/v1"]
    networks: dict[str, str]
    controller: list[str]
    hosts: dict[str, _Host]


def load(path: Path) -> LabSpec:
    """Return the lab that the YAML file at path describes.

    Raises:
        LabInputError: unreadable, or something in it cannot be; one line names the key.
    """
    try:
        topology = msgspec.convert(yaml_strict.parse_yaml(path.read_bytes()), _Topology)
    except OSError as error:
        remedy = "name a file as inventory/topologies/rack.yml"
        raise LabInputError(f"--topology {path}: {error.strerror}; {remedy}") from error
    except yaml_strict.BadYamlError as error:
        raise LabInputError(error.at(path)) from error
    except msgspec.ValidationError as error:
        raise LabInputError(f"{path}: {error}") from error
    try:
        return _render(topology)
    except ValueError as error:
        raise LabInputError(f"{path}: {error}") from error


def _render(topology: _Topology) -> LabSpec:
    """Raises ValueError with the key and what is wrong."""
    networks: dict[str, Network] = {}
    for name, text in topology.networks.items():
        try:
            networks[name] = ipaddress.ip_network(text)
        except ValueError as error:
            raise ValueError(f"networks.{name}: {error}; write it as 10.77.1.0/24") from error
    if not topology.controller:
        raise ValueError("controller: name at least one network")
    if not any(host.role == "node" for host in topology.hosts.values()):
        raise ValueError("hosts: none has role node")
    numbers = [host.number for host in topology.hosts.values()]
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    if twice or CONTROLLER_NUMBER in numbers:
        which = twice[0] if twice else CONTROLLER_NUMBER
        owner = "two hosts" if twice else "the controller"
        raise ValueError(f"hosts: number {which} is of {owner}; give each host its own")
    cards = _cards("controller", topology.controller, CONTROLLER_NUMBER, networks)
    reached = {name for name, host in topology.hosts.items() if not host.jump}
    for name in reached:
        if not set(topology.hosts[name].networks[:1]) & set(topology.controller):
            remedy = "set jump, or put it on a network of the controller"
            raise ValueError(f"hosts.{name}: the controller cannot reach it; {remedy}")
    hosts = tuple(_host(name, topology, networks) for name in topology.hosts)
    return LabSpec(hosts=hosts, controller=cards)


def _cards(
    where: str, names: list[str], number: int, networks: dict[str, Network]
) -> tuple[NicSpec, ...]:
    cards = []
    for name in names:
        if name not in networks:
            raise ValueError(f"{where}: no network {name}; known: {', '.join(networks)}")
        network = networks[name]
        if not 0 < number < min(network.num_addresses, 2**16) - 1:
            raise ValueError(f"{where}: number {number} is not in {network}")
        card = f"{network.network_address + number}/{network.prefixlen}"
        cards.append(NicSpec(network=name, addresses=(card,)))
    return tuple(cards)


def _host(name: str, topology: _Topology, networks: dict[str, Network]) -> VmSpec:
    host, where = topology.hosts[name], f"hosts.{name}"
    if not host.networks:
        raise ValueError(f"{where}.networks: name at least one")
    if host.jump and topology.hosts.get(host.jump, host).role != "jump":
        raise ValueError(f"{where}.jump: {host.jump} is no host with role jump")
    servers = tuple(_time_server(where, server, topology, networks) for server in host.ntp)
    return VmSpec(
        name=name,
        nics=_cards(f"{where}.networks", host.networks, host.number, networks),
        data_nic=len(host.networks) - 1,
        ntp=servers,
        serves_ntp_to=(str(networks[host.serves_ntp_to]),) if host.serves_ntp_to else (),
        files={path: (0o644, text) for path, text in host.files.items()},
        host_vars=host.vars,
        **{habit: getattr(host, habit) for habit in VmHabits.__struct_fields__},
    )


def _time_server(where: str, server: str, topology: _Topology, networks: dict[str, Network]) -> str:
    """Return the address at which a host of the lab serves time."""
    found = topology.hosts.get(server)
    if found is None or not found.serves_ntp_to:
        raise ValueError(f"{where}.ntp: {server} serves no time; set its serves_ntp_to")
    if found.serves_ntp_to not in found.networks:
        raise ValueError(f"hosts.{server}.serves_ntp_to: {found.serves_ntp_to}: it is not on it")
    return str(networks[found.serves_ntp_to].network_address + found.number)
