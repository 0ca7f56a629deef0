"""Fork switches: how many, how deep, at which hosts, in which phase."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from metrics.intake.trial import TrialData
from metrics.measure.blocks import ChainView
from metrics.measure.metric import Columns, Expected, Figures, Metric, Pool
from metrics.model.method import Method

SWITCHED = "old_num new_num depth"


@dataclass(frozen=True, slots=True)
class Switch:
    """A head that moved to another branch."""

    host: str
    t_ns: float
    phase: str
    depth: int
    old_num: int
    new_num: int


def measure(data: TrialData, chain: ChainView) -> list[Switch]:
    """Return every fork switch of the trial."""
    return [
        Switch(e.host, e.t_ns, data.phase_at(e.t_ns), e.fields[2], e.fields[0], e.fields[1])
        for e in data.events("switched", SWITCHED)
    ]


def pool(over: Pool[list[Switch]]) -> Figures:
    """Return the `forks` part of M: switches, depth_max, depths (depth: times), by_host."""
    switches = [s for _, found in over.trials for s in found if s.phase in over.phases]
    depths = Counter(switch.depth for switch in switches)
    by_host: dict[str, int] = defaultdict(int)
    for switch in switches:
        by_host[switch.host] += 1
    forks = {
        "switches": len(switches),
        "depth_max": max(depths, default=0),
        "depths": {str(depth): depths[depth] for depth in sorted(depths)},
        "by_host": dict(sorted(by_host.items())),
    }
    return {"forks": forks}


_METHODS = (
    Method(
        name="Fork switches",
        figures=("forks.switches", "forks.depth_max", "forks.depths.*", "forks.by_host.*"),
        formula="Times a node's head moved to another branch. Depth: blocks undone for it.",
        left_out="Warm-up from the whole trial; switches of unknown times.",
        assumes="Each node tells every switch; no clock but for the phase.",
        counts=(("phases.warmup.forks.switches", "of warm-up"),),
    ),
)
METRIC = Metric(
    measure=measure,
    pool=pool,
    methods=_METHODS,
    place=3,
    expected=(Expected("forks.switches"), Expected("forks.depth_max")),
    columns=Columns(
        heads='<th class="n">fork<br>switches</th>',
        cells='<td class="n">{{ m.forks.switches }}</td>',
    ),
)
