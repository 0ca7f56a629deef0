"""Losses of packets: the share of exchanges that failed, over the whole window and its parts.

An exchange is a question and an answer and needs both ways; which way a packet was dropped is known
from the counters of the host that it arrived at.
"""

import math
from collections.abc import Iterator
from statistics import NormalDist
from typing import Any, NamedTuple

from faults.model import bursts
from metrics.fault_checks import effect_gaps, fault_records, probe_bursts
from metrics.fault_checks.fault_check import AS_ASKED, FaultCheck, Found
from metrics.fault_checks.path_exchanges import DISTURBED, FEW, failed, unprobed
from metrics.fault_checks.probe_bursts import Beside, Burst, Pair
from metrics.fault_checks.shares import OUTSIDE, ROUNDING, Z_95, Z_CERTAIN, holds, one_way, wilson
from metrics.intake.trial import TrialData
from metrics.model.plan import PlannedFault
from metrics.model.zones import PlannedZones

PARTS = 5
"""Fifths: any two fifths of a window hold one of them whole."""
CHANCE = 1e-4
"""How often chance alone may make some part of a good loss look as if it had been gone."""


def loss(data: TrialData, fault: PlannedFault, found: list[Burst]) -> Found:
    """Return the share lost one way, from exchanges that need both ways, with its 95 % interval.

    by_receiver: packets dropped of those that arrived, as each receiver's kernel counted. Wrong is,
    too, a part of the window in which fewer were lost than chance allows: each run of its fifths is
    looked at, for all pairs together and for each. How short a part is seen depends on how many
    exchanges there were in it. A pair that lost more than chance allows over the whole window is
    wrong as well. On top of other losses, only what those let through counts as sent.
    """
    wanted = probe_bursts.pairs_of(fault)
    between = [burst for burst in found if burst.pair in wanted]
    beside = probe_bursts.beside(data, fault, between, lambda kind: kind.loses)
    chosen, wider = _let_through(beside, data.plan.cell_of(data.planned).zones)
    burst = float(fault.asked.get("burst", 1))
    if burst > 1:
        wider *= math.sqrt(bursts.spread(float(fault.asked["share"]), burst))
    sent, received = sum(b.sent for b in beside.during), sum(b.received for b in chosen)
    measured: dict[str, Any] = {"sent": sent, "lost": sent - received, "by_receiver": {}}
    for host, counted in fault_records.last_read_back(data, fault, "healed").items():
        chains = counted.get("dropped")
        if isinstance(chains, dict) and "seen" in counted:
            own = {"lost": int(chains.get("input", 0)), "sent": int(counted["seen"])}
            measured["by_receiver"][host] = own
    if lengths := _lengths(data, fault):
        measured["burst"] = round(lengths[0] / lengths[1], 3)
        measured["bursts"] = lengths[1]
    if not sent:
        return measured, "no path probes to measure the loss with"
    asked = float(fault.asked.get("share", 0.0))
    if beside.under:
        measured["under"] = beside.others
    low, high = _edges(chosen, Z_95 * wider)
    measured["share"] = round(one_way(1 - received / sum(b.sent for b in chosen)), 5)
    measured["share_ci"] = [round(low, 5), round(high, 5)]
    strayed = _strayed(data, fault, chosen, asked, wider)
    if strayed:
        return measured, strayed
    if not holds(asked, _edges(chosen, Z_CERTAIN * wider)):
        share = 100 * measured["share"]
        return measured, f"{share:.3g} % of the packets were lost"
    wrong = unprobed(data, fault, found, wanted)
    word = AS_ASKED if holds(asked, (low, high)) else OUTSIDE
    wrong = wrong or _other_bursts(measured, fault)
    return measured | ({} if wrong else {"judged": word}), wrong


def _lengths(data: TrialData, fault: PlannedFault) -> tuple[int, int] | None:
    """Return packets lost and bursts, as holders counted; None where none did, or none was asked
    for.
    """
    if "burst" not in fault.asked:
        return None
    lost = count = 0
    for said in fault_records.last_read_back(data, fault, "healed").values():
        holder = said.get("holder")
        if isinstance(holder, dict):
            lost, count = lost + int(holder.get("lost", 0)), count + int(holder.get("bursts", 0))
    return (lost, count) if count else None


def _other_bursts(measured: dict[str, Any], fault: PlannedFault) -> str:
    """Return how long bursts were where chance does not allow that, "" where it does."""
    if "burst" not in measured:
        return ""
    asked, have = float(fault.asked["burst"]), float(measured["burst"])
    varies = math.sqrt(asked * (asked - 1) / measured["bursts"])
    return "" if abs(have - asked) <= Z_CERTAIN * varies else f"bursts of {have:g} on average"


class Exchanges(NamedTuple):
    """A burst's exchanges: how many were sent that other losses would have let through."""

    pair: Pair
    sent: float
    received: int
    sent_ns: tuple[float, float]


