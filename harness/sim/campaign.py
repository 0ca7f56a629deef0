"""A campaign on a lab that does not exist: hosts by number of producers, T0 and keys by seed."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

import msgspec
from coincurve import PrivateKey

from harness.plan.genesis import HostAccess, TrialFiles, first_round_ns, trial_files
from harness.sim.faults import Journal, schedule
from harness.sim.host.clock import ClockSpec
from harness.sim.host.engine import stream
from harness.sim.host.records import Lines, Sink
from harness.sim.world import LEAD_NS, HostSpec, World, WorldSpec
from metrics.model.plan import SIM, Plan, PlannedTrial
from metrics.model.standing import standing
from node.chain.genesis import SYSTEM_ACCOUNT, decode
from node.chain.model.voice import Stance
from node.chain.validation import Trust
from node.config import NodeConfig

FIRST_T0_NS = 1_767_225_600_000_000_000
"""2026-01-01: the seed puts T0 into the 300 days from here on."""
T0_DAYS = 300
STRIDE_NS = 60_000_000_000
CLOCK_OFFSET_NS = 200_000
CLOCK_BOUND_NS = 500_000
CRYSTAL_PPB = 20_000


def seed_secret(seed: int, name: str) -> str:
    """Return the secret of a name of a simulated lab in hex: it follows from the seed."""
    return sha256(f"slotlab/sim/{seed}/key/{name}".encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """A finished trial: its raw files' bytes by host, and what trial.json says."""

    label: str
    files: TrialFiles
    events: dict[str, bytes]
    journals: dict[str, bytes]
    started_ns: int
    ended_ns: int


def world_of(
    plan: Plan, trial: PlannedTrial, sink: Sink | None, *, probes: bool, cached: bool = True
) -> tuple[World, TrialFiles]:
    """Return the lab of a trial as it is before T0, no fault armed yet, and its files."""
    plan = plan.of(trial)
    days_ns = trial.seed % (T0_DAYS * 86_400) * 1_000_000_000
    t0_ns = first_round_ns(plan, not_before_ns=FIRST_T0_NS + days_ns)
    keys = partial(seed_secret, plan.seed)
    access = {
        host.host: HostAccess(curve_public="", ntp=(SIM,), state_dir="/var/lib/slotlab")
        for host in plan.hosts
    }
    files = trial_files(plan, trial, t0_ns=t0_ns, keys=keys, access=access)
    names = [*plan.producers, *(account.name for account in plan.accounts)]
    names += [name for spare in plan.spare_keys.values() for name in spare]
    if plan.system_account:
        names.append(SYSTEM_ACCOUNT)
    configs = {
        host.host: msgspec.json.decode(files.by_host[host.host]["node.json"], type=NodeConfig)
        for host in plan.hosts
    }
    spec = WorldSpec(
        seed=trial.seed,
        genesis=decode(files.by_host[plan.hosts[0].host]["genesis.json"].encode()),
        keys={name: PrivateKey.from_hex(keys(name)) for name in names},
        hosts=tuple(_host(config, plan, _clock(trial, name)) for name, config in configs.items()),
        clock_limit_ns=plan.clock_limit_ns,
        load={name: config.client for name, config in configs.items() if config.client},
        probes=probes,
        cached=cached,
    )
    world = World(spec, sink)
    assert world.t0_ns == t0_ns
    return world, files


def simulate(
    plan: Plan,
    trial: PlannedTrial,
    *,
    cached: bool = True,
    tell: Callable[[int], None] = lambda _: None,
) -> Simulated:
    """Return the raw files of a trial. The same plan gives the same bytes, cached or not.

    tell hears, now and then, up to when (ns from T0) the trial is simulated.
    """
    lines = Lines(trial.seed)
    world, files = world_of(plan, trial, lines, probes=True, cached=cached)
    label = f"{SIM}.{trial.n}"
    journal = Journal(world, label)
    zones = plan.cell_of(trial).zones
    apart = (standing(zones, end_ns=plan.end_ns), zones) if zones else None
    schedule(world, trial.faults, journal, apart)
    for until_ns in (*range(STRIDE_NS, plan.end_ns, STRIDE_NS), plan.end_ns):
        world.run(until_ns)
        tell(until_ns)
    world.stop()
    return Simulated(
        label=label,
        files=files,
        events={name: lines.take(name) for name in world.hosts},
        journals={name: journal.of_host(name) for name in world.hosts},
        started_ns=files.t0_ns - LEAD_NS,
        ended_ns=files.t0_ns + plan.end_ns,
    )


def _host(config: NodeConfig, plan: Plan, clock: ClockSpec) -> HostSpec:
    """Return the host whose node is configured so."""
    light, trusted = config.validation == "light", frozenset(config.trusted_producers)
    return HostSpec(
        name=config.host,
        producers=tuple(producer.name for producer in config.producers),
        spare_keys=tuple(plan.spare_keys.get(config.host, ())),
        enable_stale_production=config.enable_stale_production,
        trust=Trust(light=light, producers=trusted),
        lib_age_ns_max=config.max_irreversible_block_age_ns,
        stance=Stance.of(config.supports, config.urgent),
        health=config.health,
        clock=clock,
    )


def _clock(trial: PlannedTrial, host: str) -> ClockSpec:
    """Return good clocks, as NTP leaves them, that still differ: crystals, remaining offset."""
    rng = stream(trial.seed, "clock", host)
    return ClockSpec(
        offset_ns=rng.randint(-CLOCK_OFFSET_NS, CLOCK_OFFSET_NS),
        wander_ppb=50,
        mono_ppb=rng.randint(-CRYSTAL_PPB, CRYSTAL_PPB),
        bound_ns=CLOCK_BOUND_NS,
    )
