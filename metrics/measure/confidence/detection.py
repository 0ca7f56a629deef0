"""How soon nodes told that a fault does harm: the first that called the network worse than before.

It is looked for from when the fault was in force on its first host until the disturbance that it
may have caused is over, as for recovery; an alarm after that is not of this fault.
"""

from dataclasses import dataclass

from metrics.intake.trial import TrialData
from metrics.measure import recovery
from metrics.measure.blocks import ChainView
from metrics.measure.confidence.health import DEGRADED, HALTED, HEALTH, HEALTHY
from metrics.measure.metric import Metric, Table
from metrics.measure.recovery import NEVER, Moment
from metrics.model.method import Method

_RANK = {HEALTHY: 0, DEGRADED: 1, HALTED: 2}


@dataclass(frozen=True, slots=True)
class Detection:
    """When a fault's harm was first told, and by whom; None where nobody did while it was watched.

    watched_ns: how long after its begin that was.
    """

    fault: str
    begun: Moment
    told: Moment | None
    host: str
    watched_ns: float


def measure(data: TrialData, chain: ChainView) -> list[Detection]:
    """Return the detection of every fault that began within the trial, in the plan's order."""
    alarms = _alarms(data)
    found = []
    for fault in data.planned.faults:
        begun = recovery.begun_at(data, fault)
        healed = recovery.healed_at(data, fault)
        until_ns = recovery.own_until(data, chain.intervals, fault, healed)
        until_ns = min(float(data.end_ns), data.end_ns if fault.open else until_ns)
        if begun.t_ns >= until_ns:
            continue
        own = ((at, host) for at, host in alarms if begun.t_ns <= at.t_ns <= until_ns)
        told, host = min(own, default=(None, ""))
        found.append(Detection(fault.id, begun, told, host, until_ns - begun.t_ns))
    return found


def _alarms(data: TrialData) -> list[tuple[Moment, str]]:
    """Return each time an honest node called the network worse than it had before, by whom."""
    last: dict[str, str] = {}
    found = []
    for event in data.events("health", HEALTH):
        worse = _RANK.get(event.state, 0) > _RANK.get(last.get(event.node, HEALTHY), 0)
        last[event.node] = event.state
        if worse and event.t_ns == event.t_ns and event.host not in data.planned.liars:
            found.append((Moment(event.t_ns, event.lo_ns, event.hi_ns), event.host))
    return found


METRIC = Metric(
    measure=measure,
    methods=(
        Method(
            name="Detection of a fault",
            formula="From when the fault was in force on its first host to the first line by which "
            "a node called the network worse than it had before: degraded or halted, see health.",
            left_out="Alarms later than a round after the heal, or after the next fault's begin: "
            "not told until then, it is censored. What lying hosts tell.",
            assumes="The first alarm is because of this fault, where several are in force at once "
            "of each. A node looks once a slot.",
        ),
    ),
    place=8,
    table=Table(
        "detection",
        "a fault, and when its harm was first told",
        {
            "fault": "id of the fault",
            "host": "whose node told it first, empty where nobody did",
            **recovery.moment_columns("begun", "when it was in force on its first host"),
            **recovery.moment_columns("told", "when that node told it"),
            "watched_ns": "how long after its begin an alarm would have been of it",
        },
        lambda found: (
            (d.fault, d.host, *d.begun, *(d.told or NEVER), d.watched_ns) for d in found
        ),
    ),
)
