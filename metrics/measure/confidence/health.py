"""The network's health as nodes told it: alarms, and the least share of slots that was used."""

from collections import Counter
from dataclasses import dataclass

from metrics.intake.trial import Event, TrialData
from metrics.measure.blocks import ChainView
from metrics.measure.metric import (
    OF_PHASE,
    TRUST,
    WITHIN,
    Columns,
    Expected,
    Figures,
    Metric,
    Pool,
    Table,
)
from metrics.model.method import Method
from metrics.model.shapes import Counts, part

HEALTH = "slot state participation window"
HEALTHY, DEGRADED, HALTED = "healthy", "degraded", "halted"
FULL = 10_000


@dataclass(frozen=True, slots=True)
class Told:
    """A node's word that the network does better or worse: event, the slot's time and phase."""

    event: Event
    slot_ns: int
    phase: str


def measure(data: TrialData, chain: ChainView) -> list[Told]:
    """Return every change that a node told, host by host in order."""
    found = []
    for event in data.events("health", HEALTH):
        slot_ns = data.slot_time_ns(event.slot)
        found.append(Told(event, slot_ns, data.phase_at(slot_ns)))
    return found


def pool(over: Pool[list[Told]]) -> Figures:
    """Return the `health` part of M, of slots of the phases."""
    told = [item.event for _, found in over.trials for item in found if item.phase in over.phases]
    states = Counter(event.state for event in told)
    alarms = Counter(event.host for event in told if event.state != HEALTHY)
    least = min((event.participation for event in told), default=None)
    return {
        "health": {
            "alarms": alarms.total(),
            "halts": states[HALTED],
            "participation_least": None if least is None else least / FULL,
            "by_host": dict(sorted(alarms.items())),
        }
    }


METRIC = Metric(
    measure=measure,
    pool=pool,
    adds={
        "health": part(
            "Health", alarms=int, halts=int, participation_least=float | None, by_host=Counts
        )
    },
    methods=(
        Method(
            name="Health of the network",
            figures=("health.alarms", "health.halts", "health.participation_least",
                     "health.by_host.*"),
            formula="Each node looks at the latest slots that were somebody's, those of two rounds "
            "unless the campaign says otherwise, but the newest: participation is the share for "
            "which its head's branch has a block. Alarms: how often a node told that the network "
            "is degraded (below 90 %) or halted (below 33 %; a campaign may set others): "
            "the worst of the last half of those slots, so worse at once and better after a while. "
            "participation_least: the least that was told with a change.",
            left_out="Shares between changes are not told. Slots from before a node's start count "
            "as filled.",
            assumes="A slot is due, and a block there, when the node's own clock and head say so: "
            "a node that is cut off raises an alarm of its own. The phase is that of the slot.",
        ),
    ),
    place=8,
    expected=(Expected("health.alarms"), Expected("health.halts")),
    table=Table(
        "health",
        "a change of what a node's monitor says of the network",
        {
            "t_ns": "when the node told it",
            **WITHIN,
            **OF_PHASE,
            "host": "whose node it is",
            "slot": "last slot that it looked at",
            "state": "healthy, degraded or halted",
            "participation": "share of the slots that is filled, in parts of 10,000",
            "window": "of how many slots",
        },
        lambda found: (
            (i.event.t_ns, i.event.lo_ns, i.event.hi_ns, i.phase, i.event.host, i.event.slot,
             i.event.state, i.event.participation, i.event.window)
            for i in found
        ),
    ),
    columns=Columns(
        heads='<th class="n">alarms<br>(halted)</th><th class="n">slots used<br>at least</th>',
        cells='\n<td class="n">{{ m.health.alarms }}{% if m.health.halts %} ({{ m.health.halts }})'
        '{% endif %}</td><td class="n">{% if not m.health.alarms %}–{% else %}'
        "{{ percent(m.health.participation_least) }}{% endif %}</td>",
        table=TRUST,
    ),
)  # fmt: skip
