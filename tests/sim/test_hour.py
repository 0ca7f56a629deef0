"""An hour of chain time, every rule in force: every slot has its block at every node, in few MB.

In a process of its own, as memory counts. How long it takes is a figure of `slotlab bench`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.long]

ROOT = Path(__file__).resolve().parents[2]
HOUR = """
import resource
from tests.sim.worlds import heads, lab
world = lab(21, 12, observers={observers}, sparse={sparse})
world.run(3_600_400_000_000)
assert set(heads(world).values()) == {{7202}}, heads(world)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def hour(*, observers: int, sparse: bool) -> float:
    """Return the MB that an hour of chain time took."""
    code = HOUR.format(observers=observers, sparse=sparse)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


def test_an_hour_of_21_nodes_misses_nothing_and_takes_1_gb_at_most() -> None:
    assert hour(observers=0, sparse=False) <= 1000


def test_an_hour_of_100_nodes_with_8_peers_misses_nothing_and_takes_2_gb_at_most() -> None:
    assert hour(observers=79, sparse=True) <= 2000
