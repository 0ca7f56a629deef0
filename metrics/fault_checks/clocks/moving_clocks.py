"""Clocks that a fault moves again and again, measured on the targets' own events.

The path they were to take is known, so that each reading is held against it: wall time against the
raw monotonic clock, above the line of before.
"""

from typing import Any

import numpy as np

from faults.model.clock_path import Stay, path, seed_of
from metrics.fault_checks import effect_gaps, fault_records
from metrics.fault_checks.clocks import clock_readings
from metrics.fault_checks.clocks.clock_steps import NOISE_SHARE, NOT_SEEN
from metrics.fault_checks.fault_check import AS_ASKED, FaultCheck, Found
from metrics.fault_checks.probe_bursts import Burst
from metrics.intake.trial import TrialData
from metrics.model.arrays import Floats
from metrics.model.number_text import number
from metrics.model.plan import PlannedFault

ERROR_NS = 1_000_000
TURN_NS = 50_000_000
"""Readings so near to a turn of the path may be of either side."""
ON_PATH_SHARE = 0.9


def moving(data: TrialData, fault: PlannedFault, _: list[Burst]) -> Found:
    """Return by target how much of its readings lay on the path, how far the path went, and how
    far the readings did.

    Wrong is one of which less than nine tenths lay there. What the clock's noise before hides, the
    word says.
    """
    by_host: dict[str, dict[str, float]] = {}
    wrong: list[str] = []
    small: list[str] = []
    window = fault_records.in_force_ns(data, fault)
    for host in fault.targets:
        line = clock_readings.fit(clock_readings.before(data, fault, host))
        own = clock_readings.stamps(data, host, window)
        stays = _stays(data, fault, host)
        clear = own.part(_clear(own.t, fault, stays))
        if line is None or len(clear.mono) < clock_readings.FEWEST:
            continue
        path_ns, seen = _path(clear.t, fault, stays), line.above(clear)
        slack_ns = ERROR_NS + line.margin_ns(int(clear.mono[-1]))
        reach_ns = float(np.abs(path_ns).max())
        on_path = float(np.mean(np.abs(seen - path_ns) <= slack_ns))
        by_host[host] = {
            "on_path": round(on_path, 3),
            "path_ms": round(reach_ns / 1e6, 3),
            "seen_ms": round(float(np.abs(seen).max()) / 1e6, 3),
        }
        if on_path < ON_PATH_SHARE:
            wrong.append(f"{host}'s clock was off its path for {1 - on_path:.0%} of the time")
        elif slack_ns > reach_ns * NOISE_SHARE:
            small.append(f"{slack_ns / 1e6:.2g} ms")
    measured: dict[str, Any] = {"by_host": by_host}
    if len(by_host) < len(fault.targets):
        return measured, NOT_SEEN
    if wrong:
        return measured, "; ".join(wrong)
    return measured | {"judged": effect_gaps.too_small(small[0]) if small else AS_ASKED}, ""


def path_ns(data: TrialData, fault: PlannedFault, host: str, t_ns: Floats) -> Floats:
    """Return where the path has a host's clock at times since T0 within the fault, in ns; nan near
    a turn.
    """
    stays = _stays(data, fault, host)
    return np.where(_clear(t_ns, fault, stays), _path(t_ns, fault, stays), np.nan)


def _stays(data: TrialData, fault: PlannedFault, host: str) -> list[Stay]:
    """Return the stays of the path up to the end of the fault."""
    found: list[Stay] = []
    for stay in path(fault.asked, seed_of(data.planned.seed, fault.id, host)):
        if stay.begin_ns >= fault.end_ns - fault.at_ns:
            return found
        found.append(stay)
    return found


def _clear(t_ns: Floats, fault: PlannedFault, stays: list[Stay]) -> Any:
    """Return which times are not near a turn, nor near the end."""
    turns = np.asarray([fault.at_ns + stay.begin_ns for stay in stays] + [fault.end_ns])
    later = np.searchsorted(turns, t_ns)
    around = turns[np.clip(later - 1, 0, None)], turns[np.clip(later, None, len(turns) - 1)]
    return np.minimum(*(np.abs(t_ns - turn) for turn in around)) > TURN_NS


def _path(t_ns: Floats, fault: PlannedFault, stays: list[Stay]) -> Floats:
    """Return where the path has the clock at each time, in ns."""
    after = t_ns - fault.at_ns
    begins = np.asarray([stay.begin_ns for stay in stays], dtype=np.float64)
    which = np.clip(np.searchsorted(begins, after, side="right") - 1, 0, None)
    offsets = np.asarray([stay.offset_ns for stay in stays], dtype=np.float64)[which]
    rates = np.asarray([stay.drift_ppb for stay in stays], dtype=np.float64)[which] / 1e9
    found: Floats = offsets + (after - begins[which]) * rates
    return found


def _words(found: dict[str, Any]) -> list[str]:
    return [
        f"{host} on its path for {own['on_path']:.0%} of its readings, up to"
        f" {number(own['seen_ms'])} ms off (the path: {number(own['path_ms'])})"
        for host, own in found["by_host"].items()
    ]


CHECKS = (
    FaultCheck(
        kinds=("clock_strobe", "clock_wander"),
        measure=moving,
        words=_words,
        name="Moving clock measured",
        formula="Readings of wall minus raw monotonic clock above the line through the "
        f"{clock_readings.BEFORE_NS / 1e9:g} s before, beside the path that the seed gives. As "
        f"asked: {ON_PATH_SHARE:.0%} of them within {ERROR_NS / 1e6:g} ms and the noise before.",
        left_out=f"{TURN_NS / 1e6:g} ms around each turn of a strobe or of a rate.",
        assumes="The raw clock is not stepped.",
    ),
)
