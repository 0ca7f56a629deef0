"""How a slot is spent: for processing, for propagation, and how early a turn ends.

Upstream's numbers belong to slots of 500 ms and are scaled to the chain's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Timing = Literal["fio", "eosio2", "leap"]
"""Whose habits producers have: FIO's (EOSIO 1.8), EOSIO 2's, Leap's."""
UPSTREAM_SLOT_MS = 500
PROCESSING_MS = 200
PROPAGATION_MS = 300
LAST_BLOCK_MS: Mapping[Timing, int] = {"fio": 0, "eosio2": 200, "leap": 450}


def scaled(upstream_ms: int, slot_ns: int) -> int:
    """Return how long upstream_ms of a slot of 500 ms are in slots of slot_ns."""
    return upstream_ms * slot_ns // UPSTREAM_SLOT_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """The production windows of one chain (PROTOCOL F28, F29).

    processing_ns: how long the transactions of a block may take. propagation_ns: what is left of a
    slot at least when its block goes out, for it to travel. last_block_ns: how long before its time
    the last block of a turn is out.
    """

    processing_ns: int
    propagation_ns: int
    last_block_ns: int

    @staticmethod
    def of(
        timing: Timing,
        slot_ns: int,
        *,
        processing_ns: int | None = None,
        propagation_ns: int | None = None,
        last_block_ns: int | None = None,
    ) -> Windows:
        """Return the windows of a chain that says these; None stands for upstream's, scaled."""

        def or_scaled(given_ns: int | None, upstream_ms: int) -> int:
            return scaled(upstream_ms, slot_ns) if given_ns is None else given_ns

        return Windows(
            processing_ns=or_scaled(processing_ns, PROCESSING_MS),
            propagation_ns=or_scaled(propagation_ns, PROPAGATION_MS),
            last_block_ns=or_scaled(last_block_ns, LAST_BLOCK_MS[timing]),
        )

    def problem(self, slot_ns: int) -> tuple[str, str] | None:
        """Return which of them no slot so long can have, and why; None when it can have all."""
        if self.processing_ns <= 0:
            return "processing", "must be more than 0"
        if self.propagation_ns < 0:
            return "propagation", "must not be negative"
        if self.processing_ns + self.propagation_ns > slot_ns:
            taken = f"{_ms(self.processing_ns)} and {_ms(self.propagation_ns)} of propagation"
            return "processing", f"{taken} do not fit into a slot of {_ms(slot_ns)}; shorten one"
        if not 0 <= self.last_block_ns < slot_ns:
            return "last_block", f"must be 0 or more and below a slot of {_ms(slot_ns)}"
        return None


def _ms(ns: int) -> str:
    return f"{ns / 1_000_000:g} ms"
