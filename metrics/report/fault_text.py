"""What was asked of a fault, what was measured, how and when it was done: in words."""

from typing import Any

from faults.model.kind import kind
from metrics.fault_checks import zones
from metrics.fault_checks.registry import CHECK_OF
from metrics.model.number_text import size_text
from metrics.model.sides import sides_text
from metrics.model.standing import ZONES

Fault = dict[str, Any]
"""A fault as summary.json holds it."""
_CLOCKS = {"process": "of the node", "host": "of the host", "daemon": "by the time daemon"}


def asked(fault: Fault) -> str:
    """Return what a fault was asked to do."""
    want = fault["asked"]
    parts = [_one(fault, key, value) for key, value in want.items() if _shown(key, value)]
    if "level" in want:
        parts.append(f"clock {_CLOCKS.get(want['level'], want['level'])}")
    if (kind(fault["fault"]).targets == "arrows" or "back_ns" in want) and fault["pairs"]:
        parts.append(", ".join(f"{a} → {b}" for a, b in fault["pairs"]))
    return ", ".join(parts) or fault["fault"].replace("_", " ")


def where(groups: list[list[str]] | None, targets: list[str], hosts: int) -> str:
    """Return whom a fault hits, in a lab of so many hosts: a partition's groups, else hosts."""
    if groups:
        return sides_text(groups, targets)
    return "all hosts" if len(targets) == hosts else ", ".join(targets)


def measured(fault: Fault) -> str:
    """Return what was measured of a fault, and whether it is as asked."""
    found = fault["measured"]
    if ZONES in found:
        return zones.words(found)
    check = CHECK_OF.get(fault["fault"])
    parts = check.words(found) if check and found else []
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


def _shown(key: str, value: Any) -> bool:
    if key in ("level", "trace_sha256") or (key == "jitter_ns" and not value):
        return False
    return value not in (None, "") and not isinstance(value, list | dict)


def _one(fault: Fault, key: str, value: Any) -> str:
    if key == "share":
        row = kind(fault["fault"])
        of = "" if row.targets == "hosts" else " lost" if row.loses else " of messages"
        return f"{100 * value:.4g} %{of}"
    if key.endswith("_ppb"):
        return f"{key[:-4].replace('_', ' ')} {value / 1000:+g} ppm"
    if key.endswith("_bytes"):
        return f"{key[:-6].replace('_', ' ')} {size_text(value)}"
    if key.endswith("_bps"):
        return f"{key[:-4]} {value / 1000:g} kbit/s"
    if key.endswith("_ns") and isinstance(value, int):
        return f"{key[:-3].replace('_', ' ')} {_duration(value)}"
    return f"{key.replace('_', ' ')} {value}"


def _duration(ns: int) -> str:
    for unit, size in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if abs(ns) >= size:
            return f"{ns / size:g} {unit}"
    return f"{ns} ns"
