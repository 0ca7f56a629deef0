"""The VM lab: QEMU machines on this machine, behind an inventory as of hardware.

`up` makes it; what can be done to a lab that is up is the same for every provider (running.py).
"""

from pathlib import Path

import msgspec

from harness.errors import LabError, LabInputError
from harness.labs import cgroup, checks
from harness.labs import state as lab_state
from harness.labs.image import build
from harness.labs.image.recipe import CONTAINER
from harness.labs.lifecycle.running import Lab, Progress, bring_up
from harness.labs.state import FIRST_HOST_NUMBER, HostState, LabState
from harness.labs.vm import image, recipe
from harness.labs.vm_spec import DATA_NETWORK, LabSpec, NicSpec, VmSpec

HOSTS_MAX = 20
DISK_BYTES = 400_000_000
"""Room asked for each VM's layer over the shared disk."""

QEMU_MB = 200
"""What QEMU itself takes beside the memory of its guest."""


def up(name: str, hosts: int, progress: Progress, spec: LabSpec | None = None) -> Lab:
    """Return the lab, every host answering on SSH; on failure nothing of it is left.

    It has so many equal hosts, or is what the spec says.

    Raises:
        LabInputError: a bad name or number of hosts, or a lab of that name is up.
        LabError: this machine lacks something, named with its remedy.
    """
    lab_state.check_name(name)
    if not 1 <= hosts <= HOSTS_MAX:
        raise LabInputError(f"--hosts {hosts}: a VM lab has 1 to {HOSTS_MAX} hosts")
    checks.require_root()
    checks.require_programs(checks.VM_PACKAGE_OF, "VM lab")
    if build.architecture() != "amd64":
        raise LabError(f"the VM lab runs on amd64 only, not on {build.architecture()}")
    spec = spec or plain_spec(hosts, lab_state.new_network())
    return bring_up(name, lambda: _plan(name, spec, progress), progress)


def _plan(name: str, spec: LabSpec, progress: Progress) -> LabState:
    """Return the record of a lab whose images are there; none of the lab itself exists yet."""
    files = build.ensure(recipe.VM, progress, image.make_disk)
    root = lab_state.labs_root()
    checks.require_space(root, len(spec.hosts) * DISK_BYTES, f"a lab of {len(spec.hosts)} VMs")
    checks.require_memory(sum(host.memory_mb + QEMU_MB for host in spec.hosts))
    network = spec.controller[0].addresses[0].rpartition("/")[0].rpartition(".")[0]
    shared, tops = Path(), cgroup.roots()
    if spec.own_time_server:
        checks.require_programs(checks.PACKAGE_OF, "lab's time server")
        checks.require_overlay(root)
        shared = build.ensure(CONTAINER, progress)
    else:
        tops = ()
    server = lab_state.new_state(name, 0, shared, tops, network)
    return msgspec.structs.replace(
        server,
        provider="vm",
        vm_image=str(files),
        acceleration=image.acceleration(files / image.KERNEL, progress),
        controller_cards=spec.controller,
        hosts=(*map(host_state, spec.hosts), *(server.hosts if spec.own_time_server else ())),
    )


def host_state(spec: VmSpec) -> HostState:
    """Return the record of a VM that is not started yet."""
    address = spec.nics[0].addresses[0].partition("/")[0]
    return HostState(name=spec.name, role=spec.role, address=address, spec=spec)


def plain_spec(count: int, network: str) -> LabSpec:
    """Return a lab of equal hosts on one network, with a time server of its own."""
    server = f"{network}.2"

    def card(number: int) -> NicSpec:
        return NicSpec(network=DATA_NETWORK, addresses=(f"{network}.{number}/24",))

    hosts = tuple(
        VmSpec(name=f"n{i + 1}", nics=(card(FIRST_HOST_NUMBER + i),), ntp=(server,))
        for i in range(count)
    )
    return LabSpec(hosts=hosts, controller=(card(1),), own_time_server=True)
