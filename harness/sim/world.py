"""A simulated lab: hosts, links and clocks from one seed; the faults one can do to them; results.

Times are ns since T0, the moment of the first producible slot. The same spec gives the same events,
byte for byte, in any process.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from coincurve import PrivateKey

from harness.sim.cache import SharedExecution, SharedJudgement, shared
from harness.sim.host.clock import GOOD_CLOCK, ClockSpec, HostClock
from harness.sim.host.engine import Action, Engine, stream
from harness.sim.host.host import Host, Shared
from harness.sim.host.load import Client
from harness.sim.host.memory import Loss
from harness.sim.host.records import Sink
from harness.sim.network.catch_up import CatchUp
from harness.sim.network.link import LAN, Links, Shape
from harness.sim.network.net import Net, RelayMode
from harness.sim.network.probes import Prober
from node.chain import profiles
from node.chain.encoding.crypto import Verifier
from node.chain.execution import apply_block
from node.chain.genesis import Genesis
from node.chain.model.voice import READY, Stance
from node.chain.validation import NOBODY_TRUSTED, Trust, judge_content
from node.config import ClientConfig, HealthConfig

USUAL_HEALTH = HealthConfig()
LEAD_NS = 3_000_000_000
"""How long before T0 the nodes start."""
WANDER_EACH_NS = 10_000_000_000
WANDER_MAX = 3
VERIFIER_ENTRIES = 1_000_000
MONO_BASE_NS = 3_600_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSpec:
    """A host: the producers it signs for, its clocks; neighbours None: linked to all others.

    spare_keys: names of further keys that its node may sign with; trust: whose transactions it
    takes unchecked; lib_age_ns_max, stance, health: as a node's configuration.
    """

    name: str
    producers: tuple[str, ...] = ()
    spare_keys: tuple[str, ...] = ()
    enable_stale_production: bool = False
    trust: Trust = NOBODY_TRUSTED
    lib_age_ns_max: int | None = None
    stance: Stance = READY
    health: HealthConfig = USUAL_HEALTH
    clock: ClockSpec = GOOD_CLOCK
    neighbours: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldSpec:
    """Everything a simulation starts from.

    keys: secrets of producers and accounts. load: a host's share of it, in true time.
    clock_limit_ns None: production is never held back for the clock. cached False: no result is
    shared between nodes (slower, same bytes).
    """

    seed: int
    genesis: Genesis
    keys: Mapping[str, PrivateKey]
    hosts: tuple[HostSpec, ...]
    link: Shape = LAN
    relay: RelayMode = "announce"
    clock_limit_ns: int | None = None
    load: Mapping[str, ClientConfig] = field(default_factory=dict)
    probes: bool = False
    cached: bool = True


class World:
    """Mutable: one simulation under way. sink None: no events at all (for speed)."""

    def __init__(self, spec: WorldSpec, sink: Sink | None = None) -> None:
        built = profiles.build(spec.genesis)
        self.spec = spec
        self.profile = built
        self.t0_ns = built.clock.time_ns(spec.genesis.initial_slot + 1)
        self.engine = Engine(self.t0_ns - LEAD_NS)
        self.links = Links(stream(spec.seed, "links"), spec.link)
        names = tuple(host.name for host in spec.hosts)
        neighbours = {
            host.name: tuple(name for name in names if name != host.name)
            if host.neighbours is None
            else host.neighbours
            for host in spec.hosts
        }
        self.net = Net(self.engine, self.links, neighbours, spec.relay)
        self.catch_up = CatchUp(self.net)
        verifier = Verifier(capacity=VERIFIER_ENTRIES)
        common = Shared(
            engine=self.engine,
            genesis=spec.genesis,
            profile=shared(built) if spec.cached else built,
            verifier=(lambda: verifier) if spec.cached else Verifier,
            judge=SharedJudgement() if spec.cached else judge_content,
            execute=SharedExecution() if spec.cached else apply_block,
            sink=sink,
            clock_limit_ns=spec.clock_limit_ns,
        )
        self.hosts = {host.name: self._host(host, common) for host in spec.hosts}
        self._probers = self._make_probers() if spec.probes else []
        self._start()

    # ------------------------------------------------------------ running

    @property
    def now_ns(self) -> int:
        """Return the time since T0."""
        return self.engine.now_ns - self.t0_ns

    def at(self, at_ns: int, action: Action, *args: object) -> None:
        """Do action(*args) at_ns after T0."""
        self.engine.at(self.t0_ns + at_ns, action, *args)

    def run(self, until_ns: int) -> None:
        """Simulate until until_ns after T0; may be called again to go on."""
        self.engine.run(self.t0_ns + until_ns)
        for prober in self._probers:
            prober.tell()

    def stop(self) -> None:
        """End all nodes and probers in order."""
        for host in self.hosts.values():
            host.stop("sigterm")
        for prober in self._probers:
            prober.stop()

    # ------------------------------------------------------------ faults

    def shape(self, fault: str, pairs: Iterable[tuple[str, str]], shape: Shape) -> None:
        """Let shape act on messages of the (from, to) pairs until fault is cleared."""
        for source, target in pairs:
            self.links.add(fault, source, target, shape)

    def split(self, fault: str, groups: Iterable[Iterable[str]]) -> None:
        """Cut all links between hosts of different groups, both ways."""
        sides = [tuple(group) for group in groups]
        for side in sides:
            others = [name for other in sides if other is not side for name in other]
            self.shape(fault, ((a, b) for a in side for b in others), Shape(cut=True))

    def clear(self, fault: str) -> None:
        """Take back what fault does to links."""
        self.links.clear(fault)

    def crash(self, name: str, loss: Loss = "uncommitted") -> None:
        """Kill a node; loss says what its disk forgets."""
        self.hosts[name].crash(loss)
        self.net.crashed(self.hosts[name])
        self.catch_up.forget(name)

    def end(self, name: str) -> None:
        """End a node in order: its disk has all it had."""
        self.hosts[name].stop("sigterm")
        self.net.crashed(self.hosts[name])
        self.catch_up.forget(name)

    def fail_disk(self, name: str) -> None:
        """End a node whose disk takes no more: it says so, and keeps what was committed."""
        self.hosts[name].fail("disk_failed")
        self.crash(name)

    def restart(self, name: str) -> None:
        """Start a node that is down, on what its store holds."""
        host = self.hosts[name]
        if host.chain is None:
            host.start()
            self.catch_up.greet(host)

    def pause(self, name: str) -> None:
        """Freeze a node."""
        self.hosts[name].pause()

    def resume(self, name: str) -> None:
        """Let a frozen node go on."""
        self.hosts[name].resume()

    def silence(self, name: str, keep_slots: int | None) -> None:
        """Let a node sign only the first so many slots of its turns; None ends that."""
        self.hosts[name].keep_slots = keep_slots

    def skew(
        self, name: str, *, offset_ns: int = 0, drift_ppb: int = 0, stepped: bool = True
    ) -> None:
        """Set what a fault adds to a host's wall clock; nothing given takes it back. stepped: it
        may jump.
        """
        host = self.hosts[name]
        host.clock.skew(self.engine.now_ns, offset_ns=offset_ns, drift_ppb=drift_ppb)
        host.clock_changed(stepped=stepped)

    def time_servers(self, name: str, *, offset_ns: int = 0, answer: bool = True) -> None:
        """Set how far off a host's time servers answer, and whether; nothing given: as they should.

        The host learns of it at its next check, as nothing jumps.
        """
        self.hosts[name].clock.serve(self.engine.now_ns, offset_ns=offset_ns, answer=answer)

    # ------------------------------------------------------------ building

    def _host(self, spec: HostSpec, common: Shared) -> Host:
        rng = stream(self.spec.seed, "host", spec.name)
        base_ns = MONO_BASE_NS + rng.randrange(MONO_BASE_NS)
        clock = HostClock(spec.clock, start_ns=self.engine.now_ns, mono_base_ns=base_ns)
        keys = {name: self.spec.keys[name] for name in spec.producers}
        host = Host(spec.name, common, clock, keys, rng)
        host.enable_stale_production = spec.enable_stale_production
        host.spare_keys = tuple(self.spec.keys[name] for name in spec.spare_keys)
        host.trust, host.lib_age_ns_max = spec.trust, spec.lib_age_ns_max
        host.stance = spec.stance
        host.health = spec.health
        self.net.join(host)
        return host

    def _make_probers(self) -> list[Prober]:
        return [
            Prober(
                host,
                tuple(self.hosts[peer] for peer in self.net.neighbours[host.name]),
                self.engine, self.links, self.spec.seed,
            )
            for host in self.hosts.values()
        ]  # fmt: skip

    def _start(self) -> None:
        for host in self.hosts.values():
            host.start()
        for host in self.hosts.values():
            self.catch_up.greet(host)
            if host.clock.spec.wander_ppb:
                self._wander(host, stream(self.spec.seed, "wander", host.name))
        for number, prober in enumerate(self._probers):
            prober.start(number * 1_000_000_000 // len(self._probers))
        for name, share in self.spec.load.items():
            Client(self.hosts[name], self.engine, share, self.spec.keys).start()
        # Between slots, so that no status is of a block in flight.
        self.engine.at(self.engine.now_ns + self.spec.genesis.slot_ns // 2, self.catch_up.round)

    def _wander(self, host: Host, rng: random.Random) -> None:
        spec, now_ns = host.clock.spec, self.engine.now_ns
        draw = rng.gauss(0, spec.wander_ppb)
        most = abs(spec.drift_ppb) + WANDER_MAX * spec.wander_ppb
        drift_ppb = max(-most, min(most, host.clock.drift_ppb + round(draw)))
        host.clock.turn(now_ns, drift_ppb)
        host.clock_changed(stepped=False)
        self.engine.at(now_ns + WANDER_EACH_NS, self._wander, host, rng)
