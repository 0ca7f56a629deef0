"""How late nodes wake for their slots, beside as many bare timers in the middle of the slots."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness.bench.rig.load import named
from harness.bench.rig.nodes import prepare, running, told, until_told
from harness.bench.row import Row, of_samples

SLOT_NS = 100_000_000
SLOTS = 1_000
SETTLED_NS = 5_000_000_000
"""So long do bare timers of a busy machine take to start."""
CAMPAIGN = """
schema: slotlab.campaign/v1
title: nothing happens
seed: 1
chain: {{profile: eosio, producers: {nodes}, slot: 100ms, blocks_per_turn: 2}}
warmup: 60s
timeline: []
"""
BARE = """
import sys, time
first_ns, each_ns, count = map(int, sys.argv[1:])
late_ns = []
for due_ns in range(first_ns, first_ns + each_ns * count, each_ns):
    time.sleep(max(0, due_ns - time.time_ns()) / 1e9)
    late_ns.append(time.time_ns() - due_ns)
print(*late_ns)
"""


def rows() -> list[Row]:
    """Return how late a lone node wakes, and each of four."""
    return [row for nodes in (1, 4) for row in _rows(nodes)]


def _rows(nodes: int) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="slb-") as folder:
        homes = prepare(Path(folder), CAMPAIGN.format(nodes=nodes))
        with running(homes) as processes:
            until_told(homes, "node", "irreversible", processes)
            start_ns = (time.time_ns() + SETTLED_NS) // SLOT_NS * SLOT_NS
            words = (str(start_ns + SLOT_NS // 2), str(SLOT_NS), str(SLOTS))
            bare = [
                subprocess.Popen((sys.executable, "-c", BARE, *words), stdout=subprocess.PIPE)
                for _ in homes
            ]
            floors = [int(ns) / 1e6 for each in bare for ns in each.communicate()[0].split()]
        late = [
            event["wake_error_ns"] / 1e6
            for home in homes
            for event in told(home, "node", "slot_due")
            if start_ns <= event["due_ns"] < start_ns + SLOTS * SLOT_NS
        ]
    return of_samples("wakeup", f"{named(nodes)}, late for a slot", late, floors, "bare timers")
