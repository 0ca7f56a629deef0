"""Turns an arm request into drivers and a schedule, or refuses all of it: nothing is half armed."""

from __future__ import annotations

import hashlib
import secrets
import sys
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import msgspec

from faults.agent.driver import Driver
from faults.agent.schedule import HELPER_LEAD_NS, LEAD_NS, Item, Schedule
from faults.durable.armed_trial import ArmedTrial, ArmedTrialFile
from faults.durable.journal import Journal
from faults.durable.ledger import TOKEN_CHARACTERS, Entry, Ledger
from faults.durable.undo_timer import UndoTimers
from faults.host import helper_process
from faults.host.boottime import Now, boot_id
from faults.host.capability import clock_capabilities
from faults.host.layout import HostConfig, Layout
from faults.host.runner import output
from faults.kinds.clock.clock_faults import check_nobody_else
from faults.kinds.power import Provider
from faults.kinds.registry import decode_fault, overlap
from faults.kinds.shaping.queue_way import TABLES
from faults.kinds.shaping.queue_way import queues as bound_queues
from faults.kinds.shaping.shaper import Shaper, placed
from faults.model.fault import FOR_NS_MAX, Fault, FaultError, HostContext

FAULTS_MAX = 1_000
PROVIDER_HOW = "provider"


class ArmRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The arguments of `arm`; lease_ns counts from now, the faults' times from t0_wall_ns."""

    trial: str
    t0_wall_ns: int
    lease_ns: int
    faults: list[msgspec.Raw]
    owner: str = ""


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

    @classmethod
    def at(cls, layout: Layout, config: HostConfig, able: frozenset[str]) -> Host:
        """Return the host whose files are laid out so."""
        ledger, journal = Ledger(layout.ledger_dir), Journal(layout.journal_file, config.host)
        return cls(layout, config, able, ledger, journal)

    @property
    def armed_file(self) -> ArmedTrialFile:
        """Return where it stands what is armed here."""
        return ArmedTrialFile(self.layout.agent_dir)

    @property
    def timers(self) -> UndoTimers:
        """Return how this host makes timers that outlive the agent."""
        return UndoTimers(self.layout.run_dir, "systemd" in self.capabilities)


def with_time_daemon(host: Host) -> Host:
    """Return the host, its time daemon looked for again where none obeyed: it may begin later."""
    if "clock_host" not in host.capabilities or "clock_daemon" in host.capabilities:
        return host
    found = clock_capabilities(systemd="systemd" in host.capabilities)
    works = frozenset(name for name in found if found[name])
    return replace(host, capabilities=host.capabilities | works)


@dataclass(frozen=True, slots=True)
class Armed:
    """A trial ready to run; T0 converted once, times on this boot's clocks."""

    trial: ArmedTrial
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
    lease_end_ns = now.boottime_ns + request.lease_ns
    armed_trial = ArmedTrial(
        key=secrets.token_hex(8),
        boot=boot_id(),
        trial=request.trial,
        t0_boottime_ns=t0_ns,
        t0_mono_ns=now.mono_ns + request.t0_wall_ns - now.wall_ns,
        lease_end_ns=lease_end_ns,
    )
    faults = [decode_fault(bytes(raw)) for raw in request.faults]
    if len({fault.id for fault in faults}) != len(faults):
        raise FaultError("bad_fault", "two faults have one id")
    if error := overlap(faults):
        raise error
    drivers: dict[str, Driver] = {}
    items: list[Item] = []
    queues = set(bound_queues())
    layers = placed([each for each in faults if isinstance(each, Shaper) and each.is_layer])
    tables = _tables() if layers else []
    in_place = {layer.id: layer for layer in layers}
    for fault in [in_place.get(fault.id, fault) for fault in faults]:
        item = _item(fault, t0_ns, lease_end_ns, now)
        if item.deadline_ns is not None and fault.for_ns is None:
            fault = msgspec.structs.replace(fault, for_ns=item.deadline_ns - item.inject_ns)
        if host.provider and fault.row.by != "provider":
            raise FaultError("unsupported", f"{fault.id}: the provider switches hosts, no more")
        token, queue_num = _unique(armed_trial, fault, queues)
        context = _context(host, token, item.deadline_ns, queue_num, tables)
        _check_touched(fault, host.config)
        fault = fault.settled(context)
        fault.check(context)
        entry = _entry(armed_trial, fault, item, context)
        drivers[fault.id] = _driver(fault, context, entry, armed_trial, host)
        items.append(replace(item, lead_ns=_lead_ns(fault, context)))
    check_nobody_else(faults)
    return Armed(armed_trial, drivers, Schedule(tuple(items), lease_end_ns))


def load(armed_trial: ArmedTrial, entries: list[Entry], host: Host) -> Armed:
    """Return the arming whose file and open entries another agent of this boot left behind.

    Raises:
        FaultError: an entry is of a fault that this version does not know.
    """
    drivers: dict[str, Driver] = {}
    items: list[Item] = []
    for entry in entries:
        fault, context = _again(entry, host)
        drivers[entry.fault_id] = _driver(fault, context, entry, armed_trial, host)
        items.append(
            Item(
                id=entry.fault_id,
                inject_ns=entry.inject_ns,
                deadline_ns=entry.deadline_ns,
                lead_ns=_lead_ns(fault, context),
            )
        )
    return Armed(armed_trial, drivers, Schedule(tuple(items), armed_trial.lease_end_ns))


