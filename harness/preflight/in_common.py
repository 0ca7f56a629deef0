"""Judges what hosts must have in common: versions, and the time zone as a word only. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from harness.preflight.rows import LAB, Row


def rows(found: Mapping[str, Mapping[str, Any]], stamps: Mapping[str, str]) -> list[Row]:
    """Return the findings on all hosts together; stamps is the deployed version of each."""

    def values(key: str) -> dict[str, str]:
        return {host: str(facts["machine"][key]) for host, facts in found.items()}

    remedy = "bring them to one version; results of mixed hosts mix causes"
    made = [
        _same("kernel", values("kernel"), remedy),
        _same("distribution", values("system"), remedy),
        _same("Python", values("python"), remedy),
        _same("slotlab", dict(stamps), "slotlab deploy"),
    ]
    zones = {host: str(facts["clock"]["zone"]) for host, facts in found.items()}
    if len(set(zones.values())) > 1:
        made.append(Row(LAB, "time zone", "ok", f"{_groups(zones)}; slotlab counts in UTC"))
    return [row for row in made if row is not None]


def _same(what: str, by_host: Mapping[str, str], remedy: str) -> Row | None:
    versions = set(by_host.values())
    if not versions:
        return None
    if len(versions) == 1:
        return Row(LAB, f"same {what}", "ok", versions.pop())
    return Row(LAB, f"same {what}", "warn", _groups(by_host), remedy)


def _groups(by_host: Mapping[str, str]) -> str:
    """Return each value with the hosts that have it; the commonest is not spelled out."""
    counted = Counter(by_host.values()).most_common()
    parts = [f"{counted[0][0]} on {counted[0][1]}"]
    for value, _ in counted[1:]:
        parts.append(f"{value} on {', '.join(h for h, each in by_host.items() if each == value)}")
    return "; ".join(parts)
