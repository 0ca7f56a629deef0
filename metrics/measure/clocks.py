"""Clock quality of a trial, per host and per pair: what bounds the figures, how clocks behaved."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from metrics.intake.clock_pairs import CRYSTAL_PPM, PAIR_WANDER_PPM, UNFITTED_PPM
from metrics.intake.offset_fits import WIDEST_PPM
from metrics.intake.timeline import LIE_LINGERS_NS, SETTLE_NS, WALL_WANDER_PPM
from metrics.intake.trial import Event, TrialData
from metrics.measure.blocks import ChainView
from metrics.measure.metric import DOUBT, Figures, Metric, Pool, Table
from metrics.model.arrays import Ints
from metrics.model.method import Method
from metrics.model.quantiles import quantile
from metrics.model.shapes import each, part

CLOCK = "offset_ns bound_ns verified reason"


@dataclass(frozen=True, slots=True)
class Clocks:
    """The NTP checks of a trial that a source answered, and the figures of each host's clock.

    offset_ns of a check: node clock - true time, within bound_ns. pairs: the figures of each probed
    pair. zero: of how many bursts the bounds hold a zero offset, the score on one shared clock.
    """

    checks: list[Event]
    hosts: dict[str, Figures]
    pairs: list[Figures]
    closure_ns: float | None
    zero: int
    bursts: int


def measure(data: TrialData, chain: ChainView) -> Clocks:
    """Return what the trial tells of its hosts' clocks."""
    checks = [e for e in data.events("clock", CLOCK) if e.bound_ns]
    pairs = _pairs(data)
    hosts = _hosts(data, checks, pairs)
    return Clocks(checks, hosts, pairs, data.timeline.closure_ns(), *_zero_inside(data))


def pool(over: Pool[Clocks]) -> Figures:
    """Return the `clock` part of M: of the last trial, for no phase alone."""
    return {"clock": over.trials[-1][1].hosts if over.whole else {}}


