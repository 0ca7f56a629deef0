"""Round trips between zones: what each pair of hosts took, beside what was asked of it; and losses,
by themselves.

No clock is involved, and no baseline: what counts is how long a round trip takes in all. Of a burst
its fastest answer counts, as waiting for a busy host only adds.
"""

from dataclasses import dataclass, field
from itertools import permutations
from statistics import median
from typing import Any

from metrics.fault_checks import effect_gaps, probe_bursts
from metrics.fault_checks.fault_check import AS_ASKED, Found
from metrics.fault_checks.path_exchanges import FEW, unprobed
from metrics.fault_checks.probe_bursts import Burst
from metrics.fault_checks.shares import Z_95, Z_CERTAIN, holds, one_way, wilson
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
    lost_ppm: int | None
    bursts: list[tuple[float, int]] = field(default_factory=list)
    sent: int = 0
    received: int = 0

    @property
    def rtts_ns(self) -> list[int]:
        return [rtt_ns for _, rtt_ns in self.bursts]

    @property
    def off_ns(self) -> float:
        """Return how far the middle round trip is from the one asked."""
        return median(self.rtts_ns) - (self.asked_ns or 0)

    @property
    def wrong(self) -> str:
        """Return how round trips, or else losses, differ from those asked, "" where neither do."""
        return self._wrong_rtt or self._wrong_loss

    @property
    def _wrong_rtt(self) -> str:
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

    @property
    def _wrong_loss(self) -> str:
        if self.lost_ppm is None or not self.sent:
            return ""
        if holds(self.lost_ppm / 1e6, _loss(self.sent, self.received, Z_CERTAIN)):
            return ""
        low, high = (100 * edge for edge in _loss(self.sent, self.received, Z_95))
        asked = f"{self.lost_ppm / 1e4:g} %"
        return f"{self.source} to {self.target}: {low:.3g} to {high:.3g} % lost, not {asked}"


def measure(data: TrialData, zones: PlannedZones, fault: PlannedFault, found: list[Burst]) -> Found:
    """Return a row for each pair of zones, from one to the other, and what is plainly wrong.

    {matrix, zones: [{from, to, asked_ms, rtt_ms, interval_ms, bursts, worst: {pair, rtt_ms},
    judged}]}; worst: the two hosts whose middle round trip is the furthest off. Where losses are
    asked, also lost: {asked, share, share_ci, sent}, shares of one way.
    """
    ways = {
        (a, b): _Way(a, b, zones.between(a, b), zones.lost_ppm(a, b) if zones.losses else None)
        for a, b in permutations(zones.hosts, 2)
    }
    for burst in probe_bursts.during(data, fault, found, lambda kind: kind.slows or kind.loses):
        if (way := ways.get((burst.host, burst.peer))) is None:
            continue
        way.sent, way.received = way.sent + burst.sent, way.received + burst.received
        if burst.rtts_ns:
            way.bursts.append((burst.t_ns, min(burst.rtts_ns)))
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
    lost_ppm, sent = ways[0].lost_ppm, sum(way.sent for way in ways)
    if asked_ns is None and not lost_ppm:
        row["judged"] = NOTHING
    if lost_ppm is not None and sent:
        received = sum(way.received for way in ways)
        low, high = _loss(sent, received, Z_95)
        row["lost"] = {
            "asked": lost_ppm / 1e6, "share": round(one_way(1 - received / sent), 5),
            "share_ci": [round(low, 5), round(high, 5)], "sent": sent,
        }  # fmt: skip
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


def _loss(sent: int, received: int, z: float) -> tuple[float, float]:
    """Return the least and the largest loss of one way that chance allows for what was lost."""
    low, high = wilson(sent - received, sent, z)
    return one_way(low), one_way(high)


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
    text = f"{text}; the furthest off is {pair}: {rtt_ms:.1f} ms, asked {worst['asked_ms']:g} ms"
    if lost := [row for row in found["zones"] if row.get("lost")]:
        row = max(lost, key=lambda row: abs(row["lost"]["share"] - row["lost"]["asked"]))
        share, asked = 100 * row["lost"]["share"], 100 * row["lost"]["asked"]
        who = f"{row['from']} to {row['to']}"
        text = f"{text}; of losses {who}: {share:.3g} %, asked {asked:g} %"
    return text


METHOD = Method(
    name="Round trips between zones",
    figures=("zones",),
    formula="Median over the bursts of path probes from all hosts of one zone to all of the other: "
    "of each burst its fastest answer; in brackets the interval that holds this median in "
    f"{100 * COVERAGE:g} % of cases, by the sign test. As asked: the median of every two hosts by "
    f"themselves is within {ERROR_SHARE:.0%} or {ERROR_NS / 1e6:g} ms, and at most one of their "
    "bursts is faster than that. The path's own round trip is part of it. Where losses are asked: "
    "1 − √(answered / sent) with Wilson's 95 % interval; wrong is what chance does not allow.",
    left_out="Probes while a fault loses or slows them; those not sure to fall within the trial.",
    assumes="Path probes share the fate of the data. No clock.",
)
