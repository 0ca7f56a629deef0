"""Faults of clocks and of time servers, measured on the targets' own events.

A step or a drift is a change of wall time against the host's raw monotonic clock, before and during
the fault: no other host is needed for it. How far the clock is off is told on the common time line,
with the bound of that. What NTP says is a third thing: a lie moves it, a time daemon may follow.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

import numpy as np

from metrics.fault_checks import fault_records
from metrics.fault_checks.path_faults import AS_ASKED, Found
from metrics.fault_checks.probes import MARGIN_NS
from metrics.intake.band import Floats, Ints
from metrics.intake.trial import Event, TrialData
from metrics.model.method import Method
from metrics.model.plan import PlannedFault

BEFORE_NS = 20_000_000_000
STEP_ERROR_NS, STEP_ERROR_SHARE = 10_000_000, 0.05
DRIFT_ERROR_PPB = 5_000
LIE_ERROR_NS = 10_000_000
BINS = 20
FEWEST = 4
MOVING = ("clock_step", "clock_drift")
KINDS = ("slot_due", "probe", "clock", "process")
"""Events whose two stamps tell of the clock: they come at all times."""
CHECK = "offset_ns bound_ns rtt_ns verified source"


@dataclass(frozen=True, slots=True)
class Stamps:
    """A host's clock readings in a window, by raw monotonic time: wall minus raw, and how far wall
    time is ahead of true time, between lo and hi.
    """

    mono: Ints
    gap: Ints
    lo: Floats
    hi: Floats

    def middle(self) -> dict[str, float]:
        """Return the median offset from true time and the medians of its bounds, in ns."""
        p50 = (np.median(self.lo) + np.median(self.hi)) / 2
        return {"p50": float(p50), "lo": float(np.median(self.lo)), "hi": float(np.median(self.hi))}


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line through readings: (mono, gap) on it, its rate and that rate's error."""

    mono: int
    gap: int
    slope: float
    slope_error: float

    def above(self, stamps: Stamps) -> Floats:
        """Return how far each reading lies above the line, in ns."""
        found: Floats = (stamps.gap - self.gap) - self.slope * (stamps.mono - self.mono)
        return found