def left_behind(entry: Entry, host: Host) -> str:
    """Return what is still there of a fault whose undo has run, "" when nothing is."""
    if entry.how == PROVIDER_HOW:
        return ""
    try:
        fault, context = _again(entry, host)
    except FaultError:
        return ""
    return fault.left_over(context)


def _again(entry: Entry, host: Host) -> tuple[Fault, HostContext]:
    """Return the fault of an entry and its place, as they were when it was armed."""
    fault = decode_fault(msgspec.json.encode(entry.asked))
    context = _context(host, entry.token, entry.deadline_ns, entry.queue_num, entry.tables)
    return fault, context


def _item(fault: Fault, t0_ns: int, lease_end_ns: int, now: Now) -> Item:
    inject_ns = t0_ns + fault.at_ns
    if inject_ns < now.boottime_ns:
        raise FaultError("too_late", f"{fault.id} was due {now.boottime_ns - inject_ns} ns ago")
    if fault.for_ns is None and not fault.row.restarts_unit:
        if inject_ns >= lease_end_ns:
            detail = f"{fault.id} has no end of its own and is due after the lease has ended"
            raise FaultError("bad_lease", detail)
        return Item(id=fault.id, inject_ns=inject_ns, deadline_ns=lease_end_ns)
    deadline_ns = None if fault.for_ns is None else inject_ns + fault.for_ns
    return Item(id=fault.id, inject_ns=inject_ns, deadline_ns=deadline_ns)


def _lead_ns(fault: Fault, context: HostContext) -> int:
    """Return how long before its time a fault is prepared."""
    helped = helper_process.is_awaited(fault.recipe(context).prepare)
    return HELPER_LEAD_NS if helped else LEAD_NS


def _unique(armed_trial: ArmedTrial, fault: Fault, queues: set[int]) -> tuple[str, int]:
    """Return a token and a packet queue's number that nobody else has."""
    digest = hashlib.sha256(f"{armed_trial.key}\0{fault.id}".encode()).hexdigest()
    queue_num = 0x5000 + int(digest[8:11], 16)
    while queue_num in queues:
        queue_num += 1
    queues.add(queue_num)
    return digest[:TOKEN_CHARACTERS], queue_num


def _context(
    host: Host, token: str, deadline_ns: int | None, queue_num: int, tables: list[str]
) -> HostContext:
    root = str(Path(__file__).resolve().parents[2])
    site = str(Path(msgspec.__file__).resolve().parents[1])
    return HostContext(
        token=token,
        run_dir=host.layout.run_dir,
        skew_file=host.layout.skew_file,
        chain_dir=host.layout.chain_dir,
        behaviour_file=host.layout.behaviour_file,
        capabilities=host.capabilities,
        deadline_ns=deadline_ns,
        queue_num=queue_num,
        tables=tables,
        python=(sys.executable,),
        ntp=host.config.ntp_addresses,
        python_path=f"{root}:{site}",
        provider=host.provider,
    )


def _tables() -> list[str]:
    """Return the tables of iptables that are there, in either family."""
    shown = output(("nft", "list", "tables"))[1].split("\n")
    there = {tuple(line.split()[1:]) for line in shown}
    return [table for table in TABLES if {("ip", table), ("ip6", table)} & there]


def _check_touched(fault: Fault, config: HostConfig) -> None:
    """Refuse what would touch more than the node's flows and the lab's time servers."""
    touched = fault.touched()
    if touched.node_port not in (None, config.node_port):
        raise FaultError("wrong_port", f"{fault.id}: node_port of this host is {config.node_port}")
    if touched.interface and config.interface not in ("", touched.interface):
        raise FaultError("wrong_interface", f"{fault.id}: the data path is {config.interface}")
    strangers = sorted({*touched.peers} - {peer.address for peer in config.peers})
    if strangers and config.peers:
        raise FaultError("unknown_peer", f"{fault.id}: {strangers[0]} is no peer of this lab")
    known = config.ntp_addresses
    strangers = [each for each in touched.ntp if each not in known]
    if strangers and len(known) == len(config.ntp) > 0:
        raise FaultError("unknown_server", f"{fault.id}: {strangers[0]} is no NTP server of here")


def _entry(armed_trial: ArmedTrial, fault: Fault, item: Item, context: HostContext) -> Entry:
    return Entry(
        token=context.token,
        trial=armed_trial.trial,
        fault_id=fault.id,
        kind=fault.row.word,
        how=fault.recipe(context).how,
        boot=armed_trial.boot,
        state="armed",
        t0_boottime_ns=armed_trial.t0_boottime_ns,
        inject_ns=item.inject_ns,
        deadline_ns=item.deadline_ns,
        queue_num=context.queue_num,
        tables=list(context.tables),
        asked=msgspec.json.decode(msgspec.json.encode(fault)),  # As it will be read again.
    )


def _driver(
    fault: Fault, context: HostContext, entry: Entry, armed_trial: ArmedTrial, host: Host
) -> Driver:
    granted = partial(host.armed_file.holds, armed_trial.key)
    return Driver(fault, context, entry, host.ledger, host.journal, host.timers, granted)
