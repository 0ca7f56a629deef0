"""How the hosts were during a trial, as reasons to doubt what was measured on them."""

from itertools import groupby, pairwise
from typing import NamedTuple

from metrics.intake.lines.event_rows import NOT_TOLD
from metrics.intake.trial import Event, TrialData
from metrics.measure.blocks import ChainView
from metrics.measure.metric import DOUBT, Metric
from metrics.model.method import Method

MACHINE = "processors busy_ns available_bytes nic_dropped celsius slowed"


class Host(NamedTuple):
    """How a host was. None: nobody says, or there are too few looks.

    busy, busiest: which share of its processors was used, in all and between two looks at most.
    available_bytes: the least memory that was left. nic_dropped: packets its network cards threw
    away. celsius: the most of its hottest sensor. slowed: how often power or heat slowed it.
    """

    host: str
    busy: float | None
    busiest: float | None
    available_bytes: int
    nic_dropped: int
    celsius: int | None
    slowed: int | None


def measure(data: TrialData, chain: ChainView) -> list[Host]:
    """Return how each host was of which there is a look."""
    return [
        _host(host, list(looks))
        for host, looks in groupby(data.events("machine", MACHINE), key=lambda look: look.host)
    ]


def _host(host: str, looks: list[Event]) -> Host:
    steps = [(a, b) for a, b in pairwise(looks) if a.boot == b.boot and a.mono_ns < b.mono_ns]
    used = [(b.busy_ns - a.busy_ns, (b.mono_ns - a.mono_ns) * b.processors) for a, b in steps]
    had_ns = sum(had for _, had in used)
    slowed = sum(max(0, b.slowed - a.slowed) for a, b in steps)
    return Host(
        host=host,
        busy=sum(busy for busy, _ in used) / had_ns if had_ns else None,
        busiest=max((busy / had for busy, had in used if had), default=None),
        available_bytes=min(look.available_bytes for look in looks),
        nic_dropped=sum(max(0, b.nic_dropped - a.nic_dropped) for a, b in steps),
        celsius=max((look.celsius for look in looks if look.celsius != NOT_TOLD), default=None),
        slowed=None if all(look.slowed == NOT_TOLD for look in looks) else slowed,
    )


METRIC = Metric(
    measure=measure,
    methods=(
        Method(
            name="How the hosts were",
            formula="Every ten seconds a host's probe looks at it. Busy: processor time that was "
            "not idle over the time of all its processors, between the first and the last look, "
            "and at most between two. Memory: the least that programs could still have. Dropped: "
            "packets that network cards but loopback threw away. Heat: the hottest look.",
            left_out="Time between two looks across a reboot; what a host has no sensor for.",
            assumes="What kernel and firmware count. Containers of one machine all show that "
            "machine.",
        ),
    ),
    group=DOUBT,
    place=9,
)
