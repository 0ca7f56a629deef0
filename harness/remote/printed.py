"""What hosts print as JSON, read as it was declared; anything else is one finding about a host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

import msgspec

from harness.remote.fan_out import HostResult

T = TypeVar("T")


def read_json(
    results: Mapping[str, HostResult], kind: type[T]
) -> tuple[dict[str, T], dict[str, HostResult]]:
    """Return the value of that kind that each host printed, and all results, not ok without one."""
    found: dict[str, T] = {}
    judged = dict(results)
    for host, result in results.items():
        if not result.ok:
            continue
        try:
            found[host] = msgspec.json.decode(result.stdout.encode(), type=kind)
        except (msgspec.DecodeError, RecursionError) as error:
            detail = _no_answer(result.stdout, error)
            judged[host] = replace(result, reason="output", detail=detail)
    return found, judged


def _no_answer(text: str, error: Exception) -> str:
    if isinstance(error, msgspec.ValidationError):
        return f"what it printed is not what it was asked for: {error}"
    first = (text.strip().splitlines() or ["nothing"])[0][:80]
    return f"it printed {first!r} for JSON; if its login shell does, keep that to interactive ones"