def _let_through(beside: Beside, zones: PlannedZones | None) -> tuple[list[Exchanges], float]:
    """Return the exchanges to judge by, and how much wider chance is for what others let through
    being measured, too. What zones lose was measured with the others, else it is what is asked.
    """
    passed: dict[Pair, float] = {}
    for pair in beside.under:
        own = [burst for burst in beside.before if burst.pair == pair]
        passed[pair] = sum(b.received for b in own) / (sum(b.sent for b in own) or 1)
    chosen = []
    for burst in beside.during:
        let = 1.0 if zones is None else (1 - zones.lost_ppm(*burst.pair) / 1e6) ** 2
        sent = max(burst.sent * passed.get(burst.pair, let), ROUNDING)
        chosen.append(Exchanges(burst.pair, sent, burst.received, burst.sent_ns))
    layered = [burst for burst in beside.during if burst.pair in passed]
    held_against = [burst for burst in beside.before if burst.pair in passed]
    return chosen, math.sqrt(1 + len(layered) / (len(held_against) or 1))


def _strayed(
    data: TrialData, fault: PlannedFault, chosen: list[Exchanges], asked: float, wider: float
) -> str:
    """Return between whom and when less or more was lost than chance allows, "" where none was.

    The part that shows it most clearly is told; that of all pairs goes first.
    """
    by_pair: dict[str, list[Exchanges]] = {"": chosen}
    for burst in sorted(chosen, key=lambda each: each.pair):
        by_pair.setdefault(" between {} and {}".format(*burst.pair), []).append(burst)
    window = fault_records.in_force_ns(data, fault)
    runs = PARTS * (PARTS + 1) // 2
    z = wider * NormalDist().inv_cdf(1 - CHANCE / (runs * len(by_pair)))
    for whom, own in by_pair.items():
        limits = [(_edges(part, z)[1], part) for part in _runs(own, window) if part]
        most, part = min(limits, key=lambda limit: limit[0], default=(1.0, []))
        if most < asked - ROUNDING:
            return _told(part, whom)
        if own and _edges(own, z)[0] > asked + ROUNDING:
            return _told(own, whom)
    return ""


def _told(part: list[Exchanges], whom: str) -> str:
    sent, received = sum(b.sent for b in part), sum(b.received for b in part)
    share = 100 * one_way(1 - received / sent)
    when = effect_gaps.words(edge for burst in part for edge in burst.sent_ns)
    return f"{share:.3g} % of the packets were lost{whom} {when}"


def _edges(part: list[Exchanges], z: float) -> tuple[float, float]:
    """Return the least and the largest loss of one way that chance allows for what was lost."""
    sent, received = sum(b.sent for b in part), sum(b.received for b in part)
    low, high = wilson(sent - received, sent, z)
    return one_way(low), one_way(high)


def _runs(own: list[Exchanges], window: tuple[float, float]) -> Iterator[list[Exchanges]]:
    """Yield the bursts of each run of fifths of the window."""
    start_ns, end_ns = window
    each_ns = max((end_ns - start_ns) / PARTS, 1.0)
    fifths: list[list[Exchanges]] = [[] for _ in range(PARTS)]
    for burst in own:
        fifths[min(max(int((burst.sent_ns[1] - start_ns) // each_ns), 0), PARTS - 1)].append(burst)
    for length in range(PARTS, 0, -1):
        for first in range(PARTS - length + 1):
            yield [burst for fifth in fifths[first : first + length] for burst in fifth]


def _words(found: dict[str, Any]) -> list[str]:
    """Return the share, what failed, and what the kernels counted, by host where these are few."""
    parts = []
    if "share" in found:
        low, high = (100 * edge for edge in found["share_ci"])
        parts.append(f"{100 * found['share']:.3g} % lost one way ({low:.3g} to {high:.3g} %)")
    if under := found.get("under"):
        parts.append(f"on top of {', '.join(under)}")
    if "burst" in found:
        parts.append(f"in {found['bursts']} bursts of {found['burst']:.3g} on average")
    parts.append(failed(found))
    shares = {
        host: f"{100 * own['lost'] / own['sent']:.3g} %"
        for host, own in sorted(found["by_receiver"].items())
        if own["sent"]
    }
    if len(shares) > FEW:
        values = sorted(shares.values(), key=lambda text: float(text.split()[0]))
        parts.append(f"{len(shares)} hosts dropped {values[0]} to {values[-1]} of what arrived")
    elif shares:
        each = ", ".join(f"{x} at {host}" for host, x in shares.items())
        parts.append(f"dropped on arrival: {each}")
    return parts


CHECKS = (
    FaultCheck(
        kinds=("loss", "corrupt"),
        measure=loss,
        words=_words,
        name="Loss measured",
        formula="1 − √(answered / sent) of the exchanges between the pairs, with Wilson's 95 % "
        "interval, within which a loss is as asked; at each receiver, packets dropped of those "
        "that arrived, by its kernel.",
        left_out=f"{DISTURBED} Where others always do: what they let through without the fault.",
        assumes="Both ways lose alike, and packets independently of each other; in bursts the "
        "interval is wider, as if every packet between the pairs were a probe. What is corrupted "
        "is dropped by its checksum.",
        source="Wilson 1927, JASA 22",
    ),
)
