"""The parameters of a chain that header rules read and that a branch may change."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from node.chain.encoding.pack import Reader
from node.chain.genesis import MIN_BLOCK_BYTES
from node.chain.model.codec import block_bytes_ceiling

INTERVAL_S_MAX = 30
SKIP_SLOTS_MAX = 999
U32 = 1 << 32
_LAYOUT = "<BIHI"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What is in force on a branch: how often blocks and maintenance come, how large a block is.

    maintenance_skip_slots: how many slots after a maintenance block stay empty. Upstream the block
    interval divides the maintenance interval. Here it need not: maintenance is due at its own fixed
    times, and is done by the first block on the interval's grid that is not before them.
    """

    block_interval_s: int
    maintenance_interval_s: int
    maintenance_skip_slots: int
    max_block_bytes: int

    def problem(self) -> str | None:
        """Return which of them no chain can have, and what is needed; None when all is well."""
        interval_s, maintenance_s = self.block_interval_s, self.maintenance_interval_s
        if not 1 <= interval_s <= INTERVAL_S_MAX:
            return f"block_interval_s must be 1..{INTERVAL_S_MAX}"
        if not interval_s <= maintenance_s < U32:
            return "maintenance_interval_s must not be less than the interval"
        if not 0 <= self.maintenance_skip_slots <= SKIP_SLOTS_MAX:
            return f"maintenance_skip_slots must be 0..{SKIP_SLOTS_MAX}"
        if not MIN_BLOCK_BYTES <= self.max_block_bytes < U32:
            return f"max_block_bytes must be {MIN_BLOCK_BYTES} or more"
        return None

    def change_problem(self, first: Parameters) -> str | None:
        """Return why a chain that began with first cannot come to have these, None if it can.

        What carries its blocks was made for the size of the first.
        """
        most = block_bytes_ceiling(first.max_block_bytes)
        if self.max_block_bytes > most:
            return f"max_block_bytes must be {most} or less"
        return self.problem()

    def pack(self) -> bytes:
        """Return their bytes, in order."""
        return struct.pack(
            _LAYOUT,
            self.block_interval_s,
            self.maintenance_interval_s,
            self.maintenance_skip_slots,
            self.max_block_bytes,
        )


def read_parameters(reader: Reader) -> Parameters:
    """Return the parameters that reader has next, whether or not a chain can have them.

    Raises:
        DecodeError: it has too few bytes.
    """
    return Parameters(
        block_interval_s=reader.uint("<B"),
        maintenance_interval_s=reader.uint("<I"),
        maintenance_skip_slots=reader.uint("<H"),
        max_block_bytes=reader.uint("<I"),
    )
