"""How fast the simulator is, every rule in force: an hour of chain time within its budget.

Measured in a process of its own, as memory counts too. What bounds it: the chain's own work for
each block at each node (about half of the time), then messages and slots on the heap.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOUR = """
import resource, time
from tests.sim.worlds import heads, lab
world = lab(21, 12, observers={observers}, sparse={sparse})
begin = time.process_time()
world.run(3_600_400_000_000)
took_s = time.process_time() - begin
assert set(heads(world).values()) == {{7202}}, heads(world)
print(took_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def hour(*, observers: int, sparse: bool) -> tuple[float, float]:
    """Return (CPU seconds, MB) of an hour of chain time."""
    code = HOUR.format(observers=observers, sparse=sparse)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    took_s, memory_mb = map(float, done.stdout.split())
    return took_s, memory_mb


@pytest.mark.slow
def test_an_hour_of_21_nodes_takes_20_seconds_and_1_gb_at_most() -> None:
    took_s, memory_mb = hour(observers=0, sparse=False)
    assert took_s <= 20
    assert memory_mb <= 1000


@pytest.mark.slow
def test_an_hour_of_100_nodes_with_8_peers_takes_2_minutes_and_2_gb_at_most() -> None:
    took_s, memory_mb = hour(observers=79, sparse=True)
    assert took_s <= 120
    assert memory_mb <= 2000
