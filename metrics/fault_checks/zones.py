"""Round trips between zones: what each pair of hosts took, beside what was asked of it.

No clock is involved, and no baseline: what counts is how long a round trip takes in all. Of a burst
its fastest answer counts, as waiting for a busy host only adds.
"""

from dataclasses import dataclass, field
from statistics import median
from typing import Any

from metrics.fault_checks import effect_gaps, probe_bursts
from metrics.fault_checks.fault_check import AS_ASKED, Found
from metrics.fault_checks.path_exchanges import FEW, unprobed
from metrics.fault_checks.probe_bursts import Burst
from metrics.intake.trial import TrialData
from metrics.model.method import Method
from metrics.model.plan import PlannedFault
from metrics.model.quantiles import COVERAGE, sign_rank
from metrics.model.zones import PlannedZones

ERROR_NS, ERROR_SHARE = 2_000_000, 0.05
"""So far a round trip may be off: the greater of the two."""
GONE_BURSTS = 2
"""So many bursts of one pair that are faster than asked are no stray."""
NOTHING = "nothing asked"


@dataclass(slots=True)
class _Way:
    """Probes from one host to another: when each burst was sent, and its fastest round trip."""

    source: str
    target: str
    asked_ns: int | None
    bursts: list[tuple[float, int]] = field(default_factory=list)

    @property
    def rtts_ns(self) -> list[int]:
        return [rtt_ns for _, rtt_ns in self.bursts]

    @property
    def off_ns(self) -> float:
        """Return how far the middle round trip is from the one asked."""
        return median(self.rtts_ns) - (self.asked_ns or 0)

    @property
    def wrong(self) -> str:
        """Return how the round trips differ from what was asked, "" where they do not."""
        if self.asked_ns is None:
            return ""
        who, asked = f"{self.source} to {self.target}", f"{self.asked_ns / 1e6:g} ms"
        if not self.bursts:
            return f"{who}: no probe that nothing else disturbs"
        slack_ns = max(ERROR_NS, ERROR_SHARE * self.asked_ns)
        if abs(self.off_ns) > slack_ns:
            return f"{who}: {(self.asked_ns + self.off_ns) / 1e6:.1f} ms, not {asked}"
        fast = [t_ns for t_ns, rtt_ns in self.bursts if rtt_ns < self.asked_ns - slack_ns]
        if len(fast) >= GONE_BURSTS:
            return f"{who}: less than {asked} {effect_gaps.words(fast)}"
        return ""


def measure(data: TrialData, zones: PlannedZones, fault: PlannedFault, found: list[Burst]) -> Found:
    """Return a row for each pair of zones, from one to the other, and what is plainly wrong.

    {matrix, zones: [{from, to, asked_ms, rtt_ms, interval_ms, bursts, worst: {pair, rtt_ms},
    judged}]}; worst: the two hosts whose middle round trip is the furthest off.
    """
    ways = {
        (a, b): _Way(a, b, zones.between(a, b)) for a in zones.hosts for b in zones.hosts if a != b
    }
    for burst in probe_bursts.during(data, fault, found, lambda kind: kind.slows or kind.loses):
        if burst.rtts_ns and (burst.host, burst.peer) in ways:
            ways[burst.host, burst.peer].bursts.append((burst.t_ns, min(burst.rtts_ns)))
    between: dict[tuple[str, str], list[_Way]] = {}
    for (a, b), way in ways.items():
        between.setdefault((zones.hosts[a], zones.hosts[b]), []).append(way)
    order = list(dict.fromkeys(zones.hosts.values()))
    pairs = sorted(between, key=lambda pair: (order.index(pair[0]), order.index(pair[1])))
    rows = [_row(*pair, between[pair]) for pair in pairs]
    wrong = [way.wrong for pair in pairs for way in between[pair] if way.wrong]
    more = [f"and {len(wrong) - FEW} pairs more"] if len(wrong) > FEW else []
    unseen = unprobed(data, fault, found, probe_bursts.pairs_of(fault))
    return {"matrix": zones.matrix, "zones": rows}, "; ".join([*wrong[:FEW], *more]) or unseen


def _row(one: str, other: str, ways: list[_Way]) -> dict[str, Any]:
    """Return what was asked and measured from one zone to another."""
    asked_ns = ways[0].asked_ns
    row: dict[str, Any] = {
        "from": one,
        "to": other,
        "asked_ms": None if asked_ns is None else asked_ns / 1e6,
        "rtt_ms": None,
        "interval_ms": None,
        "bursts": sum(len(way.bursts) for way in ways),
        "worst": None,
        "judged": "; ".join(way.wrong for way in ways if way.wrong) or AS_ASKED,
    }
    if asked_ns is None:
        row["judged"] = NOTHING
    if every := sorted(rtt_ns for way in ways for rtt_ns in way.rtts_ns):
        rank = max(1, sign_rank(len(every)))
        worst = max((way for way in ways if way.bursts), key=lambda way: abs(way.off_ns))
        row["rtt_ms"] = round(median(every) / 1e6, 3)
        row["interval_ms"] = [round(ns / 1e6, 3) for ns in (every[rank - 1], every[-rank])]
        row["worst"] = {
            "pair": f"{worst.source}-{worst.target}",
            "rtt_ms": round(median(worst.rtts_ns) / 1e6, 3),
        }
    return row


def words(found: dict[str, Any]) -> str:
    """Return what was measured of all zones, and which two hosts are the furthest off."""
    rows = [row for row in found["zones"] if row["asked_ms"] is not None]
    seen = [row for row in rows if row["worst"]]
    as_asked = sum(row["judged"] == AS_ASKED for row in rows)
    text = f"{as_asked} of {len(rows)} ways between zones {AS_ASKED}"
    if not seen:
        return text
    worst = max(seen, key=lambda row: abs(row["worst"]["rtt_ms"] - row["asked_ms"]))
    pair, rtt_ms = worst["worst"]["pair"], worst["worst"]["rtt_ms"]
    return f"{text}; the furthest off is {pair}: {rtt_ms:.1f} ms, asked {worst['asked_ms']:g} ms"


METHOD = Method(
    name="Round trips between zones",
    figures=("zones",),
    formula="Median over the bursts of path probes from all hosts of one zone to all of the other: "
    "of each burst its fastest answer; in brackets the interval that holds this median in "
    f"{100 * COVERAGE:g} % of cases, by the sign test. As asked: the median of every two hosts by "
    f"themselves is within {ERROR_SHARE:.0%} or {ERROR_NS / 1e6:g} ms, and at most one of their "
    "bursts is faster than that. The path's own round trip is part of it.",
    left_out="Probes while a fault loses or slows them; those not sure to fall within the trial.",
    assumes="Path probes share the fate of the data. No clock.",
)
