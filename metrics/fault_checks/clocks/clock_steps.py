"""Steps and drifts of clocks, measured on the targets' own events.

A step or a drift is a change of wall time against the host's raw monotonic clock, before and during
the fault. It is looked at over the whole window, measuring step by measuring step: a median of all
would not show a step that was taken back for a third of it. What a clock may be off without being
otherwise than asked comes from its own noise before the fault. How far it is off true time is told
on the common time line, with the bound of that.
"""

from itertools import pairwise
from typing import Any

import numpy as np

from metrics.fault_checks import effect_gaps, fault_records
from metrics.fault_checks.clocks import clock_readings, time_servers
from metrics.fault_checks.clocks.clock_readings import Line, Stamps
from metrics.fault_checks.effect_gaps import STEP_NS, Stretch
from metrics.fault_checks.fault_check import AS_ASKED, FaultCheck, Found
from metrics.fault_checks.probe_bursts import Burst
from metrics.intake.trial import TrialData
from metrics.model.number_text import number
from metrics.model.plan import PlannedFault

STEP_ERROR_NS, STEP_ERROR_SHARE = 10_000_000, 0.05
STEP_RESOLUTION_NS = 1_000_000
DRIFT_ERROR_PPB = 5_000
DRIFT_RESOLUTION_PPB = 2 * DRIFT_ERROR_PPB
"""Below this a clock that did not drift at all could not be told from one that did as asked."""
NOISE_SHARE = 0.25
"""A clock whose noise before was more of what is asked cannot show whether it was there."""
NOT_SEEN = "the target's clock was not seen before and during the fault"


def step(data: TrialData, fault: PlannedFault, _: list[Burst]) -> Found:
    """Return how far the targets' wall clocks moved, where they were, and what NTP checks saw.

    Wrong is a clock that in two measuring steps or more was not where asked: off by more than
    10 ms and 5 %, or than half of what was asked, whichever is less, beyond its noise before.
    """
    asked_ns = int(fault.asked.get("by_ns", 0))
    window = clock_readings.judged_window(data, fault)
    moved: dict[str, float] = {}
    offsets: list[dict[str, float]] = []
    gone: list[str] = []
    for host in fault.targets:
        line = clock_readings.fit(clock_readings.before(data, fault, host))
        own = clock_readings.stamps(data, host, window)
        if line is None or len(own.mono) == 0:
            continue
        moved[host] = float(np.median(line.above(own)))
        if np.isfinite(own.lo).all():
            offsets.append(own.middle())
        gone += _not_moved(host, line, own, window, asked_ns) or _dark(
            data, fault, own, host, window
        )
    measured: dict[str, Any] = {"by_ms": {h: round(ns / 1e6, 3) for h, ns in moved.items()}}
    measured |= clock_readings.offset(offsets) | time_servers.saw(data, fault)
    measured |= time_servers.agents_say(data, fault, "step_ns")
    if len(moved) < len(fault.targets):
        return measured, NOT_SEEN
    small = abs(asked_ns) < STEP_RESOLUTION_NS
    if gone and not small:
        return measured, gone[0]
    worst = max((ns - asked_ns for ns in moved.values()), key=abs, default=0)
    if abs(worst) > STEP_ERROR_NS + abs(asked_ns) * STEP_ERROR_SHARE:
        return measured, f"the clock moved {abs(worst) / 1e6:.0f} ms otherwise than asked"
    if small:
        return measured | {"judged": effect_gaps.too_small(f"{STEP_RESOLUTION_NS / 1e6:g} ms")}, ""
    inside = all(o["lo"] <= asked_ns <= o["hi"] for o in offsets) if offsets else None
    word = (
        AS_ASKED if inside or abs(worst) <= STEP_RESOLUTION_NS else f"off by {worst / 1e6:+.1f} ms"
    )
    return measured | {"judged": word}, ""


