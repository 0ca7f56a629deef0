"""Nested JSON as rows, for tables."""

from typing import Any


def flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Return nested JSON as (dotted key, text) rows."""
    if isinstance(value, dict):
        return [row for k, v in value.items() for row in flat(v, f"{prefix}{k}.")]
    if isinstance(value, list) and any(isinstance(v, dict | list) for v in value):
        return [row for i, v in enumerate(value) for row in flat(v, f"{prefix}{i}.")]
    if value is None and not prefix:
        return []
    shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return [(prefix.rstrip("."), shown)]
