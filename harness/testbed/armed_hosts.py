"""What an earlier campaign still has on a lab's hosts: who holds them, what is armed, what runs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from faults.host.boottime import utc_in
from harness.errors import LockError
from harness.remote.agent_channel import PATIENCE_S, Reply
from harness.remote.fan_out import Remote
from harness.testbed.lock import is_dead

IN_FORCE = ("armed", "prepared", "applied")
T = TypeVar("T")


class _Lock(msgspec.Struct, frozen=True):
    owner: str
    purpose: str


class _Hello(msgspec.Struct, frozen=True):
    lock: _Lock | None = None


class _Running(msgspec.Struct, frozen=True):
    trial: str
    units: list[str]
    left_ns: int


class FaultState(msgspec.Struct, frozen=True):
    """What an agent says of one of its faults."""

    id: str
    state: str


class _Status(msgspec.Struct, frozen=True):
    trial: str
    faults: list[FaultState]
    lease_left_ns: int
    running: _Running | None = None
    uncollected: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostState:
    """One host: problem says why nothing is known of it; left_ns is to the end of all of it."""

    problem: str = ""
    owner: str = ""
    purpose: str = ""
    trial: str = ""
    """The trial at hand, which may be over."""
    units: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    left_ns: int = 0
    uncollected: str = ""
    """The trial whose record is there and was not fetched."""

    @property
    def busy(self) -> bool:
        """Return whether something of a trial is armed or runs there."""
        return bool(self.units or self.faults)


def what(states: Iterable[HostState]) -> str:
    """Return what is armed and runs on these hosts, in words, each thing once."""
    every = list(states)
    units = ", ".join(dict.fromkeys(unit for state in every for unit in state.units))
    faults = ", ".join(dict.fromkeys(fault for state in every for fault in state.faults))
    parts = (units and f"{units} running", faults and f"{faults} armed")
    return " and ".join(part for part in parts if part)


def look(remote: Remote) -> dict[str, HostState]:
    """Return what each host's agent says of itself; nothing is changed."""
    hellos = remote.ctl_all("hello", timeout_s=PATIENCE_S)
    there = {host: {"op": "status"} for host, hello in hellos.items() if not hello.problem}
    statuses = remote.ctl(there, timeout_s=PATIENCE_S)
    return {host: _state(hello, statuses.get(host, hello)) for host, hello in hellos.items()}


def refuse(states: Mapping[str, HostState], inventory: str) -> None:
    """Refuse a lab on which something is armed or runs, unless its owner may be alive.

    Raises:
        LockError: a trial is there whose controller is gone: one line that says whose, what, until
            when, and what to do.
    """
    busy = {host: state for host, state in states.items() if state.busy}
    if not busy or any(state.owner and not is_dead(state.owner) for state in busy.values()):
        return
    first = next(iter(busy.values()))
    owner = next((state.owner for state in busy.values() if state.owner), "")
    whose = f"{owner}, which is gone," if owner else "an owner whose lock has ended"
    until = utc_in(max(state.left_ns for state in busy.values()))
    raise LockError(
        f"this lab is armed: trial {first.trial} of {whose} has {what(busy.values())} on"
        f" {_names(busy)} until {until}; wait, or end it with `slotlab stop -i {inventory}`; then"
        f" `slotlab collect -i {inventory}` fetches what it left"
    )


def trial_of(states: Mapping[str, HostState]) -> str:
    """Return the trial to be fetched, else the one that most hosts know, "" where none does."""
    return uncollected_of(states) or commonest(state.trial for state in states.values())


def uncollected_of(states: Mapping[str, HostState]) -> str:
    """Return the trial of which most hosts hold a record that nobody fetched, "" without one."""
    return commonest(state.uncollected for state in states.values())


def commonest(trials: Iterable[str]) -> str:
    """Return the trial that is named most often, the first of several, "" where none is."""
    known = [trial for trial in trials if trial]
    return max(dict.fromkeys(known), key=known.count, default="")


def _state(hello: Reply, status: Reply) -> HostState:
    if problem := hello.problem or status.problem:
        return HostState(problem=problem)
    try:
        said = msgspec.convert(hello.ok, _Hello)
        is_at = msgspec.convert(status.ok, _Status)
    except msgspec.ValidationError as error:
        return HostState(problem=f"its agent's answer cannot be read: {error}")
    lock, running = said.lock or _Lock("", ""), is_at.running or _Running("", [], 0)
    armed = is_at.lease_left_ns > 0
    return HostState(
        owner=lock.owner,
        purpose=lock.purpose,
        trial=running.trial or is_at.trial,
        units=tuple(running.units),
        faults=tuple(f.id for f in is_at.faults if armed and f.state in IN_FORCE),
        left_ns=max(running.left_ns, is_at.lease_left_ns),
        uncollected=is_at.uncollected,
    )


def _names(hosts: Iterable[str]) -> str:
    names = list(hosts)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
