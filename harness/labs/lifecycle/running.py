"""Labs whose hosts are there: bring up, take down, look, log in.

Works for every provider; what differs from host to host is behind `HostKind`. Whatever is made is
recorded first (state.py), so `down` works after `up` was killed at any moment.
"""

import contextlib
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from faults.host.boottime import boot_id
from harness.controller.file_lock import held
from harness.errors import LabError, LabInputError
from harness.labs import cgroup, checks, network, process
from harness.labs import state as lab_state
from harness.labs.container import host as container_host
from harness.labs.lifecycle import access, reach
from harness.labs.process import ProcessId
from harness.labs.state import HostState, LabState
from harness.labs.vm import machine

Progress = Callable[[str], None]

HOST_STATUS_S = 1.5
PROGRESS_S = 20.0
"""How often a wait for hosts says whom it waits for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """A lab that is up: all that the rest of the harness needs is the inventory."""

    name: str
    inventory: Path
    netns: Path
    hosts: tuple[tuple[str, str], ...]
    """(name, data address) of each host in group nodes, in inventory order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStatus:
    """One host as found now; pid is its PID 1 (or its QEMU) on this machine, if it has power."""

    name: str
    role: str
    address: str
    pid: int | None
    ssh: bool

    @property
    def running(self) -> bool:
        """Return whether the host has power."""
        return self.pid is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabStatus:
    """One lab as found now; phase is up, starting, or broken (its maker died, or a reboot)."""

    provider: str
    phase: str
    hosts: tuple[HostStatus, ...]


def bring_up(name: str, plan: Callable[[], LabState], progress: Progress) -> Lab:
    """Return the lab, every host answering on SSH; on failure nothing of it is left.

    plan is called under the lab's lock, after what a dead `up` left over was removed.

    Raises:
        LabInputError: a lab of that name is up.
        LabError: it cannot be made here.
    """
    folder = lab_state.lab_folder(name)
    with lock(name):
        _clear_leftover(folder, name, progress)
        planned = plan()
        folder.mkdir(mode=0o700)
        lab_state.save(folder, planned)
        try:
            return _make(folder, planned, progress)
        except BaseException as error:
            progress(f"lab {name}: failed; removing what was made")
            _remove(folder)
            if isinstance(error, OSError):
                raise LabError(f"cannot make lab {name!r} in {folder}: {error}") from error
            raise


def inventory_of(name: str) -> Path:
    """Return where the lab's inventory is, if there is such a lab."""
    return lab_state.lab_folder(name) / "inventory.yml"


def down(name: str, progress: Progress) -> bool:
    """Return whether there was anything to remove; after it nothing of the lab is left."""
    folder = lab_state.lab_folder(name)
    if not folder.exists():
        return False
    checks.require_root()
    with lock(name):
        if not folder.exists():
            return False
        _remove(folder)
    progress(f"lab {name}: removed")
    return True


def status(name: str) -> LabStatus | None:
    """Return how the lab is now, or None if there is none of that name."""
    folder = lab_state.lab_folder(name)
    state = lab_state.load(folder)
    if state is None:
        return None
    same_boot = state.boot == boot_id()
    first = [(h, kind_of(h).first_process(h) if same_boot else None) for h in state.hosts]
    running = tuple(host for host, pid in first if pid)
    silent = {host.name for host in running}
    if running and Path(state.controller_namespace_path).exists():
        silent = reach.silent_hosts(folder, state, running, within_s=HOST_STATUS_S)
    phase = state.phase
    if not same_boot or (phase == "starting" and not process.is_alive(state.owner)):
        phase = "broken"
    return LabStatus(
        provider=state.provider,
        phase=phase,
        hosts=tuple(
            HostStatus(
                name=host.name,
                role=host.role,
                address=host.address,
                pid=pid.pid if pid else None,
                ssh=pid is not None and host.name not in silent,
            )
            for host, pid in first
        ),
    )


def ssh_command(name: str, host_name: str) -> list[str]:
    """Return the command that logs in to a host; append words to run a command there.

    Raises:
        LabInputError: there is no such lab or host.
    """
    state = lab_state.existing(name)
    return access.ssh_words(lab_state.lab_folder(name), state, state.host(host_name))


def lock(name: str, wait_s: float = 0.0) -> AbstractContextManager[object]:
    """Return the lab's lock, so that up, down and plugs of one lab never overlap."""
    busy = LabError(f"lab {name!r} is being made or removed by another slotlab: wait for it")
    return held(lab_state.labs_root() / f"{name}.lock", wait_s, lambda: busy)


