"""The types of figures in summary.json, as its JSON Schema tells them."""

from typing import Any

import msgspec

from metrics.model.quantiles import KEYS

Counts = dict[str, int]
"""How many, by name."""


def part(name: str, /, **fields: Any) -> Any:
    """Return the type of an object with these keys and no other."""
    return msgspec.defstruct(name, [*fields.items()], forbid_unknown_fields=True, kw_only=True)


def many(kind: Any) -> Any:
    """Return the type of a list of a type."""
    return list[kind]


def each(kind: Any) -> Any:
    """Return the type of an object whose values are of a type, by names."""
    return dict[str, kind]


_SAMPLES: dict[str, Any] = {
    "n": int, "censored": int, "negative": int, "impossible": int, "unknown": int,
    "few": list[str], **dict.fromkeys(KEYS, float | None), "mean": float | None,
    "error": dict[str, list[float | None]], "ci": dict[str, list[float]] | None,
}  # fmt: skip
Q = part("Q", **_SAMPLES)
"""Quantiles of samples."""
RecoveryQ = part("RecoveryQ", **_SAMPLES, watched_s=float, undisturbed=int)
