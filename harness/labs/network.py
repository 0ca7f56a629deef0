"""The network of a lab: bridges, and a namespace a container, all outside the root namespace.

The machine's own namespace never gets an interface, a rule or a route. veth pairs are created
inside the bridge's namespace with their other end already in the host's.
"""

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from faults.host.boottime import boot_id
from harness.labs.process import run
from harness.labs.state import HostState, LabState

NAMESPACES = Path("/run/netns")
MOUNT_MARKER = Path("/run/slotlab-netns-mount")
"""Says in which boot a lab caused the mount on NAMESPACES; gone when the mount is."""


@dataclass(frozen=True, slots=True)
class Port:
    """One card and the bridge port it is plugged into; namespace is "" for a VM's tap."""

    name: str
    bridge: str
    namespace: str
    interface: str
    addresses: tuple[str, ...]


def ports(state: LabState, host: HostState | None) -> tuple[Port, ...]:
    """Return the ports of a host in the order of its cards; of the controller if host is None."""
    number = len(state.cards(None)) if host is not None else 0
    for each in state.hosts:
        if host is None or each.name == host.name:
            break
        number += len(state.cards(each))
    namespace = state.controller_namespace if host is None else host.namespace
    return tuple(
        Port(
            name=f"p{number + index}",
            bridge=f"br{state.networks.index(card.network)}",
            namespace=namespace,
            interface=f"eth{index}",
            addresses=card.addresses,
        )
        for index, card in enumerate(state.cards(host))
    )


def make(state: LabState) -> None:
    """Make every namespace of the lab and set every address."""
    with _namespace_folder():
        if not _is_mounted():
            MOUNT_MARKER.write_text(boot_id())
        run(["ip", "-batch", "-"], stdin="".join(f"netns add {n}\n" for n in state.namespaces))
    bridge = ["link set lo up"]
    for number in range(len(state.networks)):
        bridge += [f"link add br{number} type bridge", f"link set br{number} up"]
    made = [port for owner in (None, *state.hosts) for port in ports(state, owner)]
    for port in made:
        if port.namespace:
            peer = f"peer name {port.interface} netns {port.namespace}"
            bridge.append(f"link add {port.name} type veth {peer}")
        else:
            bridge.append(f"tuntap add dev {port.name} mode tap")
        bridge.append(f"link set {port.name} master {port.bridge} up")
    run(["ip", "-n", state.bridge_namespace, "-batch", "-"], stdin="\n".join(bridge) + "\n")
    for port in made:
        if port.namespace:
            run(["ip", "-n", port.namespace, "-batch", "-"], stdin=address_lines(port))


def address_lines(port: Port) -> str:
    """Return the lines for `ip -batch` that give a card its addresses."""
    lines = ["link set lo up", f"link set {port.interface} up"]
    for address in port.addresses:
        nodad = " nodad" if ":" in address else ""
        lines.append(f"addr add {address} dev {port.interface}{nodad}")
    return "\n".join(lines) + "\n"


def remove(state: LabState) -> None:
    """Remove every namespace of the lab; the veths and the bridge go with them."""
    with _namespace_folder():
        present = [name for name in state.namespaces if (NAMESPACES / name).exists()]
        if present:
            lines = "".join(f"netns delete {name}\n" for name in present)
            run(["ip", "-batch", "-"], stdin=lines)
        _unmount_if_ours_and_empty()


@contextmanager
def _namespace_folder() -> Iterator[None]:
    """Hold the lock under which labs add to and remove from the folder of namespaces.

    The lock is on a folder that is always there, so that no lock file is left behind.
    """
    folder = os.open(NAMESPACES.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _is_mounted() -> bool:
    # Path.is_mount() cannot see a folder bound onto itself.
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return any(line.split()[4] == str(NAMESPACES) for line in lines)


def _unmount_if_ours_and_empty() -> None:
    # The first `ip netns add` of a boot bind-mounts /run/netns on itself. If a lab caused that
    # and nobody has a namespace there any more, the mount goes too; busy means somebody has.
    marker = MOUNT_MARKER
    if not marker.exists():
        return
    if marker.read_text() != boot_id():
        marker.unlink()
        return
    if NAMESPACES.is_dir() and os.listdir(NAMESPACES):
        return
    if _is_mounted():
        subprocess.run(["umount", str(NAMESPACES)], capture_output=True, check=False)
    if not _is_mounted():
        marker.unlink()
