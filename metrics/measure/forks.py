"""Fork switches: how many, how deep, at which hosts, in which phase."""

from collections import Counter

from metrics.intake.trial import Event, TrialData
from metrics.measure.blocks import ChainView
from metrics.measure.metric import Columns, Expected, Figures, Metric, Pool
from metrics.model.method import Method
from metrics.model.shapes import Counts, part


def measure(data: TrialData, chain: ChainView) -> list[tuple[Event, str]]:
    """Return every fork switch of the trial, and its phase."""
    return [(e, data.phase_at(e.t_ns)) for e in data.events("switched", "depth")]


def pool(over: Pool[list[tuple[Event, str]]]) -> Figures:
    """Return the `forks` part of M: switches, depth_max, depths (depth: times), by_host."""
    switches = [e for _, found in over.trials for e, phase in found if phase in over.phases]
    depths = Counter(e.depth for e in switches)
    forks = {
        "switches": len(switches),
        "depth_max": max(depths, default=0),
        "depths": {str(depth): depths[depth] for depth in sorted(depths)},
        "by_host": dict(sorted(Counter(e.host for e in switches).items())),
    }
    return {"forks": forks}


_METHOD = Method(
    name="Fork switches",
    figures=("forks.switches", "forks.depth_max", "forks.depths.*", "forks.by_host.*"),
    formula="Times a node's head moved to another branch. Depth: blocks undone for it.",
    left_out="Warm-up from the whole trial; switches of unknown times.",
    assumes="Each node tells every switch; no clock but for the phase.",
    counts=(("phases.warmup.forks.switches", "of warm-up"),),
)
METRIC = Metric(
    measure=measure,
    pool=pool,
    adds={"forks": part("Forks", switches=int, depth_max=int, depths=Counts, by_host=Counts)},
    methods=(_METHOD,),
    place=3,
    expected=(Expected("forks.switches"), Expected("forks.depth_max")),
    columns=Columns(
        heads='<th class="n">fork<br>switches</th>',
        cells='<td class="n">{{ m.forks.switches }}</td>',
    ),
)