def _pairs(data: TrialData) -> list[Figures]:
    """Return, for each probed pair a < b: half widths, drift and the offset at mid-trial, in ns.

    The worst half width is that from its first probe to its last, gaps included.
    """
    found = []
    for (a, b), band in sorted(data.timeline.pairs.items()):
        if a < b:
            middle = len(band.times) // 2
            low, high = band.at(band.times[middle : middle + 1])
            found.append(
                {
                    "a": a.host,
                    "b": b.host,
                    "bound_median_ns": band.median_half_ns,
                    "bound_worst_ns": band.worst_half_ns,
                    "drift_ppm": round(band.slope * 1e6, 4),
                    "offset_ns": int(low[0] + (high[0] - low[0]) // 2),
                    "bursts": len(band.times),
                }
            )
    return found


def _hosts(data: TrialData, checks: list[Event], between: list[Figures]) -> dict[str, Figures]:
    """Return {host: bounds against peers, NTP offset, abstentions...}."""
    abstained = {
        (e.host, e.slot, e.producer)
        for e in data.events("abstained", "slot producer reason")
        if e.reason.startswith("clock")
    }
    due = data.columns("slot_due", "wake_error_ns")
    due_hosts = data.epoch_hosts[due["epoch"]]
    result: dict[str, Figures] = {}
    for host in (planned.host for planned in data.plan.hosts):
        own = [e for e in checks if e.host == host]
        verified = [e for e in own if e.verified]
        wake = np.sort(due["wake_error_ns"][due_hosts == host])
        result[host] = {
            "pair_bound_worst_ms": _worst_ms(
                pair["bound_worst_ns"] for pair in between if host in (pair["a"], pair["b"])
            ),
            "ntp_checks": len(own),
            "ntp_bound_worst_ms": _worst_ms(e.bound_ns for e in verified),
            "ntp_offset_worst_ms": _worst_ms(abs(e.offset_ns) for e in own),
            "verified_ratio": round(len(verified) / len(own), 4) if own else None,
            "abstained_clock": sum(each == host for each, _, _ in abstained),
            "wake_error_p50_ms": _late_ms(wake, 0.5),
            "wake_error_p99_ms": _late_ms(wake, 0.99),
        }
    return result


def _worst_ms(found_ns: Iterable[float]) -> float | None:
    worst_ns = max(found_ns, default=None)
    return None if worst_ns is None else round(worst_ns / 1e6, 6)


def _late_ms(found_ns: Ints, share: float) -> float | None:
    late_ns = quantile(found_ns.astype(np.float64), share)
    return None if late_ns is None else round(late_ns / 1e6, 4)


def _zero_inside(data: TrialData) -> tuple[int, int]:
    """Return (bursts whose bounds hold a zero offset, all)."""
    inside = total = 0
    for (a, b), band in data.timeline.pairs.items():
        if a < b:
            low, high = band.at(band.times)
            inside += int(((low <= 0) & (high >= 0)).sum())
            total += len(band.times)
    return inside, total


_METHODS = (
    Method(
        name="± between hosts",
        figures=("clock.*.pair_bound_worst_ms",),
        formula="Each probe puts the offset of two raw monotonic clocks between t3 − t4 and "
        "t2 − t1: half its round trip, whatever the asymmetry. Between probes the offset may leave "
        f"the fitted drift by {PAIR_WANDER_PPM} ppm and what the fit may be wrong by, without a "
        f"fit wander by {UNFITTED_PPM} ppm; what all probes allow is the bound. A latency "
        f"also carries {CRYSTAL_PPM} ppm of its length.",
        left_out="Probes across a standstill of a clock. Of several trials, the table of hosts "
        "shows the last.",
        assumes=f"No crystal is off by more than {CRYSTAL_PPM} ppm, no pair leaves its mean rate "
        f"by more than {PAIR_WANDER_PPM} ppm. Probes that contradict this widen the bound, with "
        f"a note; those that agree at no {WIDEST_PPM:g} ppm make the trial invalid.",
        source="Marzullo and Owicki 1983 (intervals of clocks); Cristian 1989 (half a round trip)",
    ),
    Method(
        name="± against slot times, and node clocks",
        figures=tuple(
            f"clock.*.{key}"
            for key in "ntp_checks ntp_bound_worst_ms ntp_offset_worst_ms verified_ratio "
            "abstained_clock wake_error_p50_ms wake_error_p99_ms".split()
        ),
        formula="True wall time lies within the bound of every verified NTP check, which may part "
        f"from a raw clock by {WALL_WANDER_PPM} ppm since. Of a host: its checks that a source "
        "answered, the widest bound of the verified ones, the largest offset, their share, slots "
        "it abstained from for the clock, and how late it woke for slots.",
        left_out="For true time, checks of a host whose clock or time servers a fault bends, "
        f"{SETTLE_NS / 1e9:g} s around it, {LIE_LINGERS_NS / 1e9:g} s after lies. Of several "
        "trials, the last is shown.",
        assumes="Time servers are right within what they say: offset, root dispersion, half the "
        "root delay. Checks that need true time to change its rate faster (a server slews) widen "
        f"the bound, with a note; those that agree at no {WIDEST_PPM:g} ppm make the trial "
        "invalid.",
        source="RFC 5905, root distance",
    ),
)
METRIC = Metric(
    measure=measure,
    pool=pool,
    adds={
        "clock": each(
            part(
                "Clock",
                ntp_checks=int,
                abstained_clock=int,
                **dict.fromkeys(
                    (
                        "pair_bound_worst_ms",
                        "ntp_bound_worst_ms",
                        "ntp_offset_worst_ms",
                        "verified_ratio",
                        "wake_error_p50_ms",
                        "wake_error_p99_ms",
                    ),
                    float | None,
                ),
            )
        )
    },
    methods=_METHODS,
    place=9,
    group=DOUBT,
    table=Table(
        "clock_checks",
        "a check of a node's clock that a time server answered",
        {
            "host": "whose node it is",
            "t_ns": "when it was",
            "offset_ns": "node's clock minus true time, as the server has it",
            "bound_ns": "by how much that may be wrong",
            "verified": "the node may produce",
            "reason": "why it may not",
        },
        lambda found: (
            (p.host, p.t_ns, p.offset_ns, p.bound_ns, p.verified, p.reason) for p in found.checks
        ),
    ),
)