def drift(data: TrialData, fault: PlannedFault, _: list[Burst]) -> Found:
    """Return how much faster the targets' wall clocks ran than before, in parts per 10^9.

    Before: at the rate the kernel was set to when the fault began, where the agent read that (a
    daemon may have been correcting just then), else as measured. The rate is read again over the
    shortest stretches that the clock's noise allows (`stretch_s`), two seconds at least: wrong is
    one that is off by more than half of what was asked.
    """
    asked = int(fault.asked.get("by_ppb", 0))
    window = clock_readings.judged_window(data, fault)
    by_host: dict[str, dict[str, Any]] = {}
    gone: list[str] = []
    for host in fault.targets:
        own = clock_readings.stamps(data, host, window)
        lasting = clock_readings.fit(own)
        known = _rate_before(data, fault, host)
        if lasting is None or known is None:
            continue
        rate, error = known
        parts = _parts(own, error, abs(asked) / 1e9)
        by_host[host] = {
            "drift_ppb": round((lasting.slope - rate) * 1e9),
            "error_ppb": round((lasting.slope_error + error) * 1e9),
            "stretch_s": round((window[1] - window[0]) / 1e9 / max(len(parts), 1), 1),
        }
        gone += _not_drifting(host, parts, rate, asked / 1e9) or _dark(
            data, fault, own, host, window
        )
    measured: dict[str, Any] = {"by_host": by_host} | time_servers.saw(data, fault)
    measured |= time_servers.agents_say(data, fault, "drift_ppb", state="healed")
    if len(by_host) < len(fault.targets):
        return measured, NOT_SEEN
    worst = max(by_host.values(), key=lambda found: abs(found["drift_ppb"] - asked))
    measured |= {"drift_ppb": worst["drift_ppb"], "drift_error_ppb": worst["error_ppb"]}
    if gone and abs(asked) >= DRIFT_RESOLUTION_PPB:
        return measured, gone[0]
    word, wrong = _drift_word(worst, asked)
    return measured | ({} if wrong else {"judged": word}), wrong