def step(data: TrialData, fault: PlannedFault) -> Found:
    """Return how far the targets' wall clocks moved, where they were, and what NTP checks saw."""
    moved: dict[str, float] = {}
    offsets: list[dict[str, float]] = []
    daemon = fault.asked.get("level") == "daemon"
    lasted_ns = fault.end_ns - fault.at_ns
    for host in fault.targets:
        before = _fit(_before(data, fault, host))
        # A daemon needs a while to be led astray: it is judged by the last third of the fault.
        start_ns = fault.at_ns + (2 * lasted_ns // 3 if daemon else 0)
        own = _stamps(data, host, start_ns + MARGIN_NS, fault.end_ns - MARGIN_NS)
        if before is None or len(own.mono) == 0:
            continue
        moved[host] = float(np.median(before.above(own)))
        if np.isfinite(own.lo).all():
            offsets.append(own.middle())
    asked_ns = int(fault.asked.get("by_ns", 0))
    measured: dict[str, Any] = {"by_ms": {h: round(ns / 1e6, 3) for h, ns in moved.items()}}
    measured |= _offset(offsets) | _ntp_saw(data, fault) | _agents_say(data, fault, "step_ns")
    if len(moved) < len(fault.targets):
        return measured, "the target's clock was not seen before and during the fault"
    worst = max((ns - asked_ns for ns in moved.values()), key=abs, default=0)
    if abs(worst) > STEP_ERROR_NS + abs(asked_ns) * STEP_ERROR_SHARE:
        return measured, f"the clock moved {abs(worst) / 1e6:.0f} ms otherwise than asked"
    inside = all(o["lo"] <= asked_ns <= o["hi"] for o in offsets) if offsets else None
    small = abs(worst) <= STEP_ERROR_NS / 10
    word = AS_ASKED if inside or small else f"off by {worst / 1e6:+.1f} ms"
    return measured | {"judged": word}, ""


def drift(data: TrialData, fault: PlannedFault) -> Found:
    """Return how much faster the targets' wall clocks ran than before, in parts per 10^9.

    Before: at the rate the kernel was set to when the fault began, where the agent read that (a
    daemon may have been correcting just then), else as measured.
    """
    by_host: dict[str, dict[str, float]] = {}
    set_rates = fault_records.last_read_back(data, fault, fault_records.BEGAN)
    for host in fault.targets:
        before = _fit(_before(data, fault, host))
        lasting = _fit(_stamps(data, host, fault.at_ns + MARGIN_NS, fault.end_ns - MARGIN_NS))
        set_ppb = set_rates.get(host, {}).get("freq_before_ppb")
        if lasting is None:
            continue
        if isinstance(set_ppb, int):
            rate, error = set_ppb / 1e9, 0.0
        elif before is not None:
            rate, error = before.slope, before.slope_error
        else:
            continue
        by_host[host] = {
            "drift_ppb": round((lasting.slope - rate) * 1e9),
            "error_ppb": round((lasting.slope_error + error) * 1e9),
        }
    measured: dict[str, Any] = {"by_host": by_host}
    measured |= _ntp_saw(data, fault) | _agents_say(data, fault, "drift_ppb", state="healed")
    if len(by_host) < len(fault.targets):
        return measured, "the target's clock was not seen before and during the fault"
    asked = int(fault.asked.get("by_ppb", 0))
    worst = max(by_host.values(), key=lambda found: abs(found["drift_ppb"] - asked))
    measured |= {"drift_ppb": worst["drift_ppb"], "drift_error_ppb": worst["error_ppb"]}
    off = worst["drift_ppb"] - asked
    if abs(off) > worst["error_ppb"] + max(DRIFT_ERROR_PPB, abs(asked) // 2):
        return measured, f"the clock ran {worst['drift_ppb'] / 1000:+.1f} ppm fast"
    close = abs(off) <= DRIFT_ERROR_PPB + worst["error_ppb"]
    return measured | {"judged": AS_ASKED if close else f"off by {off / 1000:+.1f} ppm"}, ""


def lie(data: TrialData, fault: PlannedFault) -> Found:
    """Return how far the time told by the servers moved, and where the clock itself was.

    The time told is the wall clock less the offset that the check found, so what a daemon that
    follows the lie does to the clock changes nothing here; `clock_is` shows that apart.
    """
    told: dict[str, float] = {}
    bounds: list[float] = []
    clocks: list[dict[str, float]] = []
    for host in fault.targets:
        before = _told(data, host, fault.at_ns - 3 * BEFORE_NS, fault.at_ns - MARGIN_NS)
        lasting = _told(data, host, fault.at_ns + MARGIN_NS, fault.end_ns - MARGIN_NS)
        if before and lasting:
            moved = statistics.median(x for x, _ in lasting) - statistics.median(
                x for x, _ in before
            )
            told[host] = moved
            bounds.append(
                statistics.median(b for _, b in before) + statistics.median(b for _, b in lasting)
            )
        last_ns = fault.at_ns + 2 * (fault.end_ns - fault.at_ns) // 3
        own = _stamps(data, host, last_ns, fault.end_ns - MARGIN_NS)
        if len(own.mono) and np.isfinite(own.lo).all():
            clocks.append(own.middle())
    asked_ns = int(fault.asked.get("by_ns", 0))
    measured: dict[str, Any] = _agents_say(data, fault, "ntp_offset_ns") | _ntp_saw(data, fault)
    if clocks:
        measured["clock_is"] = _offset(clocks)["offset_ns"]
    if not told:
        return measured | {"ntp_offset_ns": None}, ""
    worst = max(told.values(), key=lambda ns: abs(ns - asked_ns))
    bound = max(bounds)
    measured |= {"ntp_offset_ns": round(worst), "ntp_offset_bound_ns": round(bound)}
    off = worst - asked_ns
    if abs(off) > bound + LIE_ERROR_NS + abs(asked_ns) * STEP_ERROR_SHARE:
        return measured, f"what the servers told moved by {worst / 1e6:.0f} ms"
    return measured | {"judged": AS_ASKED if abs(off) <= bound + LIE_ERROR_NS / 5
                       else f"off by {off / 1e6:+.1f} ms"}, ""  # fmt: skip


def silence_of_servers(data: TrialData, fault: PlannedFault) -> Found:
    """Return how many of the targets' NTP questions were answered before and during the fault."""
    counts = {"before": [0, 0], "during": [0, 0]}
    for event in _checks(data, fault.targets):
        answered = bool(event.fields[2])
        if fault.at_ns + 2 * MARGIN_NS < event.t_ns < fault.end_ns:
            key = "during"
        elif event.t_ns < fault.at_ns - MARGIN_NS:
            key = "before"
        else:
            continue
        counts[key][0] += answered
        counts[key][1] += 1
    measured = {
        "checks_answered": counts["during"][0],
        "checks": counts["during"][1],
        "answered_before": counts["before"][0],
        "checks_before": counts["before"][1],
    }
    if counts["during"][0]:
        return measured, f"{counts['during'][0]} NTP answers arrived"
    return measured | ({"judged": AS_ASKED} if counts["during"][1] else {}), ""


def _before(data: TrialData, fault: PlannedFault, host: str) -> Stamps:
    """Return the host's stamps right before the fault, behind any other fault of its clock."""
    ends = [
        other.end_ns + 2 * MARGIN_NS
        for other in data.planned.faults
        if other.fault in MOVING and host in other.targets and other.at_ns < fault.at_ns
    ]
    start_ns = max([fault.at_ns - BEFORE_NS, *ends])
    return _stamps(data, host, start_ns, fault.at_ns - MARGIN_NS)


def _stamps(data: TrialData, host: str, start_ns: float, end_ns: float) -> Stamps:
    """Return the host's clock readings in a window, all of one boot."""
    own = [
        event
        for kind in KINDS
        for event in data.events(kind)
        if event.host == host and start_ns <= event.t_ns < end_ns
    ]
    own = sorted((e for e in own if e.boot == own[0].boot), key=lambda event: event.mono_ns)
    since = [event.wall_ns - data.file.t0_wall_ns for event in own]
    pairs = list(zip(since, own, strict=True))
    return Stamps(
        mono=np.asarray([event.mono_ns for event in own], dtype=np.int64),
        gap=np.asarray([event.wall_ns - event.mono_ns for event in own], dtype=np.int64),
        lo=np.asarray([t_ns - event.hi_ns for t_ns, event in pairs], dtype=np.float64),
        hi=np.asarray([t_ns - event.lo_ns for t_ns, event in pairs], dtype=np.float64),
    )


def _fit(stamps: Stamps) -> Line | None:
    """Return the line through the medians of up to 20 stretches; None with too few readings.

    Medians, as a process that is held up between its two readings puts a stamp far off.
    """
    if len(stamps.mono) < FEWEST:
        return None
    parts = np.array_split(np.arange(len(stamps.mono)), min(BINS, len(stamps.mono) // 2))
    base_mono, base_gap = int(stamps.mono[0]), int(stamps.gap[0])
    x = np.asarray([np.median(stamps.mono[part] - base_mono) for part in parts])
    y = np.asarray([np.median(stamps.gap[part] - base_gap) for part in parts])
    spread = float(((x - x.mean()) ** 2).sum())
    if len(parts) < 2 or spread <= 0:
        return None
    slope = float(((x - x.mean()) * (y - y.mean())).sum()) / spread
    rest = y - y.mean() - slope * (x - x.mean())
    freedom = max(len(parts) - 2, 1)
    error = 3 * float(np.sqrt((rest**2).sum() / freedom / spread))
    mono = round(float(x.mean()))
    return Line(base_mono + mono, base_gap + round(float(y.mean())), slope, error)


def _checks(data: TrialData, hosts: list[str]) -> list[Event]:
    """Return the hosts' questions to time servers, answered or not."""
    found = data.events("clock", CHECK)
    return [event for event in found if event.host in hosts and event.fields[4]]


def _told(data: TrialData, host: str, start_ns: float, end_ns: float) -> list[tuple[float, float]]:
    """Return (time told by the servers minus true time, bound) of each check in the window.

    Where the line is not tied to wall time, against T0 on the host's own raw clock: less exact.
    """
    found = []
    for event in _checks(data, [host]):
        if not event.fields[1] or not event.fields[2] or not start_ns <= event.t_ns < end_ns:
            continue
        half_ns = (event.hi_ns - event.lo_ns) / 2
        told_ns = event.wall_ns - event.fields[0] - data.file.t0_wall_ns
        if np.isfinite(half_ns):
            found.append((told_ns - event.t_ns, event.fields[1] + half_ns))
        else:
            found.append((float(told_ns - event.mono_ns), float(event.fields[1])))
    return found


def _offset(offsets: list[dict[str, float]]) -> dict[str, Any]:
    """Return {offset_ns: the clocks' offsets from true time}, widest over the targets."""
    if not offsets:
        return {}
    p50 = statistics.median(found["p50"] for found in offsets)
    low, high = min(found["lo"] for found in offsets), max(found["hi"] for found in offsets)
    return {"offset_ns": {"p50": round(p50), "lo": round(low), "hi": round(high)}}


def _ntp_saw(data: TrialData, fault: PlannedFault) -> dict[str, Any]:
    """Return the largest offset that the targets' NTP checks found while the fault lasted."""
    checks = [
        event.fields
        for event in _checks(data, fault.targets)
        if fault.at_ns < event.t_ns < fault.end_ns and event.fields[1]
    ]
    found: dict[str, Any] = {"ntp_checks": len(checks)}
    if checks:
        offset, bound = max(((c[0], c[1]) for c in checks), key=lambda pair: abs(pair[0]))
        found |= {"ntp_offset_ms": round(offset / 1e6, 3), "ntp_bound_ms": round(bound / 1e6, 3)}
    return found


def _agents_say(
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


METHODS = (
    Method(
        name="Clock step measured",
        figures=("faults.clock_step",),
        formula="Median height of wall minus raw monotonic clock during the fault above the line "
        f"through the {BEFORE_NS / 1e9:g} s before. As asked: what was asked lies within the bound "
        f"of the offset from true time, or within {STEP_ERROR_NS / 1e7:g} ms of that height.",
        left_out="Half a second at each end; of a time daemon's step all but the last third.",
        assumes="The raw clock is not stepped. How far off true time: the bound of NTP.",
    ),
    Method(
        name="Clock drift measured",
        figures=("faults.clock_drift",),
        formula="Slope of wall minus raw monotonic clock during the fault minus that before (or "
        f"the kernel's own setting), each through the medians of up to {BINS} stretches; error: "
        f"three standard ones. As asked: within it and {DRIFT_ERROR_PPB / 1000:g} ppm.",
        left_out="Half a second at each end.",
        assumes="The raw clock keeps its rate; no other host is asked.",
    ),
    Method(
        name="Shifted NTP answers measured",
        figures=("faults.ntp_offset",),
        formula="Median of (wall clock − offset found − true time) over the checks during the "
        "fault, minus that before. As asked: within the bound of both medians and "
        f"{LIE_ERROR_NS / 5e6:g} ms.",
        left_out="Half a second at each end; checks without an answer.",
        assumes="True time is that of the hosts whose servers are not bent.",
    ),
    Method(
        name="Cut NTP measured",
        figures=("faults.ntp_cut",),
        formula="Checks of the hosts answered of those asked, before and during; none may be.",
        left_out="The first second.",
        assumes="A node writes each check, answered or not.",
    ),
)
