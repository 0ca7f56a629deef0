"""What is known of clocks in a container lab, where all hosts have one kernel: their raw clocks are
the same, so that a difference of two stamps is the true latency, and a node's own clock is off by
what faults put it off by, and else right.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np

from metrics import open_run
from metrics.fault_checks.clocks import injected
from metrics.intake import event_table, trial
from metrics.intake.offset_bounds import BrokenBounds, OffsetBounds
from metrics.measure import clocks
from metrics.model import run_folder
from metrics.results import expectations

EACH_NS = 10_000_000
"""How far apart the moments are at which two clocks are looked at."""
HOPS = """
    SELECT count(*), count(*) FILTER (NOT received.ns - made.mono_ns BETWEEN lo_ns AND hi_ns)
    FROM propagation JOIN event_produced AS made ON made.id = propagation.id AND made.host = source
    JOIN (SELECT id, host, min(mono_ns) AS ns FROM event_received GROUP BY ALL) AS received
    ON received.id = propagation.id AND received.host = target
"""


class Held(NamedTuple):
    """So many intervals of a kind there are, and so many do not hold what is true."""

    intervals: int
    untrue: int


def held(run: Path) -> dict[str, Held]:
    """Return how many intervals of a run of one trial hold the truth: of the offset of each two
    hosts' raw clocks, of what blocks took from their makers to others, and of NTP checks.
    """
    plan = run_folder.load_plan(run, expectations.problem)
    with closing(event_table.connect()) as db:
        data = trial.load(db, run, plan, plan.trials[0], 1)
        assert data is not None
        checks = [check for check in data.events("clock", clocks.CLOCK) if check.bound_ns]
        inside, total = injected.told(data, checks)
        offsets = np.sum([_outside(band) for band in data.timeline.pairs.values()], axis=0)
    ((hops, untrue),) = open_run(run).sql(HOPS).fetchall()
    return {
        "offsets": Held(*offsets.tolist()),
        "hops": Held(hops, untrue),
        "checks": Held(total, total - inside),
    }


def _outside(band: OffsetBounds | BrokenBounds) -> Held:
    """Return at how many moments the bounds of an offset that is zero hold that."""
    moments = np.arange(band.times[0], band.times[-1], EACH_NS, dtype=np.int64)
    low, high = band.at(moments)
    return Held(len(moments), int(((low > 0) | (high < 0)).sum()))
