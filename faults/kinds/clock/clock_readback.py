"""What the host shows of a clock fault: the skew file, or the kernel's clock against the raw one.

Nothing is taken on trust: a step is wall time against CLOCK_MONOTONIC_RAW before and after, a drift
is measured over the whole life of the fault, and the NTP servers of the lab are asked.
"""

from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from faults.host.boottime import boottime_ns
from faults.host.clock import host_clock
from faults.host.clock.host_clock import Moved, Reading
from faults.host.clock.ntp_client import MARK, Sample, ask
from faults.host.clock.skew_file import read_skew
from faults.host.runner import output
from faults.model.fault import SECOND_NS, Evidence, HostContext, verdict

STEP_ERROR_NS = 1_000_000
"""What is read back may differ this much from what was asked."""
GONE_NS = 5_000_000
GONE_PPB = 20_000
"""A clock that left the faulted line by more than this was moved by somebody else."""
NTP_TIMEOUT_S = 0.4
NTP_AFTER_TIMEOUT_S = 1.0
NTP_AFTER_ERROR_NS = 20_000_000

Level = Literal["process", "daemon", "host"]


class Bend(NamedTuple):
    """A step by by_ns or a drift by by_ppb, of the clock at this level."""

    level: Level
    by_ns: int = 0
    by_ppb: int = 0


def marker_file(context: HostContext) -> Path:
    """Return the file that says what the host's clock was before this fault moved it."""
    return context.run_dir / f"clock-{context.token}.marker"


def held_file(context: HostContext) -> Path:
    """Return the file that names the time daemons this fault holds."""
    return context.run_dir / f"clock-{context.token}.held"


def read_clock(bend: Bend, context: HostContext) -> Evidence:
    """Return whether the clock was moved as asked."""
    if bend.level == "process":
        data: dict[str, object] = {"skew": msgspec.to_builtins(read_skew(context.skew_file))}
        return verdict(_skew_wrong(bend, context), data)
    moved = host_clock.load(marker_file(context))
    if moved is None or moved.after is None:
        return verdict("no record of the clock before", {})
    data = {**_before_and_after(moved, moved.after), "daemon_held": _held(context)}
    if bend.level == "daemon":
        return verdict("", {**data, "chrony": chrony_tracking()})
    left_s = ((context.deadline_ns or 0) - boottime_ns()) / SECOND_NS
    data["ntp"] = _by_server(ask(context.ntp, min(NTP_TIMEOUT_S, left_s / 4), mark=MARK))
    return verdict(_host_wrong(bend, moved.before, moved.after), data)


def count_clock(bend: Bend, context: HostContext) -> dict[str, object]:
    """Return what the fault came to: the skew file, or the clock over the fault's life, restored.

    Called when the effect has ended; then the servers are asked whether the clock is right again.
    """
    if bend.level == "process":
        return {"skew": msgspec.to_builtins(read_skew(context.skew_file))}
    story = host_clock.load_story(marker_file(context))
    if story is None:
        return {}
    data: dict[str, object] = {"corrected_ns": story.corrected_ns}
    if story.after is not None:
        data |= _over_life(story.before, story.after, story.last)
    return {**data, "ntp_after": _ntp_after(context, story.restored.error_ns)}


def clock_gone(bend: Bend, context: HostContext) -> str:
    """Return why the clock fault is not in force any more, "" when it is."""
    if bend.level == "process":
        return _skew_wrong(bend, context) and "the skew file was changed"
    moved = host_clock.load(marker_file(context))
    if moved is None or moved.after is None:
        return "the clock had been restored"
    if bend.level == "daemon":
        return ""
    now = host_clock.read()
    off_ns = now.wall_ns - moved.after.wall_at(now.raw_ns)
    allowed_ns = GONE_NS + (now.raw_ns - moved.after.raw_ns) * GONE_PPB // SECOND_NS
    if abs(off_ns) > allowed_ns:
        return f"somebody moved the clock by {off_ns} ns"
    return "" if now.rate == moved.after.rate else "somebody changed the clock's rate"


