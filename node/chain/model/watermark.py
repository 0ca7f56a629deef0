"""Up to where a producer has signed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """The highest block number and slot that producer has signed or seen signed."""

    producer: str
    num: int
    slot: int

    def raised(self, num: int, slot: int) -> Watermark:
        """Return the watermark after a block of that number and slot as well."""
        return Watermark(producer=self.producer, num=max(self.num, num), slot=max(self.slot, slot))
