"""What was asked of a fault, what was measured, how and when it was done: in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from metrics.model.number_text import number

Fault = dict[str, Any]
"""A fault as summary.json holds it."""
FEW = 5
_READ_BY = {"fastest": "fastest answers", "median": "median answers"}
_CLOCKS = {"process": "of the node", "host": "of the host", "daemon": "by the time daemon"}


def asked(fault: Fault) -> str:
    """Return what a fault was asked to do."""
    want = fault["asked"]
    parts = [_one(fault, key, value) for key, value in want.items() if _shown(key, value)]
    if "level" in want:
        parts.append(f"clock {_CLOCKS.get(want['level'], want['level'])}")
    if fault["fault"] == "cut" and fault["pairs"]:
        parts.append(", ".join(f"{a} → {b}" for a, b in fault["pairs"]))
    return ", ".join(parts) or fault["fault"].replace("_", " ")


def where(groups: list[list[str]] | None, targets: list[str], hosts: int) -> str:
    """Return whom a fault hits, in a lab of so many hosts: a partition's groups, else hosts."""
    if groups:
        return " | ".join(", ".join(group) for group in groups)
    return "all hosts" if len(targets) == hosts else ", ".join(targets)


def measured(fault: Fault) -> str:
    """Return what was measured of a fault, and whether it is as asked."""
    found = fault["measured"]
    parts = [part for describe in _DESCRIBED for part in describe(found)]
    word = found.get("judged")
    return ("; ".join(parts) or "not measured") + (f": {word}" if word else "")


def timing(fault: Fault) -> str:
    """Return how exactly a fault began and ended, on each host's schedule and between hosts."""
    parts = [
        _moments(word, fault["measured"][key])
        for word, key in (("applied", "apply"), ("healed", "heal"))
        if key in fault["measured"]
    ]
    return "; ".join(parts) or "–"


def _moments(word: str, found: dict[str, Any]) -> str:
    least, most = found["late_ms"]
    late = f"{most:.1f}" if f"{least:.1f}" == f"{most:.1f}" else f"{least:.1f} to {most:.1f}"
    text = f"{word} {late} ms after due"
    if "spread_ms" in found:
        text += f", spread {found['spread_ms']:.1f} ± {found['bound_ms']:.1f} ms"
    return text


def _links(found: dict[str, Any]) -> list[str]:
    parts = []
    if found.get("delay_ms") is not None:
        percent = found["difference_percent"]
        off = "" if percent is None else f" ({percent:+.1f} %)"
        parts.append(
            f"{number(found['delay_ms'])} ms one way{off} by the "
            f"{_READ_BY[found['by']]} of {len(found['pairs'])} pairs ({found['probes']:,} in all)"
        )
        if found["by"] == "fastest":
            parts.append(f"{number(found['median_ms'])} ms by their medians")
    if "across_sent" in found:
        parts.append(
            f"{found['across_received']} of {found['across_sent']} probes crossed; "
            f"{found['within_received']} of {found['within_sent']} arrived within the groups"
        )
    if "share" in found:
        low, high = (100 * edge for edge in found["share_ci"])
        parts.append(f"{100 * found['share']:.3g} % lost one way ({low:.3g} to {high:.3g} %)")
    if "sent" in found:
        parts.append(f"{found['lost']} of {found['sent']} exchanges failed (each needs both ways)")
    return [*parts, *_kernels(found)]


def _kernels(found: dict[str, Any]) -> list[str]:
    """Return what the receivers' kernels counted, by host where these are few."""
    counts = sorted(found.get("dropped", {}).items())
    shares = {
        host: f"{100 * own['lost'] / own['sent']:.3g} %"
        for host, own in sorted(found.get("by_receiver", {}).items())
        if own["sent"]
    }
    if len(counts) > FEW:
        least, most = min(n for _, n in counts), max(n for _, n in counts)
        return [f"{len(counts)} hosts dropped {least:,} to {most:,} packets that arrived"]
    if len(shares) > FEW:
        values = sorted(shares.values(), key=lambda text: float(text.split()[0]))
        return [f"{len(shares)} hosts dropped {values[0]} to {values[-1]} of what arrived"]
    if counts:
        return ["dropped on arrival: " + ", ".join(f"{n:,} at {host}" for host, n in counts)]
    if shares:
        return ["dropped on arrival: " + ", ".join(f"{x} at {host}" for host, x in shares.items())]
    return []


