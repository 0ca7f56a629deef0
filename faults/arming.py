"""Turns an arm request into drivers and a schedule, or refuses all of it: nothing is half armed."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from faults import clock, ntp
from faults.boottime import Now, boot_id
from faults.catalog import AnyFault, decode_fault
from faults.clock import ClockDrift, ClockStep
from faults.delay import Delay, overlap
from faults.driver import Driver
from faults.evidence_delay import qdiscs, queue_numbers, root_qdisc
from faults.fault import FOR_NS_MAX, FaultError, Place
from faults.journal import Journal
from faults.layout import HostConfig, Layout
from faults.ledger import TOKEN_CHARACTERS, Entry, Ledger
from faults.loss import Loss
from faults.ntp import NtpCut, NtpOffset
from faults.partition import Blocked
from faults.power import Power, Provider
from faults.runner import output
from faults.schedule import Item, Schedule

FAULTS_MAX = 1_000


class ArmRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The arguments of `arm`; lease_ns counts from now, the faults' times from t0_wall_ns."""

    trial: str
    t0_wall_ns: int
    lease_ns: int
    faults: list[msgspec.Raw]


@dataclass(frozen=True, slots=True)
class Host:
    """What arming needs of the host it runs on."""

    layout: Layout
    config: HostConfig
    capabilities: frozenset[str]
    ledger: Ledger
    journal: Journal
    provider: Provider = field(default_factory=dict)
    """Commands that switch other hosts; only the provider's agent has any."""


@dataclass(frozen=True, slots=True)
class Armed:
    """A trial ready to run; T0 converted once, times on this boot's clocks."""

    t0_boottime_ns: int
    t0_mono_ns: int
    drivers: dict[str, Driver]
    schedule: Schedule

    def with_schedule(self, schedule: Schedule) -> Armed:
        """Return the same trial with its schedule advanced."""
        return replace(self, schedule=schedule)


def build(request: ArmRequest, host: Host, now: Now) -> Armed:
    """Return drivers and schedule of the request; nothing on the host is changed yet.

    Raises:
        FaultError: why none of it is armed.
    """
    if not 0 < request.lease_ns <= 2 * FOR_NS_MAX:
        raise FaultError("bad_lease", "lease_ns is outside 0..48 h")
    if len(request.faults) > FAULTS_MAX:
        raise FaultError("bad_fault", f"more than {FAULTS_MAX} faults")
    t0_ns = now.boottime_ns + request.t0_wall_ns - now.wall_ns
    lease_ns = now.boottime_ns + request.lease_ns
    faults = [decode_fault(bytes(raw)) for raw in request.faults]
    if len({fault.id for fault in faults}) != len(faults):
        raise FaultError("bad_fault", "two faults have one id")
    delays = [fault for fault in faults if isinstance(fault, Delay)]
    clocks = [fault for fault in faults if isinstance(fault, ClockStep | ClockDrift)]
    lies = [fault for fault in faults if isinstance(fault, NtpOffset | NtpCut)]
    if error := overlap(delays) or clock.overlap(clocks) or ntp.overlap(lies):
        raise error
    drivers: dict[str, Driver] = {}
    items: list[Item] = []
    queues = queue_numbers() if delays else set()
    for fault in faults:
        item = _item(fault, t0_ns, lease_ns, now)
        if item.deadline_ns is not None and fault.for_ns is None:
            fault = msgspec.structs.replace(fault, for_ns=item.deadline_ns - item.inject_ns)
        if host.provider and not isinstance(fault, Power):
            raise FaultError("unsupported", f"{fault.id}: the provider switches hosts, no more")
        place = _place(request.trial, fault, item, host, queues)
        _check_flows(fault, place, host.config)
        fault.check(place)
        drivers[fault.id] = _driver(request.trial, fault, place, t0_ns, host)
        items.append(item)
    t0_mono_ns = now.mono_ns + request.t0_wall_ns - now.wall_ns
    return Armed(t0_ns, t0_mono_ns, drivers, Schedule(tuple(items), lease_ns))


