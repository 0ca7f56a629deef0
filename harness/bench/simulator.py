"""How much chain time the simulator gets through, beside signing and checking the same.

Two states of this repository compare by the ratios: `slotlab bench --only sim` in a checkout of
each, in turn, with nothing beside it.
"""

import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from harness.bench.rig.machine import resident_mb, signed_s, slotlab
from harness.bench.row import Row
from harness.campaign import campaign_file
from harness.plan import lab_view, planner
from harness.sim.campaign import world_of
from harness.sim.world import HostSpec, World
from metrics.model import processes
from metrics.model.plan import Plan

MINUTES = 10
WHOLE_MINUTES = 60
"""Of a run that is reported, too."""
CROWDS = {100: 5, 1_000: 1}
"""Numbers of nodes, and how many minutes of their chain are simulated."""
STEPS = (-37, -19, -7, -1, 1, 7, 19, 37)
"""From a node to its peers, around a ring: any other is within a few hops."""
RATE = 20
CAMPAIGN = """
schema: slotlab.campaign/v1
title: nothing happens
seed: 1
chain: {{profile: eosio, producers: {producers}, slot: 500ms, blocks_per_turn: 12}}
load: {{rate: {rate}/s}}
warmup: {minutes}m
cooldown: 1s
timeline: []
"""


def rows() -> list[Row]:
    """Return what an hour of 21 nodes that all see all takes, and of many with few peers each."""
    found = [_row(0, "an hour of chain time"), _row(RATE, f"an hour with {RATE} transactions a s")]
    for nodes, minutes in CROWDS.items():
        # In a process of its own: what this one let go of before would hold all of it.
        with processes.pool(1) as pool:
            found += pool.submit(_crowd, nodes, minutes).result()
    return found + _whole(WHOLE_MINUTES)


def _whole(minutes: int) -> list[Row]:
    """Return what so long a run of 21 nodes takes until its report is there, and its processors."""
    with tempfile.TemporaryDirectory(prefix="slotlab-") as name:
        campaign = Path(name) / "bench.yml"
        campaign.write_text(CAMPAIGN.format(producers=21, minutes=minutes, rate=0))
        took = slotlab("run", str(campaign), "--lab", "sim", "--runs", name)
    what = f"21 nodes, `slotlab run` of {minutes} min with its report"
    return [
        Row(bench="sim", what=f"{what}, to its end", unit="s", value=took.passed_s, n=1),
        Row(bench="sim", what=what, unit="s of a processor", value=took.processor_s, n=1),
    ]


def _row(rate: int, what: str) -> Row:
    planned, world = _world(rate, MINUTES)
    floor_s = signed_s(planned.end_ns // planned.interval_ns + rate * 60 * MINUTES)
    return _hour(f"21 nodes, {what}", planned, _run(world, planned), floor_s)


def _crowd(nodes: int, minutes: int) -> list[Row]:
    """Return what an hour takes where nodes beside the 21 only follow, and their memory."""
    planned, world = _world(0, minutes)
    names = [f"n{n + 1}" for n in range(nodes)]
    near = {
        name: tuple(names[(n + step) % nodes] for step in STEPS) for n, name in enumerate(names)
    }
    hosts = [replace(host, neighbours=near[host.name]) for host in world.spec.hosts]
    hosts += [HostSpec(name=name, neighbours=near[name]) for name in names[len(hosts) :]]
    before_mb = resident_mb(os.getpid())
    world = World(replace(world.spec, hosts=tuple(hosts), relay="push"))
    took_s = _run(world, planned)
    taken_mb = resident_mb(os.getpid()) - before_mb
    who = f"{nodes} nodes with {len(STEPS)} peers each"
    floor_s = signed_s(planned.end_ns // planned.interval_ns)
    memory = f"{who}, memory after {minutes} min"
    return [
        _hour(f"{who}, an hour of chain time", planned, took_s, floor_s),
        Row(bench="sim", what=memory, unit="MB", value=taken_mb, n=1),
    ]


def _world(rate: int, minutes: int) -> tuple[Plan, World]:
    text = CAMPAIGN.format(producers=21, minutes=minutes, rate=rate)
    file = campaign_file.parse(text, Path("bench.yml"))
    planned = planner.build(file, lab_view.simulated(file))
    return planned, world_of(planned, planned.trials[0], None, probes=False)[0]


def _run(world: World, planned: Plan) -> float:
    """Let a world run to its end; return how many seconds of a processor that takes."""
    begun_s = time.process_time()
    world.run(planned.end_ns + planned.interval_ns // 2)  # Between slots all have the same.
    took_s = time.process_time() - begun_s
    assert len({host.chain.head.id for host in world.hosts.values() if host.chain}) == 1
    return took_s


def _hour(what: str, planned: Plan, took_s: float, floor_s: float) -> Row:
    hours = planned.end_ns / 3.6e12
    return Row(
        bench="sim", what=what, unit="s of a processor", value=took_s / hours, n=1,
        floor=floor_s / hours, floor_is="each block and transaction signed, and recovered once",
    )  # fmt: skip