def _clocks(found: dict[str, Any]) -> list[str]:
    parts = [f"{host} moved by {value:+.1f} ms" for host, value in found.get("by_ms", {}).items()]
    for host, own in found.get("by_host", {}).items():
        rate, error = own["drift_ppb"] / 1000, own["error_ppb"] / 1000
        parts.append(f"{host} ran {rate:+.2f} ± {number(error)} ppm")
    for host, value in found.get("agent_drift_ppb", {}).items():
        parts.append(f"{host} itself says {value / 1000:+.2f} ppm")
    for host, value in found.get("agent_step_ns", {}).items():
        parts.append(f"{host} itself says {value / 1e6:+.2f} ms")
    if "offset_ns" in found:
        parts.append(f"off true time by {_interval(found['offset_ns'])}")
    return parts


def _time_servers(found: dict[str, Any]) -> list[str]:
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
        parts.append(f"the clock is {_interval(found['clock_is'])}")
    if "checks" in found:
        parts.append(
            f"{found['checks_answered']} of {found['checks']} NTP checks answered "
            f"({found['answered_before']} of {found['checks_before']} before)"
        )
    for host, reason in found.get("ntp_after", {}).items():
        parts.append(f"afterwards NTP agrees on {host}" if not reason else
                     f"afterwards not verified on {host}: {reason}")  # fmt: skip
    return parts


def _silences(found: dict[str, Any]) -> list[str]:
    parts = []
    resumed = found.get("resumed", {})
    for host, value in found.get("down_s", {}).items():
        parts.append(f"{host} silent for {value:.2f} s")
    for host, (least, most) in found.get("silent_s", {}).items():
        until = "s at least, not seen again" if most is None else f"to {most:.2f} s"
        parts.append(f"{host} silent for {least:.2f} {until}")
    for host, entry in resumed.items():
        parts.append(f"{host} resumed at block {entry['head']} (final up to {entry['lib']})")
    for host, value in found.get("frozen_s", {}).items():
        parts.append(f"{host}'s node wrote nothing for {value:.2f} s")
    if found.get("host", {}).get("sent"):
        own = found["host"]
        parts.append(f"the host answered {own['answered']} of {own['sent']} probes meanwhile")
    for host, count in found.get("left_empty", {}).items():
        parts.append(f"{host} left {count} slots empty")
    return parts


_DESCRIBED: tuple[Callable[[dict[str, Any]], list[str]], ...] = (
    _links, _clocks, _time_servers, _silences,
)  # fmt: skip


def _interval(found: dict[str, Any]) -> str:
    low, high = found["lo"] / 1e6, found["hi"] / 1e6
    return f"{found['p50'] / 1e6:+.1f} ms (within {low:+.1f} to {high:+.1f})"


def _shown(key: str, value: Any) -> bool:
    if key == "level" or (key == "jitter_ns" and not value):
        return False
    return value not in (None, "") and not isinstance(value, list | dict)


def _one(fault: Fault, key: str, value: Any) -> str:
    if key == "share":
        return f"{100 * value:.4g} %" + (" lost" if fault["fault"] == "loss" else " of messages")
    if key.endswith("_ppb"):
        return f"{key[:-4].replace('_', ' ')} {value / 1000:+g} ppm"
    if key.endswith("_ns") and isinstance(value, int):
        return f"{key[:-3].replace('_', ' ')} {_duration(value)}"
    return f"{key.replace('_', ' ')} {value}"


def _duration(ns: int) -> str:
    for unit, size in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if abs(ns) >= size:
            return f"{ns / size:g} {unit}"
    return f"{ns} ns"
