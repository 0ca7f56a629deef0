"""What nodes cost that have nothing to do: 21 of them on this machine, ten minutes long.

The floors are as many processes of bare ZeroMQ, which send as many frames as such nodes do.
"""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from harness.bench.rig import bare_mesh
from harness.bench.rig.bare_mesh import Process, Pushes
from harness.bench.rig.machine import processor_s, resident_mb
from harness.bench.rig.nodes import prepare, running, told, until_told
from harness.bench.row import Row

NODES = 21
LASTS_S = 600
FLOOR_S = 60
SETTLED_S = 5
PUSHES_EACH_S = 3 * NODES
"""A second's frames to all peers: a hello of each node; of two blocks, which one pushes and all
others announce, one each."""
CAMPAIGN = f"""
schema: slotlab.campaign/v1
title: nothing happens
seed: 1
chain: {{profile: eosio, producers: {NODES}, slot: 500ms, blocks_per_turn: 12}}
warmup: 60s
timeline: []
"""


def rows() -> list[Row]:
    """Return share of a core, memory and missed slots of nodes at rest."""
    with bare_mesh.mesh(NODES) as members:
        floor_percent, floor_mb = _floor(members)
    with tempfile.TemporaryDirectory(prefix="slb-") as folder:
        homes = prepare(Path(folder), CAMPAIGN)
        with running(homes) as nodes:
            until_told(homes, "node", "applied", nodes)
            time.sleep(SETTLED_S)
            begun_ns, before_s = time.time_ns(), _processor_s(nodes)
            time.sleep(LASTS_S)
            percent = 100 * (_processor_s(nodes) - before_s) / NODES / LASTS_S
            largest_mb, ended_ns = max(resident_mb(each.pid) for each in nodes), time.time_ns()
            time.sleep(SETTLED_S)
        due = [event["slot"] for event in told(homes[0], "node", "slot_due")
               if begun_ns <= event["wall_ns"] < ended_ns]  # fmt: skip
        filled = {event["slot"] for event in told(homes[0], "node", "applied")}
    of = f"{NODES} nodes at rest"
    return [
        Row(bench="idle", what=f"{of}, each on average", unit="% of a core", value=percent,
            n=LASTS_S, floor=floor_percent, floor_is="a bare ZeroMQ mesh, as many frames"),
        Row(bench="idle", what=f"{of}, the largest", unit="MB", value=largest_mb, n=NODES,
            floor=floor_mb, floor_is="the largest of a bare ZeroMQ mesh"),
        Row(bench="idle", what=f"{of}, slots missed", value=float(len(set(due) - filled)),
            n=len(due)),
    ]  # fmt: skip


def _floor(members: Sequence[Process]) -> tuple[float, float]:
    """Return the share of a core in percent, and the memory in MB of the largest."""
    first_ns, each_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW), 10**9 // PUSHES_EACH_S
    before_s = _processor_s(members)
    count = FLOOR_S * PUSHES_EACH_S
    bare_mesh.push(members, Pushes(first_ns=first_ns, each_ns=each_ns, count=count, size_bytes=100))
    percent = 100 * (_processor_s(members) - before_s) / NODES / FLOOR_S
    return percent, max(resident_mb(each.pid) for each in members)


def _processor_s(processes: Sequence[Process]) -> float:
    return sum(processor_s(each.pid) for each in processes)
