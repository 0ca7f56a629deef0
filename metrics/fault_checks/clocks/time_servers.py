"""What time servers tell the targets: lies, and silence.

The time told is the wall clock less the offset that a check found: it does not depend on what a
time daemon that follows the lie does to the clock.
"""

import itertools
import statistics
from typing import Any, NamedTuple

import numpy as np

from metrics.fault_checks import effect_gaps, fault_records
from metrics.fault_checks.clocks import clock_readings
from metrics.fault_checks.effect_gaps import Stretch
from metrics.fault_checks.fault_check import AS_ASKED, FaultCheck, Found
from metrics.fault_checks.probe_bursts import MARGIN_NS, Burst
from metrics.intake.trial import Event, TrialData
from metrics.model.number_text import number
from metrics.model.plan import PlannedFault

BEFORE_NS = 60_000_000_000
LIE_ERROR_NS, LIE_ERROR_SHARE = 10_000_000, 0.05
SURE_NS = 2_000_000
"""How near to what was asked, beyond the bound, a lie is as asked."""
POLL_NS = 10_000_000_000
"""How often a node asks its servers, unless its record shows that it does so more rarely."""
COLUMNS = "offset_ns bound_ns rtt_ns source reason"
STEPPED = "clock_stepped"
"""The reason of a check that was made while the clock stepped: its line was stamped after that."""


class Told(NamedTuple):
    """What one check was told: when, how far ahead of true time, and the error of that."""

    t_ns: float
    ahead_ns: float
    bound_ns: float


def lie(data: TrialData, fault: PlannedFault, _: list[Burst]) -> Found:
    """Return how far the time told by the servers moved, and where the clock itself was.

    Wrong is a single check in the window that was told less than half of the lie or more than one
    and a half of it, beyond its bound: answers do not stray. `clock_is` shows the clock apart.
    Where checks are too far apart to have seen the whole window, the word says so.
    """
    asked_ns = int(fault.asked.get("by_ns", 0))
    window = clock_readings.judged_window(data, fault)
    told: dict[str, float] = {}
    bounds: list[float] = []
    gone: list[str] = []
    partly: list[str] = []
    for host in fault.targets:
        earlier = _told(data, host, (fault.at_ns - BEFORE_NS, fault.at_ns - MARGIN_NS))
        lasting = _told(data, host, window)
        if not earlier or not lasting:
            continue
        base = _typical(earlier)
        own = _typical(lasting)
        told[host] = own.ahead_ns - base.ahead_ns
        bounds.append(base.bound_ns + own.bound_ns)
        gone += _not_lied(host, lasting, base, asked_ns)
        partly += _unchecked(host, earlier, lasting, window)
    measured: dict[str, Any] = agents_say(data, fault, "ntp_offset_ns") | saw(data, fault)
    measured |= _clock_is(data, fault)
    if not told:
        return measured | {"ntp_offset_ns": None}, ""
    worst = max(told.values(), key=lambda ns: abs(ns - asked_ns))
    bound = max(bounds)
    measured |= {"ntp_offset_ns": round(worst), "ntp_offset_bound_ns": round(bound)}
    off = worst - asked_ns
    if gone:
        return measured, gone[0]
    if abs(off) > bound + LIE_ERROR_NS + abs(asked_ns) * LIE_ERROR_SHARE:
        return measured, f"what the servers told moved by {worst / 1e6:.0f} ms"
    return measured | {"judged": _word(off, bound, asked_ns, partly)}, ""


def _word(off: float, bound: float, asked_ns: int, partly: list[str]) -> str:
    """Return the word for a lie that is off by so much, with that bound."""
    resolution_ns = 2 * (bound + SURE_NS)
    if abs(asked_ns) < resolution_ns:
        return effect_gaps.too_small(f"{resolution_ns / 1e6:.1f} ms")
    if abs(off) > bound + SURE_NS:
        return f"off by {off / 1e6:+.1f} ms"
    return partly[0] if partly else AS_ASKED


def _typical(found: list[Told]) -> Told:
    """Return the medians of some checks."""
    return Told(*(statistics.median(column) for column in zip(*found, strict=True)))


def _not_lied(host: str, lasting: list[Told], base: Told, asked_ns: int) -> list[str]:
    """Return a finding with the time in which checks were told something else than the lie."""
    off = [
        check.t_ns for check in lasting
        if abs(check.ahead_ns - base.ahead_ns - asked_ns)
        > abs(asked_ns) / 2 + SURE_NS + check.bound_ns + base.bound_ns
    ]  # fmt: skip
    return [f"{host} was not lied to as asked {effect_gaps.words(off)}"] if off else []


def _unchecked(host: str, earlier: list[Told], lasting: list[Told], window: Stretch) -> list[str]:
    """Return a finding where a host asked no server for longer than two of its polls and a half."""
    apart = [b.t_ns - a.t_ns for a, b in itertools.pairwise(earlier)]
    poll_ns = max(POLL_NS, statistics.median(apart) if apart else 0.0)
    gap = effect_gaps.unseen((check.t_ns for check in lasting), window, 2.5 * poll_ns)
    return [f"no check of {host} {effect_gaps.words(gap)}"] if gap else []


def _clock_is(data: TrialData, fault: PlannedFault) -> dict[str, Any]:
    """Return {clock_is: where the targets' clocks were in the last third}, {} when unknown."""
    last_ns = fault.at_ns + 2 * (fault.end_ns - fault.at_ns) // 3
    clocks = []
    for host in fault.targets:
        own = clock_readings.stamps(data, host, (last_ns, fault.end_ns - MARGIN_NS))
        if len(own.mono) and np.isfinite(own.lo).all():
            clocks.append(own.middle())
    return {"clock_is": clock_readings.offset(clocks)["offset_ns"]} if clocks else {}