def clock_left(bend: Bend, context: HostContext) -> str:
    """Return what of the healed fault is still there, "" when nothing is."""
    if bend.level == "process":
        skew = read_skew(context.skew_file)
        return "skew" if skew.offset_ns or skew.drift_ppb else ""
    host_clock.story_file(marker_file(context)).unlink(missing_ok=True)
    left = ["clock"] * marker_file(context).exists() + ["held daemon"] * held_file(context).exists()
    return " ".join(left)


def chrony_tracking() -> dict[str, object]:
    """Return what chrony says of the clock, {} when there is no chrony to ask."""
    code, text, _ = output(("chronyc", "-c", "tracking"), timeout_s=2.0)
    words = text.strip().split(",")
    if code or len(words) < 14:
        return {}
    try:
        return {
            "reference": words[1],
            "stratum": int(words[2]),
            "system_offset_ns": round(float(words[4]) * SECOND_NS),
            "frequency_ppb": round(float(words[7]) * 1000),
            "root_delay_ns": round(float(words[10]) * SECOND_NS),
            "root_dispersion_ns": round(float(words[11]) * SECOND_NS),
            "leap": words[13],
        }
    except (ValueError, OverflowError):
        return {}


def _skew_wrong(bend: Bend, context: HostContext) -> str:
    skew = read_skew(context.skew_file)
    return "" if (skew.offset_ns, skew.drift_ppb) == bend[1:] else "the skew file differs"


def _host_wrong(bend: Bend, before: Reading, after: Reading) -> str:
    step_ns = after.wall_ns - before.wall_at(after.raw_ns)
    if abs(step_ns - bend.by_ns) > STEP_ERROR_NS:
        return f"the clock moved by {step_ns} ns"
    asked = before.rate.faster(bend.by_ppb)
    return "" if after.rate == asked else f"the clock's rate is {after.rate.ppb} ppb"


def _before_and_after(moved: Moved, after: Reading) -> dict[str, object]:
    before = moved.before
    return {
        "wall_minus_raw_before_ns": before.wall_minus_raw_ns,
        "wall_minus_raw_after_ns": after.wall_minus_raw_ns,
        "step_ns": after.wall_ns - before.wall_at(after.raw_ns),
        "error_ns": before.error_ns + after.error_ns,
        "freq_before_ppb": before.rate.ppb,
        "freq_after_ppb": after.rate.ppb,
    }


def _over_life(before: Reading, after: Reading, last: Reading) -> dict[str, object]:
    """offset_ns: how far the fault had moved the clock at its end; drift_ppb: its injected rate."""
    elapsed_ns = last.raw_ns - after.raw_ns
    gained_ns = last.wall_minus_raw_ns - after.wall_minus_raw_ns
    measured = {} if elapsed_ns <= 0 else {
        "drift_ppb": round(gained_ns * SECOND_NS / elapsed_ns) - before.rate.ppb,
        "drift_error_ppb": -(-(after.error_ns + last.error_ns) * SECOND_NS // (2 * elapsed_ns)),
    }  # fmt: skip
    return {
        **measured,
        "elapsed_ns": elapsed_ns,
        "offset_ns": last.wall_ns - before.wall_at(last.raw_ns),
        "wall_minus_raw_last_ns": last.wall_minus_raw_ns,
        "freq_last_ppb": last.rate.ppb,
    }


def _ntp_after(context: HostContext, error_ns: int) -> dict[str, object]:
    """Return whether the restored clock agrees with the servers, and why not."""
    if not context.ntp:
        return {"verified": False, "reason": "no NTP server is known here"}
    found = ask(context.ntp, NTP_AFTER_TIMEOUT_S, mark=MARK)
    if not found:
        return {"verified": False, "reason": "no server answered"}
    off = [
        f"{server}: {sample.offset_ns} ns"
        for server, sample in found.items()
        if abs(sample.offset_ns) > sample.bound_ns + error_ns + NTP_AFTER_ERROR_NS
    ]
    return {"verified": not off, "reason": "; ".join(off), "servers": _by_server(found)}


def _by_server(found: dict[str, Sample]) -> dict[str, object]:
    return {
        server: {"offset_ns": each.offset_ns, "bound_ns": each.bound_ns}
        for server, each in found.items()
    }


def _held(context: HostContext) -> list[str]:
    try:
        return held_file(context).read_text().split()
    except OSError:
        return []
