"""A plan's faults done to a simulated lab, with the journal that agents would have written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from faults.model.clock_path import Stay, path, seed_of
from faults.model.record import Record, State
from harness.sim.host.records import boot_id
from harness.sim.liars import attach
from harness.sim.network.link import Shape
from harness.sim.world import World
from metrics.model.plan import PlannedFault
from metrics.model.sides import between
from metrics.model.zones import PlannedZones
from node.byzantine.behaviour import Behaviour

SETTLE_NS = 1_000_000
"""How long after a change the agent of a host has read it back."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What begins a fault and what ends it; to whom it is done, and whether it ends."""

    begin: Callable[[], None]
    end: Callable[[], None]
    hosts: tuple[str, ...]


class Journal:
    """Mutable: the agents' lines by host."""

    def __init__(self, world: World, trial: str) -> None:
        self._world = world
        self._trial = trial
        self.lines: dict[str, list[bytes]] = {name: [] for name in world.hosts}

    def of_host(self, name: str) -> bytes:
        """Return the host's agent.jsonl."""
        return b"".join(self.lines[name])

    def open(self, faults: Sequence[PlannedFault], deeds: Sequence[Deed]) -> None:
        """Write what every agent writes before a trial: started, each fault armed, armed."""
        world = self._world
        for name, host in world.hosts.items():
            self.write(name, "started", t_known=False)
            for fault, deed in zip(faults, deeds, strict=True):
                if name in deed.hosts:
                    self.write(name, "armed", fault)
            t0_mono_ns = host.clock.mono_ns(world.t0_ns)
            read_back = {"t0_wall_ns": world.t0_ns, "t0_mono_ns": t0_mono_ns,
                         "t0_boottime_ns": t0_mono_ns}  # fmt: skip
            self.write(name, "armed", read_back=read_back)

    def write(
        self, name: str, state: State, fault: PlannedFault | None = None, *,
        read_back: dict[str, Any] | None = None, t_known: bool = True,
    ) -> None:  # fmt: skip
        """Write one line of a host's agent; a change took place just now."""
        world = self._world
        now_ns, clock = world.engine.now_ns, world.hosts[name].clock
        changed = state in ("applied", "installed", "healed")
        record = Record(
            host=name, boot=boot_id(world.spec.seed, name), trial=self._trial,
            fault=fault.id if fault else "", kind=fault.fault if fault else "agent",
            state=state, mono_ns=clock.mono_ns(now_ns), wall_ns=clock.wall_ns(now_ns),
            t_ns=world.now_ns if t_known else None,
            between_ns=(world.now_ns, world.now_ns) if changed else None,
            asked=dict(fault.asked) if fault else {}, read_back=read_back or {},
            how=fault.how if fault else "", reason="",
        )  # fmt: skip
        self.lines[name].append(msgspec.json.encode(record) + b"\n")


def schedule(
    world: World, faults: Sequence[PlannedFault], journal: Journal | None = None,
    apart: tuple[PlannedFault, PlannedZones] | None = None,
) -> None:  # fmt: skip
    """Put a trial's faults on the world's calendar; a journal tells of them as agents do.

    apart: what holds the hosts' zones apart, and how far.
    """
    deeds = [deed_of(world, fault) for fault in faults]
    if apart is not None:
        faults, deeds = [apart[0], *faults], [_apart(world, *apart), *deeds]
    if journal is not None:
        journal.open(faults, deeds)
    for fault, deed in zip(faults, deeds, strict=True):
        world.at(fault.at_ns, _change, fault, deed.begin, deed, journal, "applied", "installed")
        if fault.for_ns is not None:
            end_ns = fault.at_ns + fault.for_ns
            world.at(end_ns, _change, fault, deed.end, deed, journal, "healed")


def _change(
    fault: PlannedFault, action: Callable[[], None], deed: Deed, journal: Journal | None,
    *states: State,
) -> None:  # fmt: skip
    action()
    if journal is not None:
        for name in deed.hosts:
            for state in states:
                journal.write(name, state, fault)


def deed_of(world: World, fault: PlannedFault) -> Deed:
    """Return what a planned fault does to the world."""
    if fault.kind.targets != "hosts" or fault.kind.severs:
        return _on_links(world, fault)
    begin, end = _on_host(world, fault)
    targets = tuple(fault.targets)

    def each(action: Callable[[str], None]) -> Callable[[], None]:
        def do() -> None:
            for name in targets:
                action(name)

        return do

    return Deed(each(begin), each(end), targets)


def _on_links(world: World, fault: PlannedFault) -> Deed:
    asked, row = fault.asked, fault.kind
    pairs = between(fault) or [(a, b) for a in fault.targets for b in world.hosts if a != b]
    resets = asked.get("how") == "reset"
    # A connection that is reset carries nothing either way.
    if row.targets != "arrows" or resets:
        pairs = [*pairs, *((b, a) for a, b in pairs)]
    match fault.fault:
        case "delay" if "steps" in asked:
            return _along_trace(world, fault, pairs)
        case "delay" if "back_ns" in asked:
            return _there_and_back(world, fault)
        case "delay":
            shape = Shape(**asked)
        case "loss":
            shape = Shape(loss=asked["share"], burst=asked.get("burst", 1))
        case "corrupt":
            shape = Shape(loss=asked["share"])
        case "duplicate":
            shape = Shape(duplicate=asked["share"])
        case "reorder":
            shape = Shape(reorder=asked["share"], reorder_ns=asked["by_ns"])
        case "rate":
            shape = Shape(bit_rate=asked["rate_bps"])
        case "partition" | "cut" | "link_down":
            shape = Shape(cut=True, resets=resets)
        case other:
            raise AssertionError(f"no such link fault: {other}")
    hosts = tuple(dict.fromkeys(host for pair in pairs for host in pair))
    return Deed(lambda: world.shape(fault.id, pairs, shape), lambda: world.clear(fault.id), hosts)