def _clear_leftover(folder: Path, name: str, progress: Progress) -> None:
    if not folder.exists():
        return
    state = lab_state.load(folder)
    if state is not None and state.phase == "up" and state.boot == boot_id():
        raise LabInputError(
            f"lab {name!r} is already up: slotlab lab down --name {name}, or use another --name"
        )
    progress(f"lab {name}: removing what an interrupted run left over")
    _remove(folder)


def _make(folder: Path, state: LabState, progress: Progress) -> Lab:
    names = ", ".join(state.networks)
    progress(f"lab {state.name}: network {state.network}.0/24 ({names}) and keys")
    network.make(state)
    access.make_keys(folder, state)
    progress(f"lab {state.name}: booting {len(state.hosts)} hosts, the time server among them")
    for each in state.hosts:
        kind_of(each).lay_out(folder, state, each)
        state = boot(folder, state, each)
    _wait_for_ssh(folder, state, state.hosts, progress)
    inventory = access.write_inventory(folder, state)
    state = lab_state.save(folder, msgspec.structs.replace(state, phase="up"))
    progress(f"lab {state.name}: up")
    return Lab(
        name=state.name,
        inventory=inventory,
        netns=Path(state.controller_namespace_path),
        hosts=tuple((h.name, h.data_address) for h in state.hosts if h.role == "node"),
    )


def boot(folder: Path, state: LabState, each: HostState) -> LabState:
    """Return the state with the started host's process in it, as recorded."""
    recorded = [state]

    def record(started: ProcessId) -> None:
        recorded[0] = lab_state.save(folder, lab_state.with_process(state, each.name, started))

    kind_of(each).boot(folder, state, each, record)
    return recorded[0]


def _wait_for_ssh(
    folder: Path, state: LabState, hosts: tuple[HostState, ...], progress: Progress
) -> None:
    """Wait until every host answers; a host that ends instead is told at once."""
    started = time.monotonic()
    within_s = max(kind_of(each).SSH_DEADLINE_S for each in hosts)
    login_s, longest_s = reach.LOGIN_S
    while hosts:
        slice_s = min(PROGRESS_S, started + within_s - time.monotonic())
        silent = reach.silent_hosts(folder, state, hosts, within_s=slice_s, login_s=login_s)
        login_s = min(2 * login_s, longest_s)
        hosts = tuple(each for each in hosts if each.name in silent)
        passed_s = time.monotonic() - started
        ended = [each.name for each in hosts if not process.is_alive(each.process)]
        names = ", ".join(ended or sorted(silent))
        if ended or (hosts and passed_s >= within_s):
            what = "ended while booting" if ended else f"without SSH after {passed_s:.0f} s"
            raise LabError(f"hosts {what}: {names}; {_last_words(folder, names.split(',')[0])}")
        if hosts:
            progress(f"lab {state.name}: waiting for {names} ({passed_s:.0f} s)")


def _last_words(folder: Path, name: str) -> str:
    console = folder / "hosts" / name / "console.log"
    lines = console.read_text(errors="replace").strip().splitlines() or ["(nothing)"]
    return f"the console of {name} ends: {lines[-1]}"


def _remove(folder: Path) -> None:
    """Remove everything the lab recorded; safe to repeat."""
    state = lab_state.load(folder)
    if state is not None and state.boot == boot_id():
        for each in state.hosts:
            kind_of(each).end(state, each)
        process.kill(cgroup.processes(state.cgroups))
        network.remove(state)
        cgroup.remove(state.cgroups)
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)


class HostKind(Protocol):
    """The functions of a module that makes hosts, each described there."""

    SSH_DEADLINE_S: float

    def lay_out(self, folder: Path, state: LabState, host: HostState) -> None: ...
    def boot(
        self, folder: Path, state: LabState, host: HostState, record: Callable[[ProcessId], None]
    ) -> None: ...
    def end(self, state: LabState, host: HostState) -> None: ...
    def first_process(self, host: HostState) -> ProcessId | None: ...
    def freeze(self, folder: Path, host: HostState) -> None: ...
    def thaw(self, folder: Path, host: HostState) -> None: ...
    def is_frozen(self, folder: Path, host: HostState) -> bool: ...
    def set_link(self, folder: Path, state: LabState, host: HostState, *, up: bool) -> None: ...
    def link_is_up(self, folder: Path, state: LabState, host: HostState) -> bool: ...


def kind_of(host: HostState) -> HostKind:
    """Return the module that makes hosts of this one's kind."""
    return machine if host.spec else container_host