def _item(fault: AnyFault, t0_ns: int, lease_ns: int, now: Now) -> Item:
    inject_ns = t0_ns + fault.at_ns
    if inject_ns < now.boottime_ns:
        raise FaultError("too_late", f"{fault.id} was due {now.boottime_ns - inject_ns} ns ago")
    if inject_ns >= lease_ns:
        raise FaultError("bad_lease", f"{fault.id} is due after the lease has ended")
    lasts_ns = fault.lasts_ns()
    if lasts_ns is None and fault.kind() != "kill":
        return Item(id=fault.id, inject_ns=inject_ns, deadline_ns=lease_ns)
    deadline_ns = None if lasts_ns is None else inject_ns + lasts_ns
    return Item(id=fault.id, inject_ns=inject_ns, deadline_ns=deadline_ns)


def _place(trial: str, fault: AnyFault, item: Item, host: Host, queues: set[int]) -> Place:
    seed = f"{trial}\0{fault.id}\0{item.inject_ns}\0{os.getpid()}".encode()
    digest = hashlib.sha256(seed).hexdigest()
    queue_num = 0x5000 + int(digest[8:11], 16)
    while queue_num in queues:
        queue_num += 1
    queues.add(queue_num)
    root = str(Path(__file__).resolve().parents[1])
    site = str(Path(msgspec.__file__).resolve().parents[1])
    return Place(
        token=digest[:TOKEN_CHARACTERS],
        run_dir=host.layout.run_dir,
        skew_file=host.layout.skew_file,
        capabilities=host.capabilities,
        deadline_ns=item.deadline_ns,
        queue_num=queue_num,
        mangle_existed=_mangle_exists(),
        python=(sys.executable,),
        ntp=ntp.known_addresses(host.config.ntp),
        python_path=f"{root}:{site}",
        provider=host.provider,
    )


def _mangle_exists() -> bool:
    return any(output(("nft", "list", "table", f, "mangle"))[0] == 0 for f in ("ip", "ip6"))


def _check_flows(fault: AnyFault, place: Place, config: HostConfig) -> None:
    """Refuse what would touch more than the node's flows, or replace a qdisc that is not ours."""
    if isinstance(fault, Delay | Blocked | Loss) and fault.node_port != config.node_port:
        raise FaultError("wrong_port", f"{fault.id}: node_port of this host is {config.node_port}")
    if isinstance(fault, NtpOffset | NtpCut):
        ntp.check_known(fault, config.ntp)
    named: set[str] = set()
    if isinstance(fault, Blocked | Loss):
        named = {address for group in fault.members().values() for address in group}
    if isinstance(fault, Delay):
        named = {each.address for each in fault.delays(place)}
        if config.interface and fault.interface != config.interface:
            raise FaultError("wrong_interface", f"{fault.id}: the data path is {config.interface}")
        _check_qdisc(fault, place)
    strangers = named - {peer.address for peer in config.peers}
    if config.peers and strangers:
        raise FaultError(
            "unknown_peer", f"{fault.id}: {sorted(strangers)[0]} is no peer of this lab"
        )


def _check_qdisc(fault: Delay, place: Place) -> None:
    if fault.way(place) != "netem":
        return
    if not qdiscs(fault.interface):
        raise FaultError("wrong_interface", f"{fault.id}: no interface {fault.interface}")
    kind, handle = root_qdisc(fault.interface)
    if handle not in ("", "0:"):
        detail = f"{fault.interface} has {kind} {handle}; remove it or use the queue"
        raise FaultError("foreign_qdisc", detail)


def _driver(trial: str, fault: AnyFault, place: Place, t0_ns: int, host: Host) -> Driver:
    entry = Entry(
        token=place.token,
        trial=trial,
        fault_id=fault.id,
        kind=fault.kind(),
        how=fault.recipe(place).how,
        boot=boot_id(),
        state="armed",
        t0_boottime_ns=t0_ns,
        inject_ns=t0_ns + fault.at_ns,
        deadline_ns=place.deadline_ns,
        asked=msgspec.to_builtins(fault),
    )
    return Driver(fault, place, entry, host.ledger, host.journal)