def silence_of_servers(data: TrialData, fault: PlannedFault, _: list[Burst]) -> Found:
    """Return how many of the targets' NTP questions were answered before and during the fault."""
    checks = _checks(data, fault.targets)
    before = [event for event in checks if event.t_ns < fault.at_ns - MARGIN_NS]
    begun_ns = fault.at_ns + 2 * MARGIN_NS
    during = [event for event in checks if begun_ns < event.t_ns < fault.end_ns]
    arrived = [event for event in during if event.rtt_ns]
    measured = {
        "checks_answered": len(arrived),
        "checks": len(during),
        "answered_before": sum(bool(event.rtt_ns) for event in before),
        "checks_before": len(before),
    }
    if arrived:
        hosts = ", ".join(sorted({event.host for event in arrived}))
        when = effect_gaps.words(event.t_ns for event in arrived)
        return measured, f"{len(arrived)} NTP answers arrived at {hosts} {when}"
    return measured | ({"judged": AS_ASKED} if during else {}), ""


def _checks(data: TrialData, hosts: list[str]) -> list[Event]:
    """Return the hosts' questions to time servers, answered or not."""
    found = data.events("clock", COLUMNS)
    return [event for event in found if event.host in hosts and event.source]


def _told(data: TrialData, host: str, window: Stretch) -> list[Told]:
    """Return what each check in the window was told, by time.

    Where the line is not tied to wall time, against T0 on the host's own raw clock: less exact.
    """
    found = []
    for event in _checks(data, [host]):
        inside = window[0] <= event.t_ns < window[1]
        if not event.bound_ns or not event.rtt_ns or not inside or event.reason == STEPPED:
            continue
        half_ns = (event.hi_ns - event.lo_ns) / 2
        told_ns = event.wall_ns - event.offset_ns - data.file.t0_wall_ns
        if np.isfinite(half_ns):
            found.append(Told(event.t_ns, told_ns - event.t_ns, event.bound_ns + half_ns))
        else:
            found.append(Told(event.t_ns, float(told_ns - event.mono_ns), float(event.bound_ns)))
    return sorted(found)


def saw(data: TrialData, fault: PlannedFault) -> dict[str, Any]:
    """Return the largest offset that the targets' NTP checks found while the fault lasted."""
    checks = [
        event
        for event in _checks(data, fault.targets)
        if fault.at_ns < event.t_ns < fault.end_ns and event.bound_ns
    ]
    found: dict[str, Any] = {"ntp_checks": len(checks)}
    if checks:
        worst = max(checks, key=lambda check: abs(check.offset_ns))
        found["ntp_offset_ms"] = round(worst.offset_ns / 1e6, 3)
        found["ntp_bound_ms"] = round(worst.bound_ns / 1e6, 3)
    return found


def agents_say(
    data: TrialData, fault: PlannedFault, key: str, *, state: str = "installed"
) -> dict[str, Any]:
    """Return what the hosts' own agents read back, by host, and whether NTP agrees again."""
    said = {
        host: found[key]
        for host, found in fault_records.last_read_back(data, fault, state).items()
        if isinstance(found.get(key), int)
    }
    again = {}
    for host, found in fault_records.last_read_back(data, fault, "healed").items():
        after = found.get("ntp_after")
        if isinstance(after, dict):
            again[host] = "" if after.get("verified") else str(after.get("reason") or "no")
    return ({f"agent_{key}": said} if said else {}) | ({"ntp_after": again} if again else {})


def words(found: dict[str, Any]) -> list[str]:
    """Return what the targets were told of the time, and whether NTP agrees again."""
    parts = []
    if "ntp_offset_bound_ns" in found:
        value, bound = found["ntp_offset_ns"] / 1e6, found["ntp_offset_bound_ns"] / 1e6
        parts.append(f"the time told moved by {value:+.1f} ± {number(bound)} ms")
    elif found.get("ntp_offset_ns", 0) is None:
        parts.append("no NTP check of the node fell into it")
    for host, value in found.get("agent_ntp_offset_ns", {}).items():
        parts.append(f"{host} itself was told {value / 1e6:+.1f} ms")
    if "ntp_offset_ms" in found:
        parts.append(f"NTP says {found['ntp_offset_ms']:+.1f} ± {number(found['ntp_bound_ms'])} ms")
    if "clock_is" in found:
        parts.append(f"the clock is {clock_readings.offset_text(found['clock_is'])}")
    if "checks" in found:
        parts.append(
            f"{found['checks_answered']} of {found['checks']} NTP checks answered "
            f"({found['answered_before']} of {found['checks_before']} before)"
        )
    for host, reason in found.get("ntp_after", {}).items():
        parts.append(f"afterwards NTP agrees on {host}" if not reason else
                     f"afterwards not verified on {host}: {reason}")  # fmt: skip
    return parts


CHECKS = (
    FaultCheck(
        kinds=("ntp_offset",),
        measure=lie,
        words=words,
        name="Shifted NTP answers measured",
        formula="Median of (wall clock − offset found − true time) over the checks during the "
        "fault, minus that before. One check told less than half of the lie, or half as much "
        "again, beyond its bound makes the fault indeterminate. As asked: within the bound of "
        f"both medians and {SURE_NS / 1e6:g} ms.",
        left_out="Half a second at each end; checks without an answer.",
        assumes="True time is that of the hosts whose servers are not bent.",
    ),
    FaultCheck(
        kinds=("ntp_cut",),
        measure=silence_of_servers,
        words=words,
        name="Cut NTP measured",
        formula="Checks of the hosts answered of those asked, before and during; none may be.",
        left_out="The first second.",
        assumes="A node writes each check, answered or not.",
    ),
)
