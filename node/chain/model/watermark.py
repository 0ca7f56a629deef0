"""Up to where a producer has signed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """The highest block number and slot that producer has signed or seen signed."""

    producer: str
    num: int
    slot: int
