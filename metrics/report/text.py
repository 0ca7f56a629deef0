"""Numbers as the report prints them: value, unit, error; `unknown` where the error rules."""

from __future__ import annotations

import math
from typing import Any

from metrics.quantiles import resolved

UNKNOWN = "unknown"


def figure(q: dict[str, Any] | None, key: str, unit: str = "") -> str:
    """Return a quantile as `4.08 ± 0.01 s`, `unknown` if its error exceeds it, or why none."""
    if not q or not q["n"]:
        return "–"
    value = q.get(key)
    if value is None:
        return f"> end ({q['censored']} open)"
    ends = q["error"].get(key, [None, None])
    if not resolved(q, key):
        if value == 0 and ends == [0, 0]:
            return f"0 {unit}".strip()
        return UNKNOWN
    half = max(ends[1] - value, value - ends[0])
    if half == 0:
        return f"{value:g} {unit}".strip()
    return f"{with_error(value, half)} {unit}".strip()


def with_error(value: float, half: float) -> str:
    """Return `value ± half`, half rounded up to two digits (three decimals at most)."""
    decimals = min(max(1 - math.floor(math.log10(half)), 0), 3)
    up = math.ceil(half * 10**decimals - 1e-9) / 10**decimals
    return f"{value:.{decimals}f} ± {up:.{decimals}f}"


def number(value: float | None) -> str:
    """Return value with three or four significant digits."""
    if value is None:
        return "–"
    size = abs(value)
    if size >= 100:
        return f"{value:.0f}"
    if size >= 10:
        return f"{value:.1f}"
    if size >= 1:
        return f"{value:.2f}"
    return f"{value:.3f}" if size >= 0.01 or value == 0 else f"{value:.2g}"


def seconds(ns: float | None) -> str:
    """Return nanoseconds as seconds."""
    return "–" if ns is None else f"{ns / 1e9:.2f} s"


def moment(t_ns: float | None) -> str:
    """Return a time since T0, to the millisecond."""
    return "–" if t_ns is None or t_ns != t_ns else f"{t_ns / 1e9:.3f}"


def percent(ratio: float | None) -> str:
    """Return a ratio as per cent."""
    return "–" if ratio is None else f"{100 * ratio:.3g} %"


def asked(fault: dict[str, Any]) -> str:
    """Return what a fault was asked to do, in words."""
    parts = []
    for key, value in fault["asked"].items():
        if value in (None, "") or isinstance(value, list | dict):
            continue
        if key.endswith("_ns") and isinstance(value, int):
            parts.append(f"{key[:-3].replace('_', ' ')} {_duration(value)}")
        else:
            parts.append(f"{key.replace('_', ' ')} {value}")
    if fault["groups"]:
        parts.append(" | ".join(", ".join(group) for group in fault["groups"]))
    return ", ".join(parts) or "–"


def measured(fault: dict[str, Any]) -> str:
    """Return what was measured of a fault, in words."""
    found = fault["measured"]
    parts = []
    if found.get("delay_ms") is not None:
        parts.append(
            f"{number(found['delay_ms'])} ms one way ({found['difference_percent']:+.1f} %), "
            f"median of {len(found['pairs'])} pairs, {found['probes']} probes"
        )
    if "across_sent" in found:
        parts.append(
            f"{found['across_received']} of {found['across_sent']} probes crossed; "
            f"{found['within_received']} of {found['within_sent']} arrived within the groups"
        )
    for host, value in found.get("by_ms", {}).items():
        parts.append(f"{host} moved by {value:+.1f} ms")
    if "ntp_offset_ms" in found:
        parts.append(f"NTP saw {found['ntp_offset_ms']:+.1f} ± {number(found['ntp_bound_ms'])} ms")
    for host, value in found.get("down_s", {}).items():
        resumed = found["resumed"].get(host, {})
        parts.append(
            f"{host} silent for {value:.2f} s, resumed at block {resumed.get('head')} "
            f"(final up to {resumed.get('lib')})"
        )
    for host, value in found.get("frozen_s", {}).items():
        parts.append(f"{host} wrote nothing for {value:.2f} s")
    for host, count in found.get("left_empty", {}).items():
        parts.append(f"{host} left {count} slots empty")
    return "; ".join(parts) or "–"


def timing(fault: dict[str, Any]) -> str:
    """Return how exactly a fault began and ended."""
    found = fault["measured"]
    parts = [
        f"{word} {found[key]:+.1f} ms"
        for word, key in (("start", "start_error_ms"), ("end", "end_error_ms"))
        if key in found
    ]
    return ", ".join(parts) or "–"


def beside(row: dict[str, Any], found: dict[str, Any] | None) -> str:
    """Return one run's figures of a row of prediction beside measurement."""
    if found is None:
        return "–"
    if "missed" in found:
        return f"{found['missed']} of {found['n']}"
    words = [
        f"> end ({found['censored']} open)" if found[key] is None else f"{found[key]:.4g}"
        for key in ("min", "p50", "max")
    ]
    return f"{' / '.join(words)} ({found['n']})"


def predicted(row: dict[str, Any]) -> str:
    """Return what the rules predict for a row."""
    wanted = row["predicted"]
    if wanted is None:
        return "–"
    if wanted["min"] == wanted["max"]:
        return f"{wanted['min']:g}"
    way = " + the way" if row["metric"].endswith("_s") else ""
    return f"{wanted['min']:g} … {wanted['max']:g}{way}"


def _duration(ns: int) -> str:
    for unit, size in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if abs(ns) >= size:
            return f"{ns / size:g} {unit}"
    return f"{ns} ns"
