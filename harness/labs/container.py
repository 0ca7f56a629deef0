"""The container lab: systemd-nspawn hosts on this machine, behind an ordinary inventory.

`up` makes it, `down` removes every trace of it, `status` looks, `ssh_command` logs in. Whatever is
made is recorded first (state.py), so `down` works after `up` was killed at any moment.
"""

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harness.labs import access, cgroup, checks, host, network, process, reach
from harness.labs import state as lab_state
from harness.labs.errors import LabError, LabInputError
from harness.labs.image import ensure_image
from harness.labs.state import HostState, LabState, ProcessId

Progress = Callable[[str], None]

SSH_DEADLINE_S = 60.0
HOST_STATUS_S = 1.5


@dataclass(frozen=True, slots=True)
class LabSpec:
    """What is asked for: a name, and how many hosts run a node (the time server is extra)."""

    name: str = "default"
    hosts: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """A lab that is up: all that the rest of the harness needs is the inventory."""

    name: str
    folder: Path
    inventory: Path
    netns: Path
    hosts: tuple[tuple[str, str], ...]
    """(name, address) of each host in group nodes, in inventory order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStatus:
    """One host as found now; pid is its PID 1 on this machine."""

    name: str
    role: str
    address: str
    running: bool
    pid: int | None
    ssh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LabStatus:
    """One lab as found now; phase is up, starting, or broken (its maker died, or a reboot)."""

    name: str
    phase: str
    inventory: Path
    netns: Path
    hosts: tuple[HostStatus, ...]


def up(spec: LabSpec, progress: Progress) -> Lab:
    """Return the lab, every host answering on SSH; on failure nothing of it is left.

    A lab of that name which a dead `up` left over is removed first.

    Raises:
        LabInputError: a bad name or number of hosts, or a lab of that name is up.
        LabError: this machine lacks something, named with its remedy.
    """
    lab_state.check_name(spec.name)
    checks.require_root()
    checks.require_programs()
    folder = lab_state.lab_folder(spec.name)
    lab_state.labs_root().mkdir(parents=True, exist_ok=True, mode=0o700)
    with _lock(spec.name):
        _clear_leftover(folder, spec.name, progress)
        image = ensure_image(progress)
        room_bytes = (spec.hosts + 1) * checks.HOST_BYTES
        checks.require_space(lab_state.labs_root(), room_bytes, f"a lab of {spec.hosts} hosts")
        checks.require_overlay(lab_state.labs_root())
        planned = lab_state.new_state(
            name=spec.name,
            host_count=spec.hosts,
            image=image,
            boot=process.boot_id(),
            owner=process.this_process(),
            cgroup_roots=cgroup.roots(),
        )
        folder.mkdir(mode=0o700)
        lab_state.save(folder, planned)
        try:
            return _make(folder, planned, progress)
        except BaseException as error:
            progress(f"lab {spec.name}: failed; removing what was made")
            _remove(folder)
            if isinstance(error, OSError):
                raise LabError(f"cannot make lab {spec.name!r} in {folder}: {error}") from error
            raise


def down(name: str, progress: Progress) -> bool:
    """Return whether there was anything to remove; after it nothing of the lab is left."""
    folder = lab_state.lab_folder(name)
    if not folder.exists():
        return False
    checks.require_root()
    with _lock(name):
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
    same_boot = state.boot == process.boot_id()
    first = {h.name: host.first_process(h) if same_boot else None for h in state.hosts}
    running = {h.name: h.address for h in state.hosts if first[h.name]}
    namespace = Path(state.controller_namespace_path)
    silent = set(running)
    if running and namespace.exists():
        silent = reach.silent_hosts(namespace, running, within_s=HOST_STATUS_S)
    phase = state.phase
    if not same_boot or (phase == "starting" and not process.is_alive(state.owner)):
        phase = "broken"
    hosts = tuple(_host_status(h, first[h.name], silent) for h in state.hosts)
    return LabStatus(
        name=name, phase=phase, inventory=folder / "inventory.yml", netns=namespace, hosts=hosts
    )


def list_labs() -> tuple[str, ...]:
    """Return the names of all labs recorded on this machine for this user."""
    return tuple(sorted(path.parent.name for path in lab_state.labs_root().glob("*/lab.json")))


def ssh_command(name: str, host_name: str) -> list[str]:
    """Return the command that logs in to a host; append words to run a command there.

    Raises:
        LabInputError: there is no such lab or host.
    """
    state = _existing(name)
    return access.ssh_words(lab_state.lab_folder(name), state, state.host(host_name))


def kill(name: str, host_name: str) -> None:
    """Return once the host is dead as by a power cut: SIGKILL of its PID 1, its disk kept."""
    with _lock(name):
        _kill(lab_state.lab_folder(name), _existing(name), host_name)


def start(name: str, host_name: str) -> None:
    """Return once a killed host answers on SSH again; nothing happens if it runs."""
    with _lock(name):
        _start(lab_state.lab_folder(name), _existing(name), host_name)


def reboot(name: str, host_name: str) -> None:
    """Return once the host was killed and answers on SSH again."""
    with _lock(name):
        folder = lab_state.lab_folder(name)
        _start(folder, _kill(folder, _existing(name), host_name), host_name)


def _existing(name: str) -> LabState:
    state = lab_state.load(lab_state.lab_folder(name))
    if state is None:
        known = ", ".join(list_labs()) or "none"
        raise LabInputError(f"no lab {name!r} (there are: {known}): slotlab lab up --name {name}")
    return state


@contextmanager
def _lock(name: str) -> Iterator[None]:
    """Hold the lab's lock, so that up, down and kill of one lab never overlap."""
    lab_state.labs_root().mkdir(parents=True, exist_ok=True, mode=0o700)
    with (lab_state.labs_root() / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LabError(
                f"lab {name!r} is being made or removed by another slotlab: wait for it"
            ) from error
        yield


def _clear_leftover(folder: Path, name: str, progress: Progress) -> None:
    if not folder.exists():
        return
    state = lab_state.load(folder)
    if state is not None and state.phase == "up" and state.boot == process.boot_id():
        raise LabInputError(
            f"lab {name!r} is already up: slotlab lab down --name {name}, or use another --name"
        )
    progress(f"lab {name}: removing what an interrupted run left over")
    _remove(folder)


def _make(folder: Path, state: LabState, progress: Progress) -> Lab:
    progress(f"lab {state.name}: network {state.network}.0/24 and keys")
    network.make(state)
    access.make_keys(folder, state)
    progress(f"lab {state.name}: booting {len(state.hosts) - 1} hosts and a time server")
    for each in state.hosts:
        host.lay_out(folder, state, each)
        state = _boot(folder, state, each)
    _wait_for_ssh(folder, state, state.hosts)
    inventory = access.write_inventory(folder, state)
    state = lab_state.save(folder, msgspec.structs.replace(state, phase="up"))
    progress(f"lab {state.name}: up")
    return Lab(
        name=state.name,
        folder=folder,
        inventory=inventory,
        netns=Path(state.controller_namespace_path),
        hosts=tuple((each.name, each.address) for each in state.hosts if each.role == "node"),
    )


def _boot(folder: Path, state: LabState, each: HostState) -> LabState:
    """Return the state with the started host's process in it, as recorded."""
    recorded = [state]

    def record(started: ProcessId) -> None:
        recorded[0] = lab_state.save(folder, lab_state.with_process(state, each.name, started))

    host.boot(folder, state, each, record)
    return recorded[0]


def _wait_for_ssh(folder: Path, state: LabState, hosts: tuple[HostState, ...]) -> None:
    addresses = {each.name: each.address for each in hosts}
    namespace = Path(state.controller_namespace_path)
    silent = reach.silent_hosts(namespace, addresses, within_s=SSH_DEADLINE_S)
    if silent:
        name = min(silent)
        console = folder / "hosts" / name / "console.log"
        lines = console.read_text(errors="replace").strip().splitlines() or ["(nothing)"]
        raise LabError(
            f"hosts without SSH after {SSH_DEADLINE_S:.0f} s: {', '.join(sorted(silent))}; "
            f"the console of {name} ends: {lines[-1]}"
        )


def _kill(folder: Path, state: LabState, host_name: str) -> LabState:
    each = state.host(host_name)
    host.end(state, each)
    for top in state.cgroups:
        cgroup.remove([top], host_name)
    return lab_state.save(folder, lab_state.with_process(state, host_name, None))


def _start(folder: Path, state: LabState, host_name: str) -> None:
    each = state.host(host_name)
    if process.is_alive(each.process):
        return
    state = _boot(folder, state, each)
    _wait_for_ssh(folder, state, (state.host(host_name),))


def _remove(folder: Path) -> None:
    """Return once everything the lab recorded is gone; safe to repeat."""
    state = lab_state.load(folder)
    if state is not None and state.boot == process.boot_id():
        for each in state.hosts:
            host.end(state, each)
        process.kill(cgroup.processes(state.cgroups))
        network.remove(state)
        cgroup.remove(state.cgroups)
    shutil.rmtree(folder)


def _host_status(each: HostState, first: ProcessId | None, silent: set[str]) -> HostStatus:
    return HostStatus(
        name=each.name,
        role=each.role,
        address=each.address,
        running=first is not None,
        pid=first.pid if first else None,
        ssh=first is not None and each.name not in silent,
    )
