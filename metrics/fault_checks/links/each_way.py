"""Delays that are another on the way back: each way by itself, on the line of the two clocks."""

import statistics
from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np

from metrics.fault_checks.probe_bursts import Burst
from metrics.intake.clock_pairs import Epoch
from metrics.intake.timeline import Interval
from metrics.intake.trial import Event, TrialData
from metrics.model.number_text import number
from metrics.model.plan import PlannedFault

STAMPS = "peer peer_boot flow t1_ns t2_ns t3_ns t4_ns"
FORTH, BACK = "forth", "back"
ASKED = {FORTH: "delay_ns", BACK: "back_ns"}
Arrow = tuple[str, str]


class Gain(NamedTuple):
    """How much longer the fastest probe took on a way, in ns, and the ends it must lie between."""

    ns: float
    least_ns: float
    most_ns: float


def gains(
    data: TrialData, fault: PlannedFault, lasting: list[Burst], quiet: list[Burst]
) -> dict[str, dict[Arrow, Gain]]:
    """Return by direction what each way of the fault's pairs gained; none where it is not known."""
    during, before = _fastest(data, lasting), _fastest(data, quiet)
    forth = [(a, b) for a, b in fault.pairs or []]
    ways = {FORTH: forth, BACK: [(b, a) for a, b in forth]}
    known = during.keys() & before.keys()
    return {
        name: {way: _gain(during[way], before[way]) for way in own if way in known}
        for name, own in ways.items()
    }


def measured(found: dict[str, dict[Arrow, Gain]]) -> dict[str, Any]:
    """Return what is told of each direction: its ways, of which the middle one stands for it, with
    all they may be: {forth, back: {ms, interval_ms, ways: {a-b: [ms, least, most]}}}.
    """
    return {
        name: {
            "ms": _ms(statistics.median(gain.ns for gain in own.values())),
            "interval_ms": [_ms(min(gain.least_ns for gain in own.values())),
                            _ms(max(gain.most_ns for gain in own.values()))],
            "ways": {f"{a}-{b}": [*map(_ms, gain)] for (a, b), gain in own.items()},
        }
        for name, own in found.items() if own
    }  # fmt: skip


def off(
    found: dict[str, dict[Arrow, Gain]], fault: PlannedFault, error_ns: int, share: float
) -> str:
    """Return which way surely is off by more than that error and that share of what was asked, ""
    for none.
    """
    for name, own in found.items():
        asked_ns = fault.asked[ASKED[name]]
        slack_ns = error_ns + share * asked_ns
        for (a, b), gain in own.items():
            if gain.most_ns < asked_ns - slack_ns or gain.least_ns > asked_ns + slack_ns:
                return f"off by {_ms(gain.ns - asked_ns):+.1f} ms from {a} to {b}"
    return ""


def words(found: dict[str, Any]) -> list[str]:
    """Return what was measured of each direction."""
    return [
        f"{name} {number(own['ms'])} ms "
        f"({number(own['interval_ms'][0])} to {number(own['interval_ms'][1])})"
        for name in ASKED
        if (own := found.get(name))
    ]


def _fastest(data: TrialData, bursts: list[Burst]) -> dict[Arrow, Gain]:
    """Return how long the fastest of the bursts' best answers took on each way."""
    wanted = {(burst.host, burst.peer, burst.t_ns) for burst in bursts}
    by_pair: dict[tuple[Epoch, Epoch], list[Event]] = defaultdict(list)
    for e in data.events("probe", STAMPS):
        sent_ns = e.t_ns - (e.mono_ns - e.t1_ns)
        if e.flow == "path" and e.t1_ns and e.peer_boot and (e.host, e.peer, sent_ns) in wanted:
            by_pair[e.epoch, Epoch(e.peer, e.peer_boot)].append(e)
    took: dict[Arrow, list[Interval]] = defaultdict(list)
    for (own, peer), events in by_pair.items():
        t1, t2, t3, t4 = (
            np.asarray([getattr(e, name) for e in events], dtype=np.int64)
            for name in STAMPS.split()[-4:]
        )
        took[own.host, peer.host].append(data.timeline.latency(own, t1, peer, t2))
        took[peer.host, own.host].append(data.timeline.latency(peer, t3, own, t4))
    least = {
        way: Gain(*(float(min(each.min() for each in ends)) for ends in zip(*own, strict=True)))
        for way, own in took.items()
    }
    return {way: gain for way, gain in least.items() if np.isfinite(gain).all()}


def _gain(during: Gain, before: Gain) -> Gain:
    return Gain(
        during.ns - before.ns, during.least_ns - before.most_ns, during.most_ns - before.least_ns
    )


def _ms(ns: float) -> float:
    return round(ns / 1e6, 3)
