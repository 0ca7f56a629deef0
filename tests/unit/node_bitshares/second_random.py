"""Random numbers and raffles worked out from the bytes of blocks, by tests alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from node.chain.model.block import SignedBlock
from tests.unit.node_bitshares.second_turns import bits, drawn

REVEAL_BYTES = 41
"""At the end of a header that says nothing else: the extension's number, a secret, a hash."""


@dataclass
class SecondRandom:
    """The random number after some blocks of a branch, and how many were drawn on it."""

    number: bytes = bytes(20)
    count: int = 0

    def absorb(self, block: SignedBlock) -> None:
        """Add a block, whose header reveals something and nothing after it."""
        revealed = block.header.packed_for_id(b"")[-REVEAL_BYTES:]
        assert revealed[0] == 4
        self.number = hashlib.new("ripemd160", self.number + revealed[1:21]).digest()

    def winner(self, among: Sequence[str]) -> str:
        """Return who wins the next raffle of the block after these."""
        stream = bits(self.number, self.count << 32)
        self.count += 1
        return among[drawn(stream, len(among))]