def _there_and_back(world: World, fault: PlannedFault) -> Deed:
    """Return what delays messages by one time forth and by another back."""
    forth = between(fault)
    back = [(b, a) for a, b in forth]

    def begin() -> None:
        world.shape(fault.id, forth, Shape(delay_ns=fault.asked["delay_ns"]))
        world.shape(fault.id, back, Shape(delay_ns=fault.asked["back_ns"]))

    return Deed(begin, lambda: world.clear(fault.id), tuple(fault.acting))


def _along_trace(world: World, fault: PlannedFault, pairs: Sequence[tuple[str, str]]) -> Deed:
    """Return what gives messages at each step of a trace the delay from then on."""
    steps = [(fault.at_ns + at_ns, delay_ns) for at_ns, delay_ns in fault.asked["steps"]]

    def move(n: int) -> None:
        world.shape(fault.id, pairs, Shape(delay_ns=steps[n][1]))
        if n + 1 < len(steps) and steps[n + 1][0] < fault.end_ns:
            world.at(steps[n + 1][0], move, n + 1)

    hosts = tuple(dict.fromkeys(host for pair in pairs for host in pair))
    return Deed(lambda: move(0), lambda: world.clear(fault.id), hosts)


def _apart(world: World, fault: PlannedFault, zones: PlannedZones) -> Deed:
    """Return what lets messages take half of what their round trip takes between two zones, and
    loses some of them.
    """

    def begin() -> None:
        for one, other in fault.pairs or []:
            lost = zones.lost_ppm(one, other) / 1_000_000
            shape = Shape(delay_ns=(zones.between(one, other) or 0) // 2, loss=lost)
            world.shape(fault.id, ((one, other), (other, one)), shape)

    return Deed(begin, lambda: world.clear(fault.id), tuple(fault.targets))


def _on_host(
    world: World, fault: PlannedFault
) -> tuple[Callable[[str], None], Callable[[str], None]]:
    asked = fault.asked
    match fault.fault:
        case "kill" | "power_cut":
            return world.crash, world.restart
        case "crash":
            return lambda name: world.crash(name, asked["loses"]), world.restart
        case "crash_loop":
            return _looping(world, fault), world.restart
        case "disk_full" | "read_only":
            return world.fail_disk, world.restart
        case "restart" | "reboot":
            return world.end, world.restart
        case "pause" | "freeze_host":
            return world.pause, world.resume
        case "silent":
            keep = int(asked["keep_slots"])
            return lambda name: world.silence(name, keep), lambda name: world.silence(name, None)
        case "clock_step":
            return lambda name: world.skew(name, offset_ns=asked["by_ns"]), world.skew
        case "clock_drift":
            ppb = int(asked["by_ppb"])
            return lambda name: world.skew(name, drift_ppb=ppb), world.skew
        case "clock_strobe" | "clock_wander":
            return _along_path(world, fault), world.skew
        case "ntp_offset":
            by_ns = int(asked["by_ns"])
            return lambda name: world.time_servers(name, offset_ns=by_ns), world.time_servers
        case "ntp_cut":
            return lambda name: world.time_servers(name, answer=False), world.time_servers
        case "byzantine":
            behaviour = msgspec.convert(asked, Behaviour)
            lies = {name: attach(world, name, behaviour) for name in fault.targets}
            return lambda name: lies[name].begin(), lambda name: lies[name].end()
        case other:
            raise AssertionError(f"no such fault: {other}")


def _looping(world: World, fault: PlannedFault) -> Callable[[str], None]:
    """Return what kills a node, starts it a while later, and does both again until the end."""
    every_ns, down_ns = int(fault.asked["every_ns"]), int(fault.asked["down_ns"])

    def kill(name: str) -> None:
        world.crash(name)
        for after_ns, action in ((down_ns, world.restart), (every_ns, kill)):
            if world.now_ns + after_ns < fault.end_ns:
                world.at(world.now_ns + after_ns, action, name)

    return kill


def _along_path(world: World, fault: PlannedFault) -> Callable[[str], None]:
    """Return what moves a host's clock at its begin, and again and again until the end."""
    jumps = fault.kind.clock == "strobe"

    def begin(name: str) -> None:
        stays = path(fault.asked, seed_of(world.spec.seed, fault.id, name))

        def move(stay: Stay) -> None:
            world.skew(name, offset_ns=stay.offset_ns, drift_ppb=stay.drift_ppb, stepped=jumps)
            later = next(stays)
            if fault.at_ns + later.begin_ns < fault.end_ns:
                world.at(fault.at_ns + later.begin_ns, move, later)

        move(next(stays))

    return begin