def _drift_word(worst: dict[str, Any], asked: int) -> tuple[str, str]:
    """Return the word for the whole window's rate, and what is plainly wrong with it."""
    off, error = worst["drift_ppb"] - asked, worst["error_ppb"]
    small = abs(asked) < DRIFT_RESOLUTION_PPB
    if abs(off) > error + (DRIFT_RESOLUTION_PPB if small else abs(asked) // 2):
        return "", f"the clock ran {worst['drift_ppb'] / 1000:+.1f} ppm fast"
    if small:
        return effect_gaps.too_small(f"{DRIFT_RESOLUTION_PPB / 1000:g} ppm"), ""
    if error > abs(asked) * NOISE_SHARE:
        return "", f"the clock's rate is only known within {error / 1000:.1f} ppm"
    close = abs(off) <= DRIFT_ERROR_PPB + error
    return AS_ASKED if close else f"off by {off / 1000:+.1f} ppm", ""


def _not_moved(host: str, line: Line, own: Stamps, window: Stretch, asked_ns: int) -> list[str]:
    """Return a finding where a clock was not off as asked, or where its noise hides that."""
    noise_ns = line.margin_ns(int(own.mono[-1]))
    if noise_ns > abs(asked_ns) * NOISE_SHARE:
        return [f"{host}'s clock was unsteady by {noise_ns / 1e6:.1f} ms before the fault"]
    slack_ns = min(STEP_ERROR_NS + abs(asked_ns) * STEP_ERROR_SHARE, abs(asked_ns) / 2) + noise_ns
    away = np.abs(line.above(own) - asked_ns) > slack_ns
    off = [part for part in own.steps(window[0]) if 2 * np.count_nonzero(away[part]) > len(part)]
    if len(off) < effect_gaps.GONE_STEPS:
        return []
    around = (own.t > own.t[off[0][0]] - STEP_NS) & (own.t < own.t[off[-1][-1]] + STEP_NS)
    when = effect_gaps.words(float(t) for t in own.t[around & away])
    return [f"{host}'s clock was not off as asked {when}"]


def _not_drifting(host: str, parts: list[Stamps], rate: float, asked: float) -> list[str]:
    """Return a finding with the time in which a clock ran at another rate than asked."""
    off = []
    for part in parts:
        line = clock_readings.fit(part)
        if line and abs(line.slope - rate - asked) > abs(asked) / 2 + line.slope_error:
            off += [float(part.t[0]), float(part.t[-1])]
    return [f"{host}'s clock did not drift as asked {effect_gaps.words(off)}"] if off else []


def _parts(own: Stamps, rate_error: float, asked: float) -> list[Stamps]:
    """Return the readings in the most stretches of equal length whose rates are known well enough.

    None is shorter than two measuring steps. None at all when not even halves are.
    """
    span_ns = float(own.t[-1] - own.t[0])
    for count in range(int(span_ns // (effect_gaps.GONE_STEPS * STEP_NS)), 1, -1):
        edges = np.linspace(float(own.t[0]), float(own.t[-1]) + 1, count + 1)
        parts = [own.part((own.t >= a) & (own.t < b)) for a, b in pairwise(edges)]
        lines = [clock_readings.fit(part) for part in parts]
        # Where the rate changed within a stretch the line fits badly: that is no noise.
        known = sorted(line.slope_error for line in lines if line is not None)
        if len(known) == count and known[count // 2] + rate_error <= asked * NOISE_SHARE:
            return parts
    return []


def _rate_before(data: TrialData, fault: PlannedFault, host: str) -> tuple[float, float] | None:
    """Return the clock's rate before the fault and that rate's error, None when unknown."""
    read_back = fault_records.last_read_back(data, fault, fault_records.BEGAN)
    set_ppb = read_back.get(host, {}).get("freq_before_ppb")
    if isinstance(set_ppb, int):
        return set_ppb / 1e9, 0.0
    line = clock_readings.fit(clock_readings.before(data, fault, host))
    return None if line is None else (line.slope, line.slope_error)


def _dark(
    data: TrialData, fault: PlannedFault, own: Stamps, host: str, window: Stretch
) -> list[str]:
    """Return a finding where nothing told of the clock for longer than three slots or steps.

    A clock set back makes its node wait that long for its next slot.
    """
    if effect_gaps.stopped(data, fault, host):
        return []
    waits_ns = abs(int(fault.asked.get("by_ns", 0))) if fault.kind.clock == "step" else 0
    longest_ns = (effect_gaps.GONE_STEPS + 1) * max(STEP_NS, data.plan.slot_ns) + waits_ns
    gap = effect_gaps.unseen((float(t) for t in own.t), window, longest_ns)
    return [f"{host}'s clock was not seen {effect_gaps.words(gap)}"] if gap else []


def _words(found: dict[str, Any]) -> list[str]:
    """Return how the clocks moved or ran, by the others and by themselves, and what NTP said."""
    parts = [f"{host} moved by {value:+.1f} ms" for host, value in found.get("by_ms", {}).items()]
    for host, own in found.get("by_host", {}).items():
        rate, error = own["drift_ppb"] / 1000, own["error_ppb"] / 1000
        parts.append(f"{host} ran {rate:+.2f} ± {number(error)} ppm")
    for host, value in found.get("agent_drift_ppb", {}).items():
        parts.append(f"{host} itself says {value / 1000:+.2f} ppm")
    for host, value in found.get("agent_step_ns", {}).items():
        parts.append(f"{host} itself says {value / 1e6:+.2f} ms")
    if "offset_ns" in found:
        parts.append(f"off true time by {clock_readings.offset_text(found['offset_ns'])}")
    return parts + time_servers.words(found)


CHECKS = (
    FaultCheck(
        kinds=("clock_step",),
        measure=step,
        words=_words,
        name="Clock step measured",
        formula="Median height of wall minus raw monotonic clock during the fault above the "
        f"line through the {clock_readings.BEFORE_NS / 1e9:g} s before; each second of the "
        "window is looked at, and two that are not where asked make the fault indeterminate. "
        "As asked: what was asked lies within the bound of the offset from true time, or "
        f"within {STEP_RESOLUTION_NS / 1e6:g} ms of that height.",
        left_out="Half a second at each end; of a time daemon's step all but the last third.",
        assumes="The raw clock is not stepped. How far off true time: the bound of NTP.",
    ),
    FaultCheck(
        kinds=("clock_drift",),
        measure=drift,
        words=_words,
        name="Clock drift measured",
        formula="Slope of wall minus raw monotonic clock during the fault minus that before "
        "(or the kernel's own setting), each through the medians of up to "
        f"{clock_readings.BINS} stretches; error: three standard ones. Two seconds of the "
        "window in which the clock left the line that was asked make the fault indeterminate. "
        f"As asked: within that error and {DRIFT_ERROR_PPB / 1000:g} ppm.",
        left_out="Half a second at each end.",
        assumes="The raw clock keeps its rate; no other host is asked.",
    ),
)
