"""What a VM lab is asked to be: its hosts, their cards, disks and habits, as plain values.

A topology renders to a LabSpec; the VM lab builds exactly that. Networks are named; each name is
one bridge. Nothing is checked against the machine here.
"""

from dataclasses import dataclass
from typing import Literal

import msgspec

DATA_NETWORK = "data"
"""The network of a lab that has only one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NicSpec:
    """One network card; the first is eth0. A network exists because a card names it."""

    network: str
    addresses: tuple[str, ...]
    """Static, each with its prefix length: 10.1.2.11/24, fd00::11/64."""


class DiskSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A further disk with an ext4 file system, mounted at mount on every boot."""

    mount: str
    size_mb: int
    iops: int = 0
    """Reads and writes a second that the machine allows; 0 is no limit."""


class VmHabits(msgspec.Struct, frozen=True, kw_only=True):
    """What is as a topology says it; role is its group: nodes, ntp_servers or jump_hosts."""

    role: Literal["node", "ntp", "jump"] = "node"
    jump: str = ""
    """The lab host through which the controller reaches this one by SSH; "" is directly."""
    memory_mb: int = 384
    disks: tuple[DiskSpec, ...] = ()
    time_zone: str = "Etc/UTC"
    sudo_password: str = ""
    """Empty is passwordless sudo."""
    commands: tuple[str, ...] = ()
    """Lines of sh run once by root on first boot, disks mounted, before the network is up."""
    boot_commands: tuple[str, ...] = ()
    """Lines of sh run by root on every boot once the network is up, before SSH answers."""


class VmSpec(VmHabits, frozen=True, kw_only=True):
    """One VM; the first address of its first card is ansible_host."""

    name: str
    nics: tuple[NicSpec, ...]
    data_nic: int = 0
    """The card of slotlab_address (its first address); link_down takes this one down."""
    ntp: tuple[str, ...] = ()
    """Servers its chrony follows, and slotlab_ntp of a node."""
    serves_ntp_to: tuple[str, ...] = ()
    """Networks (10.1.2.0/24) whose hosts may ask its chrony; it then serves at stratum 1."""
    files: dict[str, tuple[int, str]] = {}
    """Absolute path -> (mode, text), owned by root, laid down on first boot."""
    host_vars: dict[str, object] = {}
    """Further inventory variables of this host; they win over what the lab writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabSpec:
    """A whole VM lab: hosts in inventory order, and the cards of the controller's namespace."""

    hosts: tuple[VmSpec, ...]
    controller: tuple[NicSpec, ...]
    own_time_server: bool = False
    """Whether the lab adds a light time server at address .2 of the first network (IPv4 only)."""
