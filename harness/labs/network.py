"""The network of a lab: one bridge and one namespace a host, all outside the root namespace.

The machine's own namespace never gets an interface, a rule or a route. veth pairs are created
inside the bridge's namespace with their other end already in the host's.
"""

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.labs.process import boot_id, run
from harness.labs.state import LabState

NAMESPACES = Path("/run/netns")
MOUNT_MARKER = Path("/run/slotlab-netns-mount")
"""Says in which boot a lab caused the mount on NAMESPACES; gone when the mount is."""

INTERFACE = "eth0"
"""The data interface inside every host and inside the controller's namespace."""


def make(state: LabState) -> None:
    """Return once every namespace of the lab is there and every address is set."""
    with _namespace_folder():
        if not _is_mounted():
            MOUNT_MARKER.write_text(boot_id())
        run(["ip", "-batch", "-"], stdin="".join(f"netns add {n}\n" for n in state.namespaces))
    ends = [(state.controller_namespace, state.controller_address)]
    ends += [(host.namespace, host.address) for host in state.hosts]
    bridge = ["link set lo up", "link add br0 type bridge", "link set br0 up"]
    for number, (namespace, _) in enumerate(ends):
        bridge.append(f"link add p{number} type veth peer name {INTERFACE} netns {namespace}")
        bridge.append(f"link set p{number} master br0 up")
    run(["ip", "-n", state.bridge_namespace, "-batch", "-"], stdin="\n".join(bridge) + "\n")
    for namespace, address in ends:
        words = ["link set lo up", f"addr add {address}/24 dev {INTERFACE}"]
        words.append(f"link set {INTERFACE} up")
        run(["ip", "-n", namespace, "-batch", "-"], stdin="\n".join(words) + "\n")


def remove(state: LabState) -> None:
    """Return once no namespace of the lab is left; the veths and the bridge go with them."""
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
