"""Which quantiles of a Q are told, and which are known well enough to be compared."""

from typing import Any

NEEDED: dict[str, int] = {"p90": 10, "p95": 20, "p99": 100, "p999": 1000}
"""How many samples, censored ones included, it takes before any lies beyond the quantile."""


def resolved(q: dict[str, Any], key: str) -> bool:
    """Return whether the quantile's error is known and no larger than its value."""
    value, ends = q.get(key), q.get("error", {}).get(key)
    if value is None or ends is None or None in ends:
        return False
    return bool(max(abs(value - ends[0]), abs(ends[1] - value)) <= abs(value))
