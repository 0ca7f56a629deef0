"""How long a block of 20 KB takes to 20 peers, beside the same bytes in a mesh of bare ZeroMQ."""

import tempfile
import time
from pathlib import Path

from harness.bench.rig import bare_mesh
from harness.bench.rig.bare_mesh import Pushes
from harness.bench.rig.nodes import edit, prepare, running, told, until_told
from harness.bench.row import Row, of_samples
from harness.errors import RunError

NODES = 21
SLOT_NS = 500_000_000
BLOCKS = 120
SIZE_BYTES = 20_000
LEAD_NS = 10_000_000_000
"""So long does a client of a busy machine take to start."""
AFTER_SLOT_NS = 150_000_000
"""A transfer of the size of a block comes so long after a slot began, and is everywhere by its end.
"""
CAMPAIGN = f"""
schema: slotlab.campaign/v1
title: large blocks
seed: 1
chain: {{profile: eosio, producers: {NODES}, slot: 500ms, blocks_per_turn: 1}}
load: {{rate: 2/s, size: {SIZE_BYTES}B}}
warmup: 60s
timeline: []
"""


def rows() -> list[Row]:
    """Return how long blocks of real nodes took to each peer, and pushes of a bare mesh."""
    with tempfile.TemporaryDirectory(prefix="slb-") as folder:
        took_ms = _of_blocks(prepare(Path(folder), CAMPAIGN))
    with bare_mesh.mesh(NODES) as members:
        first_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW) + SLOT_NS
        pushes = Pushes(first_ns=first_ns, each_ns=SLOT_NS, count=BLOCKS, size_bytes=SIZE_BYTES)
        floors_ms = bare_mesh.push(members, pushes)
    what = f"a block of {SIZE_BYTES // 1000} KB to each of {NODES - 1} peers"
    return of_samples("propagation", what, took_ms, floors_ms, "a bare ZeroMQ mesh, CURVE")


def _of_blocks(homes: list[Path]) -> list[float]:
    """Return how long after its maker told of it each peer had each block, in ms.

    Raises:
        RunError: no block had a transfer.
    """
    with running(homes) as nodes:
        until_told(homes, "node", "applied", nodes)
        first_ns = (time.time_ns() + LEAD_NS) // SLOT_NS * SLOT_NS + AFTER_SLOT_NS
        load = {"rate_milli": 10**12 // SLOT_NS, "start_ns": first_ns,
                "end_ns": first_ns + BLOCKS * SLOT_NS}  # fmt: skip
        edit(homes[0], client=load)
        with running(homes[:1], "client") as (client,):
            client.wait()
    events = [told(home, "node", "produced", "received") for home in homes]
    made_ns = {e["id"]: e["mono_ns"] for each in events for e in each
               if e["kind"] == "produced" and e["tx_count"]}  # fmt: skip
    took_ms = [(e["mono_ns"] - made_ns[e["id"]]) / 1e6 for each in events for e in each
               if e["kind"] == "received" and e["id"] in made_ns]  # fmt: skip
    if not took_ms:
        raise RunError("bench: no block had a transfer")
    return took_ms
