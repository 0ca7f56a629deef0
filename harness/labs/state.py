"""What a lab is made of, written to lab.json before any of it is made.

Knows names and files, makes nothing. Everything but process ids is named in the first write, so
that a lab whose maker was killed can still be removed, and nothing else is.
"""

import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path

import msgspec

from faults.host.boottime import boot_id
from harness.controller.state_dir import state_home
from harness.errors import LabError, LabInputError
from harness.labs.process import ProcessId, this_process
from harness.labs.vm_spec import DATA_NETWORK, NicSpec, VmSpec

SCHEMA = "slotlab.lab/v1"
HOSTS_MAX = 100
FIRST_HOST_NUMBER = 11
"""n1 is 10.x.y.11; .1 is the controller, .2 the time server."""


class HostState(msgspec.Struct, frozen=True, kw_only=True):
    """One lab host; address is where SSH listens, role its group in the inventory.

    A container has a namespace of its own, which is its machine's name too; a VM has its spec.
    """

    name: str
    role: str
    address: str
    namespace: str = ""
    spec: VmSpec | None = msgspec.field(default=None, name="dress")
    """Recorded as dress: labs that are up were recorded so."""
    process: ProcessId | None = None

    @property
    def data_nic(self) -> int:
        """Return the number of the card that carries the node's traffic."""
        return self.spec.data_nic if self.spec else 0

    @property
    def data_address(self) -> str:
        """Return slotlab_address: the first address of the data card."""
        if self.spec is None:
            return self.address
        return self.spec.nics[self.spec.data_nic].addresses[0].partition("/")[0]


class LabState(msgspec.Struct, frozen=True, kw_only=True):
    """One lab; phase is starting or up, boot the boot id the processes belong to."""

    name: str
    prefix: str
    network: str
    image: str
    boot: str
    owner: ProcessId
    bridge_namespace: str
    controller_namespace: str
    cgroups: tuple[str, ...]
    hosts: tuple[HostState, ...]
    provider: str = "container"
    vm_image: str = ""
    acceleration: str = ""
    """kvm or tcg, for VMs."""
    controller_cards: tuple[NicSpec, ...] = ()
    phase: str = "starting"
    schema: str = SCHEMA

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Every network namespace of the lab."""
        return (
            self.bridge_namespace,
            self.controller_namespace,
            *(host.namespace for host in self.hosts if host.namespace),
        )

    @property
    def ntp_address(self) -> str:
        """The address of the lab's time server."""
        return f"{self.network}.2"

    @property
    def hosts_file(self) -> str:
        """Return /etc/hosts with every host of the lab by its data address."""
        names = "".join(f"{host.data_address} {host.name}\n" for host in self.hosts)
        return f"127.0.0.1 localhost\n::1 localhost\n{names}"

    @property
    def controller_namespace_path(self) -> str:
        """The file through which the harness enters the lab network."""
        return f"/run/netns/{self.controller_namespace}"

    def cards(self, host: HostState | None) -> tuple[NicSpec, ...]:
        """Return the network cards of a host, or of the controller if host is None."""
        if host is None and self.controller_cards:
            return self.controller_cards
        if host is not None and host.spec is not None:
            return host.spec.nics
        address = f"{self.network}.1" if host is None else host.address
        return (NicSpec(network=DATA_NETWORK, addresses=(f"{address}/24",)),)

    @property
    def networks(self) -> tuple[str, ...]:
        """Every network that some card is on, in order of mention."""
        cards = [card for owner in (None, *self.hosts) for card in self.cards(owner)]
        return tuple(dict.fromkeys(card.network for card in cards))

    def host(self, name: str) -> HostState:
        """Return the named host.

        Raises:
            LabInputError: the lab has no such host.
        """
        for host in self.hosts:
            if host.name == name:
                return host
        known = ", ".join(host.name for host in self.hosts)
        raise LabInputError(f"lab {self.name!r} has no host {name!r}: it has {known}")


def new_state(
    name: str, hosts: int, image: Path, cgroup_roots: Sequence[Path], network: str = ""
) -> LabState:
    """Return the complete plan of a lab of containers, a time server among them.

    Its prefix is fresh, and so is the network where none is given; nothing exists yet.
    """
    prefix, network = f"sl{secrets.token_hex(3)}", network or new_network()

    def container(host: str, role: str, number: int) -> HostState:
        address = f"{network}.{number}"
        return HostState(name=host, role=role, address=address, namespace=f"{prefix}-{host}")

    nodes = [container(f"n{i + 1}", "node", FIRST_HOST_NUMBER + i) for i in range(hosts)]
    return LabState(
        name=name,
        prefix=prefix,
        network=network,
        image=str(image),
        boot=boot_id(),
        owner=this_process(),
        bridge_namespace=f"{prefix}-bridge",
        controller_namespace=f"{prefix}-ctl",
        cgroups=tuple(str(root / prefix) for root in cgroup_roots),
        hosts=(*nodes, container("ntp", "ntp", 2)),
    )


def new_network() -> str:
    """Return the first three numbers of a fresh private network."""
    return f"10.{secrets.randbelow(240) + 10}.{secrets.randbelow(250) + 2}"


def check_count(hosts: int) -> None:
    """Raise LabInputError unless a container lab may have so many hosts."""
    if not 1 <= hosts <= HOSTS_MAX:
        raise LabInputError(f"--hosts {hosts}: a container lab has 1 to {HOSTS_MAX} hosts")


def check_name(name: str) -> None:
    """Raise LabInputError unless name can be a lab's name."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,29}", name):
        raise LabInputError(
            f"lab name {name!r}: use 1 to 30 of a-z, 0-9 and -, starting with a letter or digit"
        )


def labs_root() -> Path:
    """Return the folder that holds one folder a lab."""
    return state_home() / "labs"


def lab_folder(name: str) -> Path:
    """Return the folder of the named lab, whether or not it exists."""
    check_name(name)
    return labs_root() / name


def list_labs() -> tuple[str, ...]:
    """Return the names of all labs recorded on this machine for this user."""
    return tuple(sorted(path.parent.name for path in labs_root().glob("*/lab.json")))


def existing(name: str) -> LabState:
    """Return the record of the named lab.

    Raises:
        LabInputError: there is no such lab.
    """
    state = load(lab_folder(name))
    if state is None:
        known = ", ".join(list_labs()) or "none"
        raise LabInputError(f"no lab {name!r} (there are: {known}): slotlab lab up --name {name}")
    return state


def load(folder: Path) -> LabState | None:
    """Return what is recorded in folder, or None if there is no lab.

    Raises:
        LabError: lab.json is not one of ours.
    """
    path = folder / "lab.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=LabState)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise LabError(f"{path}: not a lab record ({error}); look at it, then delete it") from error


def save(folder: Path, state: LabState) -> LabState:
    """Return state once it is durable in folder/lab.json."""
    path = folder / "lab.json"
    draft = folder / "lab.json.new"
    with draft.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(state), indent=2) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return state


def with_process(state: LabState, name: str, process: ProcessId | None) -> LabState:
    """Return state with the named host's process replaced."""
    hosts = tuple(
        msgspec.structs.replace(host, process=process) if host.name == name else host
        for host in state.hosts
    )
    return msgspec.structs.replace(state, hosts=hosts)
